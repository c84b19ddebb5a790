//! Every format, read back by a parser that knows nothing of our writer: nothing is lost, nothing can be forged, and
//! no limit cuts a record.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test says where it fails")]

#[path = "formats/cef.rs"]
mod cef;
#[path = "formats/leef.rs"]
mod leef;
#[path = "formats/records.rs"]
mod records;
#[path = "formats/schema.rs"]
mod schema;
#[expect(dead_code, reason = "the golden tests use all of them")]
#[path = "golden/stories.rs"]
mod stories;
#[path = "formats/table.rs"]
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use borderflow::encode::{self, EncodeError, Fit, Format, Style};
use proptest::prelude::*;
use serde_json::{Map, Value};

const ALL: [Format; 6] =
    [Format::Ecs, Format::Ocsf, Format::Cef, Format::Leef, Format::Eve, Format::Text(Style::Plain)];

fn encode_within(format: Format, body: &str, max_bytes: usize) -> (Fit, String) {
    let mut out = b"before".to_vec();
    let fit = encode::record(format, body.as_bytes(), max_bytes, &mut out).unwrap_or_else(|e| panic!("{e}: {body}"));
    let text = String::from_utf8(out.split_off(6)).unwrap();
    assert_eq!(out, b"before");
    assert!(text.len() <= max_bytes, "{} bytes of {max_bytes}: {text}", text.len());
    (fit, text)
}

fn whole(format: Format, body: &str) -> String {
    let (fit, text) = encode_within(format, body, usize::MAX);
    assert_eq!(fit, Fit::Whole);
    text
}

fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Nothing in `text` ends a line for any reader, or reorders what a person sees.
fn check_one_line(text: &str) {
    let bad = |c: char| {
        c.is_control() && c != '\t'
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    assert!(!text.contains(bad), "{text:?}");
}

/// A CEF event says what the record says, and nothing else.
fn check_cef(body: &Value, text: &str) {
    let mut event = cef::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let names = ["(vendor)", "(product)", "(version)", "(class)", "(name)", "(severity)"];
    for (ecs, key) in table::of_document(Format::Cef) {
        let Some(value) = table::at(body, &ecs) else { continue };
        if key == "(severity)" {
            assert_eq!(event.header[5], ((value.as_u64().unwrap() + 5) / 10).to_string());
        } else if let Some(place) = names.iter().position(|name| *name == key) {
            assert_eq!(event.header[place], table::clean(Format::Leef, value.as_str().unwrap()), "{key}");
        } else {
            let (key, label) = key.split_once(':').unwrap_or((&key, ""));
            let expected = table::as_text(Format::Cef, key, value);
            assert_eq!(event.extension.remove(key), expected, "{key}: {text}");
            if expected.is_some() && !label.is_empty() {
                assert_eq!(event.extension.remove(&format!("{key}Label")).as_deref(), Some(label));
            }
        }
    }
    assert!(event.extension.is_empty(), "nobody knows {:?}", event.extension);
}

/// A LEEF event says what the record says, and nothing else.
fn check_leef(body: &Value, text: &str) {
    let mut event = leef::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    event.attributes.remove("sev");
    let names = ["(vendor)", "(product)", "(version)", "(event)"];
    for (ecs, key) in table::of_document(Format::Leef).into_iter().filter(|(_, key)| key != "sev") {
        let Some(value) = table::at(body, &ecs) else { continue };
        if let Some(place) = names.iter().position(|name| *name == key) {
            let expected = table::clean(Format::Leef, value.as_str().unwrap()).replace('|', "\u{fffd}");
            assert_eq!(event.header[place], expected, "{key}");
        } else {
            assert_eq!(event.attributes.remove(&key), table::as_text(Format::Leef, &key, value), "{key}: {text}");
        }
    }
    assert!(event.attributes.is_empty(), "nobody knows {:?}", event.attributes);
}

/// What a JSON format writes otherwise than ECS has it, beside times.
const CONVERTED: [&str; 30] = [
    "activity_id",
    "activity_name",
    "duration",
    "metadata.untruncated_size",
    "finding_info.types",
    "finding_info.attacks",
    "resources",
    "connection_info.direction_id",
    "connection_info.direction",
    "connection_info.boundary_id",
    "connection_info.boundary",
    "connection_info.protocol_num",
    "connection_info.protocol_ver_id",
    "ja4_fingerprint_list",
    "is_src_dst_assignment_known",
    "timestamp",
    "proto",
    "tls.sni",
    "tls.version",
    "tls.subject",
    "tls.issuerdn",
    "http.hostname",
    "alert.signature_id",
    "alert.metadata.tag",
    "time",
    "start_time",
    "end_time",
    "finding_info.first_seen_time",
    "finding_info.last_seen_time",
    "finding_info.modified_time",
];

/// An event in JSON has the record's values under the keys of the table.
fn check_json(format: Format, body: &Value, text: &str) {
    let event = Value::Object(object(text));
    let is_alert = body["event"]["dataset"] == "borderflow.alert";
    for (ecs, key) in table::of_document(format) {
        let Some(value) = table::at(body, &ecs) else { continue };
        let of_connection =
            ["src_endpoint.", "dst_endpoint.", "connection_info."].iter().any(|set| key.starts_with(set));
        let is_ocsf = format == Format::Ocsf;
        let root = if is_ocsf && is_alert && of_connection { event["evidences"].get(0) } else { Some(&event) };
        let found = root.and_then(|root| table::at(root, &key));
        let other_class = if is_ocsf {
            key.starts_with("traffic.") || key == "app_name" || key.starts_with("finding_info.")
        } else {
            key.starts_with("alert.") && !is_alert
        };
        if found.is_none() && (other_class || of_connection && event.get("evidences").is_none()) {
            continue;
        }
        if key.ends_with("time") {
            assert_eq!(found.and_then(Value::as_u64), table::millis(value), "{key}: {text}");
        } else if !CONVERTED.contains(&key.as_str()) {
            assert_eq!(found, Some(value), "{key}: {text}");
        }
    }
}

fn check_schema(format: Format, text: &str) {
    let wrong = match format {
        Format::Ocsf => schema::Ocsf::read().check(&object(text)),
        Format::Eve => schema::check_eve(&object(text)),
        Format::Ecs | Format::Cef | Format::Leef | Format::Text(_) => Vec::new(),
    };
    assert!(wrong.is_empty(), "{wrong:#?}\n{text}");
}

/// Everything there is to say of one whole record in one format.
fn check(format: Format, body: &str, text: &str) {
    let record = Value::Object(object(body));
    check_one_line(text);
    match format {
        Format::Ecs => assert_eq!(Value::Object(object(text)), record),
        Format::Cef => check_cef(&record, text),
        Format::Leef => check_leef(&record, text),
        Format::Ocsf | Format::Eve => {
            check_schema(format, text);
            check_json(format, &record, text);
        }
        Format::Text(_) => {
            let message = record.get("message").and_then(Value::as_str).unwrap_or_default();
            assert!(text.ends_with(&table::clean(Format::Leef, message)), "{text}");
        }
    }
}

#[test]
fn every_record_is_read_back_with_the_values_that_ecs_has() {
    let records = records::all();
    assert!(records.len() > 500);
    for body in &records {
        for format in ALL {
            check(format, body, &whole(format, body));
        }
    }
}

#[test]
fn the_table_of_fields_in_the_manual_is_what_the_formats_do() {
    let text = fs::read_to_string(table::PATH).unwrap_or_default();
    let begin = text.find("| ECS |").unwrap_or(text.len());
    if std::env::var_os("BORDERFLOW_BLESS").is_some() {
        fs::write(table::PATH, format!("{}{}", &text[..begin], table::of_library())).unwrap();
        return;
    }
    assert_eq!(text[begin..], table::of_library(), "docs/siem/fields.md differs; BORDERFLOW_BLESS=1 writes it anew");
}

#[test]
fn ecs_that_fits_is_copied_byte_by_byte() {
    for body in records::demo() {
        assert_eq!(encode_within(Format::Ecs, &body, body.len()), (Fit::Whole, body.clone()));
        let (fit, shorter) = encode_within(Format::Ecs, &body, body.len() - 1);
        assert_eq!((fit, &object(&shorter)["borderflow"]["truncated"]), (Fit::Shortened, &Value::Bool(true)));
    }
}

#[test]
fn an_alert_in_text_is_the_line_that_a_replay_prints() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/demo");
    let (config, capture) = (format!("{folder}/config.toml"), format!("{folder}/demo.pcapng"));
    let directory = tempfile::tempdir().unwrap();
    let program = borderflow_testkit::program::Program::new(env!("CARGO_BIN_EXE_borderflow"), directory.path());
    let printed = program.args(["replay", "--format", "text", "-c", &config, &capture]).run().stdout;
    let alerts: Vec<String> = records::demo().into_iter().filter(|body| body.contains("borderflow.alert")).collect();
    for (line, body) in printed.lines().zip(&alerts) {
        assert_eq!(whole(Format::Text(Style::Plain), body), line);
    }
    assert!(whole(Format::Text(Style::Coloured), &alerts[0]).contains("\u{1b}[1m"));
}

