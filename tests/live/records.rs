//! Alerts and flow records, and whether those of two runs say the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// What a run wrote.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records {
    pub(crate) flows: Vec<Value>,
    pub(crate) alerts: Vec<Value>,
}

/// The records in a file; none where it is not there.
pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

/// Text of a record at a path such as `event.id`; empty where it has none.
pub(crate) fn text<'a>(record: &'a Value, path: &str) -> &'a str {
    path.split('.').fold(record, |value, key| &value[key]).as_str().unwrap_or_default()
}

/// The ids of alerts, in their order.
pub(crate) fn ids(alerts: &[Value]) -> Vec<String> {
    alerts.iter().map(|alert| text(alert, "event.id").to_owned()).collect()
}

/// The same without the ways packets came: tunnels and hardware addresses. A record tells those of the packet that was
/// followed first; where a mirror delivers copies by two ways that two shards read, that may be either. ICMP is left out:
/// nothing numbers its messages, so which of several within half a millisecond is a copy depends on which came first.
pub(crate) fn without_ways(records: &Records) -> Records {
    let mut records = records.clone();
    records.flows.retain(|flow| !text(flow, "network.transport").contains("icmp"));
    for record in records.flows.iter_mut().chain(&mut records.alerts) {
        for (table, field) in [("borderflow", "tunnel_path"), ("source", "mac"), ("destination", "mac")] {
            if let Some(table) = record[table].as_object_mut() {
                table.remove(field);
            }
        }
    }
    records
}

/// Insists that two runs wrote the same flow records, in whatever order.
pub(crate) fn insist_on_flows(of: &str, found: &[Value], expected: &[Value]) {
    insist(of, "flow records", found.iter(), expected.iter());
}

/// Insists that a daemon made the alerts that a replay of the same frames makes, with every field.
///
/// What the end causes is left out, for the ends differ: a replay ends with its last frame; flows that wait for an answer
/// have none, and findings close. A daemon that is stopped takes neither for granted: its next start goes on with them.
pub(crate) fn insist_on_alerts(of: &str, found: &Records, expected: &Records) {
    let end = expected.flows.iter().map(|flow| text(flow, "event.end")).max().unwrap_or_default();
    let of_frames = |records: &Records| -> Vec<Value> {
        records.alerts.iter().filter(|alert| text(alert, "@timestamp") < end).cloned().collect()
    };
    insist(of, "alerts", of_frames(found).iter(), of_frames(expected).iter());
}

fn insist<'a>(of: &str, what: &str, found: impl Iterator<Item = &'a Value>, expected: impl Iterator<Item = &'a Value>) {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    expected.for_each(|record| *counts.entry(record.to_string()).or_default() -= 1);
    found.for_each(|record| *counts.entry(record.to_string()).or_default() += 1);
    counts.retain(|_, count| *count != 0);
    let differences: Vec<String> = counts.iter().take(8).map(|(record, count)| format!("{count:+} {record}")).collect();
    assert!(
        counts.is_empty(),
        "{of}: {} {what} differ (+ too many, - missing):\n{}",
        counts.len(),
        differences.join("\n")
    );
}
