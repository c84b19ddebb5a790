//! Any capture through the whole pipeline, with the shipped databases and the default policy.
//!
//! Input: how the capture is cut into blocks, then the capture. Every frame is accounted for, every record is JSON, and
//! neither the number of shards nor the blocks change a byte of the output.

use std::sync::{Arc, OnceLock};

use borderflow::attribute::Attributor;
use borderflow::capture::{Batch, CaptureReader, Delivery, PacketSource};
use borderflow::config::Config;
use borderflow::deliver::Output;
use borderflow::detect::{Alert, Judged};
use borderflow::encode::{Style, ecs, text};
use borderflow::flow::{FlowCounters, Options};
use borderflow::pipeline::{Front, FrontCounters, Judge, Shard};
use borderflow::{decode, run};

use super::reader::is_compressed;

/// Batches read at most: a few bytes of a compressed capture can hold millions of frames.
const MOST_BATCHES: usize = 2000;

/// Checks one input.
pub fn check(data: &[u8]) {
    let Some((cut, capture)) = data.split_first() else { return };
    let block_bytes = 64 << (cut & 7);
    let one = replay(capture, 1, 4096, Delivery::Full);
    let three = replay(capture, 3, block_bytes, Delivery::Prompt);
    // A damaged stream may give up more or less of what came before the damage.
    let is_certain = !(one.is_damaged && is_compressed(capture));
    if one.batches < MOST_BATCHES && three.batches < MOST_BATCHES && is_certain {
        assert_eq!(one.front, three.front);
        assert_eq!(one.flows, three.flows);
        assert!(one.records.bytes == three.records.bytes, "{one}\n--- or, with three shards ---\n{three}");
    }
    for line in one.records.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let record: Result<serde_json::Value, _> = serde_json::from_slice(line);
        assert!(record.is_ok_and(|record| record.is_object()), "{}", String::from_utf8_lossy(line));
    }
}

struct Replayed {
    records: Records,
    front: FrontCounters,
    flows: FlowCounters,
    batches: usize,
    is_damaged: bool,
}

impl std::fmt::Display for Replayed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.records.bytes))
    }
}

/// Alerts and flows as ECS lines.
#[derive(Default)]
struct Records {
    bytes: Vec<u8>,
    text: Vec<u8>,
    table: text::Table,
}

impl Output for Records {
    fn alert(&mut self, alert: &Alert) {
        ecs::alert(alert, &mut self.bytes);
        text::alert(alert, Style::Plain, &mut self.text);
        self.table.add(alert);
    }

    fn flow(&mut self, judged: &Judged<'_>) {
        ecs::flow(judged, &mut self.bytes);
    }
}

/// What does not change from input to input.
struct Setting {
    config: Config,
    attributor: Arc<Attributor>,
}

fn setting() -> &'static Setting {
    static SETTING: OnceLock<Setting> = OnceLock::new();
    SETTING.get_or_init(|| {
        let config = Config::from_text(None, &[]).unwrap_or_else(|error| panic!("the defaults: {error}"));
        let attributor = run::attributor(&config).unwrap_or_else(|error| panic!("the shipped databases: {error}"));
        Setting { config, attributor: Arc::new(attributor) }
    })
}

fn replay(capture: &[u8], shards: usize, block_bytes: usize, delivery: Delivery) -> Replayed {
    let setting = setting();
    let decode = decode::Options {
        fragments: decode::FragmentOptions { max_bytes: 64 << 10, max_datagrams: 16, ..Default::default() },
        ..run::decode_options(&setting.config)
    };
    let flow = Options { max_flows: 256, max_inspections: 64, ..run::flow_options(&setting.config) };
    let mut front = Front::new(decode, None, flow.seed);
    let mut stages: Vec<Shard> = (0..shards).map(|shard| Shard::new(&flow, decode, shard, shards)).collect();
    let mut judge = Judge::new(Arc::clone(&setting.attributor), run::policy(&setting.config));
    let (mut records, mut batch, mut updates) = (Records::default(), Batch::default(), Vec::new());
    let mut lists = vec![Vec::new(); shards];
    let mut reader = CaptureReader::new("input", capture, delivery).with_block_bytes(block_bytes);
    let (mut batches, mut is_damaged) = (0, false);
    while batches < MOST_BATCHES {
        match reader.next_batch(&mut batch) {
            Ok(true) => batches += 1,
            Ok(false) => break,
            Err(_) => {
                is_damaged = true;
                continue;
            }
        }
        front.decode(&mut batch, &mut lists);
        for (shard, list) in stages.iter_mut().zip(&mut lists) {
            shard.handle(&batch, list, front.clock(), &mut updates);
            list.clear();
        }
        judge.hear(front.sightings());
        judge.handle(&mut updates, &mut [&mut records]);
    }
    front.finish();
    stages.iter_mut().for_each(|shard| shard.finish(front.clock(), &mut updates));
    judge.finish(&mut updates, front.clock(), &mut [&mut records]);
    records.table.write(&mut records.text);
    let mut flows = FlowCounters::default();
    stages.iter().for_each(|shard| flows.add(&shard.counters()));
    let counters = front.counters();
    assert_eq!(counters.decode.frames_decoded + counters.skips.total(), counters.frames_read, "{counters:?}");
    Replayed { records, front: counters, flows, batches, is_damaged }
}