#[test]
fn identifiers_of_ocsf_and_eve_follow_from_the_finding() {
    let of = |format: Format, body: &str| Value::Object(object(&whole(format, body)));
    let numbers = |event: &Value, path: &str| table::at(event, path).and_then(Value::as_u64);
    let mut classes = BTreeMap::new();
    for body in records::all() {
        let record: Value = serde_json::from_str(&body).unwrap();
        let (ocsf, eve) = (of(Format::Ocsf, &body), of(Format::Eve, &body));
        *classes.entry(numbers(&ocsf, "type_uid").unwrap()).or_insert(0) += 1;
        if let Some(step) = table::at(&record, "borderflow.finding.step").and_then(Value::as_str) {
            let activity = ["opened", "updated", "closed"].iter().position(|known| *known == step).unwrap();
            assert_eq!(numbers(&ocsf, "activity_id"), Some(activity as u64 + 1));
            let is_accepted = record["event"]["severity"] == 0;
            assert_eq!(ocsf["is_alert"], step != "closed" && !is_accepted, "{body}");
        }
        if let Some(level) =
            table::at(&record, "borderflow.severity.level").filter(|_| record["event"]["severity"] != 0)
        {
            let levels = ["low", "medium", "high", "critical"];
            let rank = levels.iter().position(|known| level == known).unwrap();
            assert_eq!(numbers(&ocsf, "severity_id"), Some(rank as u64 + 2));
            assert_eq!(numbers(&eve, "alert.severity"), Some([3, 2, 1, 1][rank]));
        }
        if let Some(direction) = table::at(&record, "network.direction").and_then(Value::as_str) {
            let connection = if ocsf["class_uid"] == 2004 { &ocsf["evidences"][0] } else { &ocsf };
            let expected = BTreeMap::from([("inbound", 1), ("outbound", 2), ("internal", 3), ("external", 99)]);
            assert_eq!(numbers(connection, "connection_info.direction_id"), Some(expected[direction]));
        }
        let evidence = table::at(&record, "borderflow.evidence").and_then(Value::as_array).map_or(0, Vec::len);
        assert_eq!(ocsf["enrichments"].as_array().map_or(0, Vec::len), evidence, "each piece of evidence enriches");
    }
    let met: BTreeSet<u64> = classes.into_keys().collect();
    assert!(met.is_superset(&BTreeSet::from([200_401, 200_402, 200_403, 400_102, 400_104, 400_106])), "{met:?}");
}

#[test]
fn each_rule_has_a_signature_of_its_own_in_the_range_for_local_use() {
    let mut signatures = BTreeMap::new();
    for body in records::all().iter().filter(|body| body.contains("borderflow.alert")) {
        let record: Value = serde_json::from_str(body).unwrap();
        let rule = record["rule"]["id"].as_str().unwrap_or_default().to_owned();
        let event = object(&whole(Format::Eve, body));
        signatures.insert(rule, event["alert"]["signature_id"].as_u64().unwrap());
    }
    let distinct: BTreeSet<u64> = signatures.values().copied().collect();
    assert_eq!(distinct.len(), signatures.len(), "{signatures:?}");
    assert!(distinct.iter().all(|number| (1_000_000..2_000_000).contains(number)));
    assert!(signatures.len() >= 8, "{signatures:?}");
}

/// What a shortened record of each format must still say.
fn check_shortened(format: Format, record: &Value, text: &str) {
    let says = |value: &Value| value.as_str().is_none_or(|wanted| text.contains(wanted));
    match format {
        Format::Cef => {
            let event = cef::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
            assert_eq!(event.extension["borderflowTruncated"], "true");
        }
        Format::Leef => {
            let event = leef::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
            assert_eq!(event.attributes["truncated"], "true");
        }
        Format::Ecs | Format::Eve => assert_eq!(object(text)["borderflow"]["truncated"], true),
        Format::Ocsf => assert_eq!(object(text)["metadata"]["is_truncated"], true),
        Format::Text(_) => {
            assert!(text.ends_with(" [shortened]"), "{text}");
            return;
        }
    }
    check_schema(format, text);
    let kept = ["event.id", "source.ip", "destination.ip", "borderflow.finding.id", "rule.id"];
    for path in kept {
        assert!(table::at(record, path).is_none_or(says), "{path} is lost: {text}");
    }
}

fn check_limits(body: &str, limits: impl Iterator<Item = usize>) {
    let record: Value = serde_json::from_str(body).unwrap();
    let sizes = ALL.map(|format| whole(format, body).len());
    for limit in limits {
        for (format, size) in ALL.into_iter().zip(sizes).filter(|(format, _)| limit >= format.least_bytes()) {
            let (fit, text) = encode_within(format, body, limit);
            check_one_line(&text);
            assert_eq!(fit, if size <= limit { Fit::Whole } else { Fit::Shortened }, "{format} in {limit}");
            if fit == Fit::Shortened {
                check_shortened(format, &record, &text);
            }
        }
    }
}

