//! Who acts on whom, where segments come in pieces, swapped or one-sided, and where what was asked is refused.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test says where it fails")]

use borderflow::capture::{Batch, LinkType};
use borderflow::config::Config;
use borderflow::deliver::Output;
use borderflow::detect::{Activity, Alert, Judged};
use borderflow::net::Timestamp;
use borderflow::pipeline::{Front, Judge, Shard};
use borderflow::run;
use borderflow_testkit::industrial::modbus;
use borderflow_testkit::{Conversation, Frame, Host, Side};

const PLC: &str = "10.20.0.10";
const ABROAD: &str = "198.51.100.7";
const START_NS: u64 = 1_762_934_400_000_000_000;
const SECOND: u64 = 1_000_000_000;

#[derive(Default)]
struct Alerts(Vec<Alert>);

impl Output for Alerts {
    fn alert(&mut self, alert: &Alert) {
        self.0.push(alert.clone());
    }

    fn flow(&mut self, _: &Judged<'_>) {}
}

/// The last word on each finding: rule, severity, commands by kind.
fn replay(frames: &[Frame]) -> Vec<(String, u8, [u64; 4])> {
    let settings = [
        "monitor.home=[\"10.20.0.0/24\"]".to_owned(),
        "geoip.override=[{prefix=\"198.51.100.0/24\", country=\"CN\"}]".to_owned(),
    ];
    let config = Config::from_text(None, &settings).unwrap();
    let (decode, flow) = (run::decode_options(&config), run::flow_options(&config));
    let (mut front, mut shard) = (Front::new(decode, None, flow.seed), Shard::new(&flow, decode, 0, 1));
    let mut judge = Judge::new(run::attributor(&config).unwrap(), run::policy(&config));
    let (mut alerts, mut batch, mut updates, mut packets) =
        (Alerts::default(), Batch::default(), Vec::new(), [Vec::new()]);
    for frame in frames {
        batch.push(Timestamp::from_nanos(frame.timestamp_ns), LinkType::ETHERNET, frame.wire_len, &frame.data);
    }
    front.decode(&mut batch, &mut packets);
    let [list] = &mut packets;
    shard.handle(&batch, list, front.clock(), &mut updates);
    front.finish();
    shard.finish(front.clock(), &mut updates);
    judge.finish(&mut updates, front.clock(), &mut [&mut alerts]);
    let closed = alerts.0.iter().filter(|alert| alert.step == borderflow::detect::Step::Closed);
    closed.map(|alert| (named(alert), alert.severity.score, alert.totals.commands)).collect()
}

fn named(alert: &Alert) -> String {
    if let Activity::Management(via) = alert.activity {
        return format!("{} {}", via.class.as_str(), via.protocol);
    }
    alert.activity.id().to_owned()
}

fn from_abroad(port: u16) -> Conversation {
    Conversation::new(Host::new(ABROAD), 40_000, Host::new(PLC), port).at(START_NS)
}

fn write() -> Vec<u8> {
    modbus::write_register(2, 1, 7, 1)
}

/// A read, then a write, each answered; the write in two segments.
fn write_in_pieces() -> Vec<Frame> {
    let read = modbus::read_registers(1, 1, 0, 2);
    let (head, tail) = (&write()[..7], &write()[7..]);
    let talk = from_abroad(502).open().exchange(Side::Client, &read, &modbus::registers(1, 1, &[1, 2]));
    talk.wait(SECOND).client(head).client(tail).server(&write()).close().frames()
}

#[test]
fn a_write_in_two_segments_is_a_write_also_when_they_swap_places() {
    let frames = write_in_pieces();
    assert_eq!(replay(&frames), [("A modbus".to_owned(), 80, [1, 1, 0, 0])]);
    // The pieces are the only two frames of a client one directly after the other.
    let from_client = |frame: &Frame| frame.data[26..30] == [198, 51, 100, 7] && frame.timestamp_ns > START_NS + SECOND;
    let head = frames.windows(2).position(|pair| pair.iter().all(from_client)).unwrap();
    let mut swapped = frames;
    swapped.swap(head, head + 1);
    assert_eq!(replay(&swapped), [("A modbus".to_owned(), 80, [1, 1, 0, 0])]);
}

#[test]
fn of_a_mirror_that_shows_one_side_the_commands_are_still_seen() {
    let frames = from_abroad(502).only(Side::Client).open();
    let frames = frames.exchange(Side::Client, &write(), &write()).exchange(Side::Client, &write(), &write());
    assert_eq!(replay(&frames.frames()), [("A modbus".to_owned(), 80, [0, 2, 0, 0])]);
}

#[test]
fn a_command_that_another_protocol_answers_is_obeyed_by_nobody() {
    let frames = from_abroad(8080).open().exchange(Side::Client, &write(), b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_eq!(replay(&frames.close().frames()), [("attempt".to_owned(), 10, [0; 4])]);
}

#[test]
fn a_refused_upload_is_a_failed_login_and_no_session() {
    let post = b"POST /cgi-bin/upgrade.cgi HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    let frames = from_abroad(80).open().exchange(Side::Client, post, b"HTTP/1.1 404 Not Found\r\n\r\n");
    let told = replay(&frames.close().frames());
    assert!(told.iter().all(|(rule, severity, _)| rule == "login-failed" && *severity < 20), "{told:?}");
}

#[test]
fn an_asset_that_writes_to_somebody_abroad_is_not_managed_even_where_the_capture_begins_with_the_echo() {
    let talk = Conversation::new(Host::new(PLC), 40_000, Host::new(ABROAD), 502).at(START_NS);
    let midstream = talk.clone().server(&write()).exchange(Side::Client, &write(), &write()).frames();
    for frames in [talk.open().exchange(Side::Client, &write(), &write()).close().frames(), midstream] {
        let told = replay(&frames);
        assert!(told.iter().all(|(rule, ..)| rule == "egress"), "{told:?}");
        assert_eq!(told.len(), 1);
    }
}
