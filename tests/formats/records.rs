//! Records to write: every alert and flow of the demo and of golden captures, and alerts of kinds that no capture makes.

use std::fs;
use std::path::Path;

use borderflow_testkit::program::Program;
use borderflow_testkit::{Frame, Pcap};
use serde_json::{Value, json};

use crate::stories;

/// One ECS record each, as the journal keeps it.
pub(crate) fn all() -> Vec<String> {
    let mut records = demo();
    let told = [
        ("ipv6", stories::ipv6()),
        ("vlan", stories::vlan()),
        ("attempts", stories::attempts()),
        ("controller_written_to", stories::controller_written_to()),
        ("failed_logins", stories::failed_logins()),
        ("inbound_session", stories::inbound_session()),
        ("mqtt_push", stories::mqtt_push()),
    ];
    for (behaviour, frames) in told {
        records.extend(golden(behaviour, frames));
    }
    records.extend(made());
    records
}

/// The demo's alerts, then its flows.
pub(crate) fn demo() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/demo");
    replay(&format!("{folder}/config.toml"), &format!("{folder}/demo.pcapng"))
}

fn golden(behaviour: &str, mut frames: Vec<Frame>) -> Vec<String> {
    frames.sort_by_key(|frame| frame.timestamp_ns);
    let directory = tempfile::tempdir().unwrap();
    let capture = directory.path().join("capture.pcap");
    fs::write(&capture, Pcap::microseconds(1).write(&frames)).unwrap();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(behaviour).join("config.toml");
    replay(config.to_str().unwrap(), capture.to_str().unwrap())
}

fn replay(config: &str, capture: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_borderflow"), directory.path());
    let outcome = program.args(["replay", "--format", "ecs", "--flows", "flows", "-c", config, capture]).run();
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let flows = fs::read_to_string(directory.path().join("flows")).unwrap();
    outcome.stdout.lines().chain(flows.lines()).map(str::to_owned).collect()
}

/// A slow drip, an accepted risk, the sensor about itself, and a test; each without what it cannot have.
pub(crate) fn made() -> Vec<String> {
    let observer = json!({ "vendor": "Borderflow", "product": "borderflow", "version": "0.1.0", "type": "sensor",
        "hostname": "span-1" });
    let event = |id: &str, severity: u8| {
        json!({ "kind": "alert", "category": ["network"], "type": ["info"], "module": "borderflow", "id": id,
            "dataset": "borderflow.alert", "severity": severity, "risk_score": severity })
    };
    let record = |rule: &str, event: Value, borderflow: Value| {
        json!({ "@timestamp": "2025-11-12T10:00:00.000000001Z", "message": format!("about {rule}"), "event": event,
            "ecs": { "version": "9.4.0" }, "observer": observer, "rule": { "id": rule, "name": format!("The {rule} rule") },
            "borderflow": borderflow })
    };
    let drip = json!({ "finding": { "id": "f1", "step": "opened", "number": 0 },
        "asset": { "name": "meter-7", "declared": true, "criticality": "high" },
        "jurisdiction": { "iso_code": "CN", "name": "China" }, "severity": { "level": "high", "reasons": [] },
        "first_contact": ["jurisdiction", "entity"],
        "volume": { "window": "30 days", "bytes": 7_000_000, "threshold_bytes": 5_000_000 },
        "coverage": { "frames": 9, "frames_lost": 1 } });
    let mut accepted = record("egress", event("a2", 0), drip.clone());
    accepted["source"] = json!({ "ip": "2001:db8::1", "port": 1 });
    accepted["borderflow"]["exception"] = json!({ "name": "vendor support", "reason": "contract", "approver": "CISO", "expires": "2026-01-01", "ticket": "R-7" });
    let records = [
        record("volume", event("a1", 72), drip),
        accepted,
        record("self", event("a3", 60), json!({})),
        record("test", event("a4", 1), json!({ "asset": { "name": "nobody" } })),
        json!({ "@timestamp": "2025-11-12T10:00:00Z", "event": { "dataset": "borderflow.alert" } }),
        json!({ "@timestamp": "2025-11-12T10:00:00Z", "event": { "dataset": "borderflow.flow" },
            "source": { "ip": "10.0.0.1" } }),
    ];
    records.iter().map(Value::to_string).collect()
}