#[test]
fn every_limit_gives_a_whole_record_that_says_whether_it_was_shortened() {
    let records = records::all();
    let longest = records.iter().max_by_key(|body| body.len()).unwrap();
    check_limits(longest, (480..5_000).chain([65_507]));
    for body in &records {
        check_limits(body, [480, 512, 1_024, 1_400, 2_048, 8_192].into_iter());
    }
}

#[test]
fn names_of_any_length_fit_every_limit() {
    let mut record: Value = serde_json::from_str(&records::demo()[0]).unwrap();
    let long = "=|\\\"\u{1b}é\u{2028}\n".repeat(1_500);
    for path in [
        "/borderflow/asset/name",
        "/borderflow/asset/owner",
        "/destination/domain",
        "/borderflow/entity/name",
        "/message",
    ] {
        *record.pointer_mut(path).unwrap() = long.clone().into();
    }
    record["borderflow"]["exception"] = serde_json::json!({ "name": long, "reason": long });
    record["observer"]["hostname"] = long.clone().into();
    record["rule"]["id"] = "remote-management".into();
    for end in ["source", "destination"] {
        record[end]["ip"] = "2001:db8:1111:2222:3333:4444:5555:6666".into();
    }
    record["tls"] = serde_json::json!({ "version": "1.3", "client": { "server_name": vec![long.clone(); 3] } });
    record["user_agent"] = serde_json::json!({ "original": long });
    check_limits(&record.to_string(), (480..65_507).step_by(1_337).chain([65_507]));
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let body = records::demo().remove(0);
    for format in ALL {
        let mut out = b"kept".to_vec();
        let refused = encode::record(format, body.as_bytes(), 40, &mut out);
        assert!(matches!(refused, Err(EncodeError::TooSmall { max_bytes: 40, .. })), "{format}: {refused:?}");
        let refused = encode::record(format, br#"{"event":{"dataset":"other"},"@timestamp":"x"}"#, 4_096, &mut out);
        assert!(matches!(refused, Err(EncodeError::NotOurs(_))), "{format}: {refused:?}");
        assert_eq!(out, b"kept");
    }
}

#[test]
fn a_format_is_found_by_its_name_and_a_wrong_name_tells_the_right_ones() {
    for (name, format) in Format::NAMES {
        assert_eq!((name.parse(), format.to_string().as_str()), (Ok(format), name));
    }
    let error = "json".parse::<Format>().unwrap_err().to_string();
    assert_eq!(error, "no format is called \"json\"; there are ecs, ocsf, cef, leef, eve, text");
}

/// Text that wants to be something else.
fn hostile() -> impl Strategy<Value = String> {
    let marks = "\n\r\t|=\\\"\u{0}\u{1b}\u{7f}\u{85}\u{2028}\u{2029}\u{202e}\u{feff} ,#{}[]";
    let piece = prop_oneof![
        4 => proptest::sample::select(marks.chars().map(String::from).collect::<Vec<_>>()),
        2 => any::<char>().prop_map(String::from),
        1 => proptest::sample::select(vec![" src=10.6.6.6", "\tdst=10.6.6.6", "|9|", "CEF:0|", "\\", "\",\"rule\":{\"id\":\"x\"}"])
            .prop_map(str::to_owned),
        1 => "[a-z]{1,5}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Replaces every text of `value` but those that make it a record and times; empty ones stay out of CEF's header.
fn infest(path: &str, value: &mut Value, texts: &mut impl Iterator<Item = String>) {
    let kept = ["event.dataset", "@timestamp", "event.start", "event.end"];
    match value {
        Value::String(text) if !kept.contains(&path) => *text = format!("n{}", texts.next().unwrap()),
        Value::Array(values) => values.iter_mut().for_each(|value| infest(path, value, texts)),
        Value::Object(fields) => {
            let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            fields.iter_mut().for_each(|(name, value)| infest(&below(name), value, texts));
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_name_can_forge_a_field_or_a_line_in_any_format(
        which in 0usize..1_000,
        texts in proptest::collection::vec(hostile(), 30),
        limit in 480usize..6_000,
    ) {
        static RECORDS: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(records::all);
        let mut record: Value = serde_json::from_str(&RECORDS[which * 7 % RECORDS.len()]).unwrap();
        infest("", &mut record, &mut texts.into_iter().cycle());
        let body = record.to_string();
        for format in ALL {
            check(format, &body, &whole(format, &body));
            let mut out = Vec::new();
            match encode::record(format, body.as_bytes(), limit, &mut out) {
                Ok(_) => check_one_line(std::str::from_utf8(&out).unwrap()),
                Err(error) => prop_assert!(matches!(error, EncodeError::TooSmall { .. }), "{error}"),
            }
        }
    }
}
