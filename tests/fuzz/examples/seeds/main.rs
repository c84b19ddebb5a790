//! Writes the first inputs of every target below the directory given: `cargo run --example seeds -- DIR`.
//!
//! They are made by our own code; the corpora grew out of them.

mod captures;
mod frames;
mod payloads;

use std::error::Error;
use std::path::Path;

use borderflow::inspect::Carrier;
use borderflow_fuzz::{conversation, dialogue, readers};
use borderflow_testkit::Prng;
use payloads::Flow;

type Inputs = Vec<(String, Vec<u8>)>;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: seeds DIRECTORY")?;
    let flows = payloads::flows(&root().join("tests/peers/captures"))?;
    for (target, inputs) in [
        ("announce", payloads::announcements()),
        ("config", config()?),
        ("conversation", conversation(&flows)),
        ("decoder", decoder()),
        ("dialogue", dialogue(&flows)),
        ("flow_table", random(12, 600)),
        ("mmdb", mmdb()?),
        ("reader", reader()),
        ("readers", readers(&flows)),
        ("reassembly", random(12, 200)),
        ("replay", replay()),
    ] {
        let directory = Path::new(&directory).join(target);
        std::fs::create_dir_all(&directory)?;
        for (name, bytes) in inputs {
            std::fs::write(directory.join(name), bytes)?;
        }
    }
    Ok(())
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The shipped file section by section, as it is and with its examples uncommented, and two `--set` arguments.
fn config() -> Result<Inputs, Box<dyn Error>> {
    let shipped = std::fs::read_to_string(root().join("config.toml"))?;
    let mut inputs = Inputs::new();
    for (number, section) in shipped.split("\n\n").enumerate() {
        let uncommented: Vec<_> = section.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)).collect();
        inputs.push((format!("section-{number}"), section.into()));
        inputs.push((format!("examples-{number}"), uncommented.join("\n").into()));
    }
    inputs.push(("sets".to_owned(), b"[flow]\n\0flow.max_flows=10\0monitor.home=[\"10.0.0.0/8\"]".to_vec()));
    Ok(inputs)
}

/// The layouts of the tests, for both roles.
fn mmdb() -> Result<Inputs, Box<dyn Error>> {
    let mut inputs = Inputs::new();
    for entry in std::fs::read_dir(root().join("tests/data/mmdb"))? {
        let entry = entry?;
        let bytes = std::fs::read(entry.path())?;
        for role in [0, 1] {
            inputs.push((format!("{}-{role}", entry.file_name().display()), [&[role], bytes.as_slice()].concat()));
        }
    }
    Ok(inputs)
}

fn reader() -> Inputs {
    let mut inputs = Inputs::new();
    for (name, capture) in captures::all() {
        for packing in 0..8 {
            inputs.push((format!("{name}-{packing}"), [&[packing, 7 * packing], capture.as_slice()].concat()));
        }
    }
    for (name, packed) in captures::packed() {
        inputs.push((name, [&[0, 9], packed.as_slice()].concat()));
    }
    inputs
}

fn replay() -> Inputs {
    let all = captures::all().into_iter().chain(captures::packed());
    all.map(|(name, capture)| (name, [&[2], capture.as_slice()].concat())).collect()
}

/// Each frame alone, cut short, and all of them after each other.
fn decoder() -> Inputs {
    let one = |link: u8, step: u8, cut: u8, frame: &[u8]| {
        let len = (frame.len() as u16).to_be_bytes();
        [&[link, step, cut, len[0], len[1]], frame].concat()
    };
    let mut inputs = Inputs::new();
    let mut together = vec![4];
    for (name, link, frame) in frames::all() {
        inputs.push((name.to_owned(), [&[0][..], &one(link, 1, 0, &frame)].concat()));
        let (cut, _) = frame.split_at(frame.len() * 3 / 4);
        inputs.push((format!("{name}-cut"), [&[4][..], &one(link, 1, 140, cut), &one(link, 1, 0, &frame)].concat()));
        together.extend(one(link, 1, 0, &frame));
    }
    inputs.push(("together".to_owned(), together));
    inputs
}

/// Each flow in order, cut into pieces that change places and come twice.
fn conversation(flows: &[Flow]) -> Inputs {
    let named = |flow: &Flow, inputs: [Vec<u8>; 2]| {
        let [plain, mixed] = inputs;
        [(flow.name.clone(), plain), (format!("{}-mixed", flow.name), mixed)]
    };
    let inputs = flows.iter().flat_map(|flow| {
        let port = conversation::port_number(flow.port);
        let of = |plan: &[u8]| [&[port], plan, &flow.directions()].concat();
        let datagrams = |repeated: u8| [&[port | 0x80, repeated], flow.datagrams().as_slice()].concat();
        let mixed = Prng::new(u64::from(flow.port)).bytes(conversation::PLAN_BYTES);
        let streams = || [of(&[0; conversation::PLAN_BYTES]), of(&mixed)];
        named(flow, if flow.is_stream { streams() } else { [datagrams(0), datagrams(0xff)] })
    });
    inputs.collect()
}

fn dialogue(flows: &[Flow]) -> Inputs {
    let inputs = flows.iter().filter_map(|flow| {
        let plan = Prng::new(u64::from(flow.port)).bytes(dialogue::PLAN_BYTES);
        let (carrier, said) = if flow.is_stream {
            (Carrier::Stream, [plan, flow.directions()].concat())
        } else {
            (Carrier::Datagram, flow.datagrams())
        };
        Some((flow.name.clone(), [&[dialogue::choice(carrier, flow.port)?], said.as_slice()].concat()))
    });
    inputs.collect()
}

/// The first payloads of each flow for every reader that does not refuse them.
fn readers(flows: &[Flow]) -> Inputs {
    let mut inputs = Inputs::new();
    for flow in flows {
        for (number, (_, payload)) in flow.payloads.iter().take(4).enumerate() {
            for (reader, input) in readers::inputs(payload).into_iter().enumerate() {
                inputs.push((format!("{}-{number}-{reader}", flow.name), input));
            }
        }
    }
    inputs
}

fn random(count: u64, len: usize) -> Inputs {
    (0..count).map(|seed| (format!("random-{seed}"), Prng::new(seed).bytes(len))).collect()
}
