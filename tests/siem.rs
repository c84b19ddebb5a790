//! What `docs/siem` hands to a SIEM: every file parses, and every field it names is one that records have.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test says where it fails")]

#[path = "siem/artefacts.rs"]
mod artefacts;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

/// Fields of records that no capture of the contract makes.
const BESIDES: [&str; 1] = ["observer.hostname"];

/// Rules that no capture of the contract breaks.
const RULES_BESIDES: [&str; 1] = ["self"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/siem")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Name, type and values of each field of the contract.
fn contract() -> Vec<(&'static str, &'static str, &'static str)> {
    let lines = include_str!("contract/ecs.tsv").lines().filter(|line| !line.starts_with('#')).skip(1);
    let row = |line: &'static str| {
        let mut cells = line.split('\t');
        let (name, kind) = (cells.next().unwrap(), cells.next().unwrap());
        (name, kind, cells.nth(1).unwrap_or(""))
    };
    lines.map(row).collect()
}

fn check_fields(file: &str, text: &str) {
    let contract = contract();
    let known: BTreeSet<&str> = contract.iter().map(|(name, _, _)| *name).chain(BESIDES).collect();
    let found = artefacts::fields(text);
    for field in &found {
        let is_set = known.iter().any(|name| name.strip_prefix(field).is_some_and(|rest| rest.starts_with('.')));
        assert!(known.contains(field) || is_set, "{file} names {field}, which no record has");
    }
    assert!(!found.is_empty(), "{file} names no field");
}

/// The mapping of a field by the type that the contract gives it; where ECS says another, that one.
fn mapping(name: &str, kind: &str) -> Value {
    match (name, kind) {
        ("event.risk_score", _) => json!({ "type": "float" }),
        (_, "keyword" | "mac" | "country") => json!({ "type": "keyword", "ignore_above": 1024 }),
        (_, "text") => json!({ "type": "match_only_text" }),
        (_, "long" | "score" | "port") => json!({ "type": "long" }),
        (_, "ip" | "date" | "boolean") => json!({ "type": kind }),
        (_, other) => panic!("{name} has the type {other}, which Elasticsearch does not know"),
    }
}

fn index_template() -> Value {
    let mut properties = Map::new();
    let besides = BESIDES.iter().map(|name| (*name, "keyword"));
    for (name, kind) in contract().into_iter().map(|(name, kind, _)| (name, kind)).chain(besides) {
        let mut fields = &mut properties;
        let mut names = name.split('.').peekable();
        while let Some(part) = names.next() {
            if names.peek().is_none() {
                fields.insert(part.to_owned(), mapping(name, kind));
                break;
            }
            let set = fields.entry(part).or_insert_with(|| json!({ "properties": {} }));
            fields = set["properties"].as_object_mut().unwrap();
        }
    }
    json!({
        "index_patterns": ["logs-borderflow.alert-*", "logs-borderflow.flow-*"],
        "data_stream": {},
        "priority": 250,
        "_meta": { "description": "Alerts and flow records of Borderflow: ECS 9, and its own fields under borderflow" },
        "template": {
            "settings": { "index": { "codec": "best_compression", "mapping": { "total_fields": { "limit": 1000 } } } },
            "mappings": { "dynamic": true, "date_detection": false, "properties": properties },
        },
    })
}

#[test]
fn the_index_template_maps_every_field_as_the_contract_has_it() {
    let name = "elasticsearch/index-template.json";
    if std::env::var_os("BORDERFLOW_BLESS").is_some() {
        fs::write(folder().join(name), serde_json::to_string_pretty(&index_template()).unwrap() + "\n").unwrap();
    }
    let template: Value = serde_json::from_str(&read(name)).unwrap();
    assert_eq!(template, index_template(), "{name} differs from the contract; BORDERFLOW_BLESS=1 writes it anew");
}

/// The queries of a file without their comments.
fn queries(text: &str) -> Vec<String> {
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty());
    let code = |paragraph: &str| {
        assert!(paragraph.trim_start().starts_with("// "), "a query does not say what it asks: {paragraph}");
        paragraph.lines().filter(|line| !line.starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    paragraphs.map(code).collect()
}

fn check_balanced(text: &str) {
    for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
        assert_eq!(text.matches(open).count(), text.matches(close).count(), "{open}{close} in {text}");
    }
    assert_eq!(text.matches('"').count() % 2, 0, "{text}");
}

#[test]
fn queries_for_elasticsearch_ask_for_fields_that_exist() {
    let esql = queries(&read("elasticsearch/queries.esql"));
    assert!(esql.len() >= 5);
    for query in &esql {
        let mut commands = query.split("\n| ");
        let source = commands.next().unwrap().strip_prefix("FROM logs-borderflow.").unwrap();
        assert!(["alert-*", "flow-*"].contains(&source), "{source}");
        for command in commands {
            let verb = command.split(' ').next().unwrap();
            assert!(["WHERE", "STATS", "SORT", "KEEP", "LIMIT", "EVAL"].contains(&verb), "{command}");
        }
        check_balanced(query);
        check_fields("queries.esql", query);
    }
    for query in queries(&read("elasticsearch/queries.eql")) {
        assert!(query.starts_with("sequence by ") || query.starts_with("any where "), "{query}");
        check_balanced(&query);
        check_fields("queries.eql", &query);
    }
}

#[test]
fn splunk_finds_every_transform_and_tag_that_is_named() {
    let stanzas =
        |name: &str| artefacts::conf(&read(&format!("splunk/{name}"))).unwrap_or_else(|e| panic!("{name}: {e}"));
    let names = |name: &str| stanzas(name).into_iter().map(|(stanza, _)| stanza).collect::<BTreeSet<_>>();
    let transforms = names("transforms.conf");
    let mut sources = BTreeSet::new();
    for (stanza, settings) in stanzas("props.conf") {
        for (key, value) in &settings {
            if key.starts_with("TRANSFORMS-") {
                assert!(value.split(", ").all(|name| transforms.contains(name)), "[{stanza}] {key} = {value}");
            } else if key.starts_with("FIELDALIAS-") || key.starts_with("EVAL-") {
                check_balanced(value);
                if value.contains('.') {
                    check_fields("props.conf", value);
                }
            }
        }
        sources.insert(stanza);
    }
    for (stanza, settings) in stanzas("transforms.conf") {
        let format = &settings.iter().find(|(key, _)| key == "FORMAT").unwrap().1;
        let source = format.strip_prefix("sourcetype::").unwrap();
        assert!(sources.contains(source), "[{stanza}] leads to {source}, which props.conf does not have");
    }
    let events: BTreeSet<String> = names("eventtypes.conf").iter().map(|name| format!("eventtype={name}")).collect();
    assert_eq!(events, names("tags.conf"));
    check_fields("eventtypes.conf", &read("splunk/eventtypes.conf"));
}

#[test]
fn the_dashboard_is_well_formed_and_searches_fields_that_exist() {
    let searches = artefacts::xml(&read("splunk/dashboard.xml"), "query").unwrap();
    assert!(searches.len() >= 5);
    for search in &searches {
        assert!(search.starts_with("sourcetype=\"borderflow:alert\" "), "{search}");
        check_balanced(search);
        check_fields("dashboard.xml", search);
    }
}

/// Each rule of the pack by the name of its file.
fn sigma() -> BTreeMap<String, Value> {
    let files = fs::read_dir(folder().join("sigma")).unwrap().map(|entry| entry.unwrap().path());
    let parsed = files.map(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let rule = artefacts::yaml(&fs::read_to_string(&path).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
        (name, rule)
    });
    parsed.collect()
}

/// What Sigma 2.1.0 asks of every rule (<https://sigmahq.io/sigma-specification/>).
fn check_sigma(name: &str, rule: &Value) {
    let text = |key: &str| rule[key].as_str().unwrap_or_else(|| panic!("{name} has no {key}"));
    assert!((1..=256).contains(&text("title").len()), "{name}");
    let id = text("id");
    assert!(id.len() == 36 && id.split('-').map(str::len).eq([8, 4, 4, 4, 12]), "{name}: {id}");
    assert!(["stable", "test", "experimental"].contains(&text("status")), "{name}");
    assert!(["informational", "low", "medium", "high", "critical"].contains(&text("level")), "{name}");
    for key in ["description", "author", "date"] {
        assert!(!text(key).is_empty());
    }
    for tag in rule["tags"].as_array().into_iter().flatten() {
        assert!(tag.as_str().unwrap().starts_with("attack."), "{name}: {tag}");
    }
}

/// The selections of a rule that its condition names, each a mapping or a list of mappings of fields.
fn check_detection(name: &str, detection: &Map<String, Value>) {
    let condition = detection["condition"].as_str().unwrap();
    let named: BTreeSet<&str> = condition.split(' ').filter(|word| !["and", "or", "not"].contains(word)).collect();
    let selections: BTreeSet<&str> = detection.keys().map(String::as_str).filter(|key| *key != "condition").collect();
    assert_eq!(named, selections, "{name}: {condition}");
    for selection in selections {
        let selection = &detection[selection];
        let maps = selection.as_array().cloned().unwrap_or_else(|| vec![selection.clone()]);
        for (field, _) in maps.iter().flat_map(|map| map.as_object().unwrap()) {
            check_fields(name, field.split('|').next().unwrap());
        }
    }
}

#[test]
fn the_sigma_pack_has_a_rule_for_each_of_ours_in_fields_that_exist() {
    let rules = sigma();
    let mut ids = BTreeSet::new();
    let mut covered = BTreeSet::new();
    for (name, rule) in &rules {
        check_sigma(name, rule);
        assert!(ids.insert(rule["id"].as_str().unwrap()), "{name} has the id of another");
        let Some(detection) = rule["detection"].as_object() else { continue };
        assert_eq!(rule["logsource"], json!({ "product": "borderflow", "service": "alert" }), "{name}");
        check_detection(name, detection);
        covered.insert(detection["selection"]["rule.id"].as_str().unwrap());
    }
    for (name, rule) in rules.iter().filter(|(_, rule)| rule.get("correlation").is_some()) {
        let correlation = &rule["correlation"];
        let referred = correlation["rules"].as_array().unwrap();
        assert!(referred.iter().all(|id| ids.contains(id.as_str().unwrap())), "{name}");
        check_fields(name, correlation["condition"]["field"].as_str().unwrap());
        check_fields(name, correlation["group-by"][0].as_str().unwrap());
    }
    let contract = contract();
    let (_, _, known) = contract.iter().find(|(name, _, _)| *name == "rule.id").unwrap();
    let known: BTreeSet<&str> = known.split(',').chain(RULES_BESIDES).filter(|rule| *rule != "test").collect();
    assert_eq!(covered, known);
}

/// By the tool of the Sigma project, where it is installed: `pip install sigma-cli`.
#[test]
fn sigma_cli_finds_no_fault_with_the_pack() {
    let directory = tempfile::tempdir().unwrap();
    let settings = directory.path().join("validators.yml");
    // The validator of ATT&CK tags fetches its list from the network.
    fs::write(&settings, "validators:\n  - all\n  - -attacktag\n  - -d3_fendtag\n").unwrap();
    let program = std::env::var("SIGMA").unwrap_or("sigma".to_owned());
    let checked = Command::new(program)
        .args(["check", "--validation-config"])
        .arg(&settings)
        .arg(folder().join("sigma"))
        .output();
    let Ok(output) = checked else {
        eprintln!("skipped: sigma is not installed (pip install sigma-cli)");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("Found 0 errors, 0 condition errors and 0 issues"), "{said}");
}

#[test]
fn the_receiving_snippets_listen_for_both_framings_and_keep_lines() {
    for (name, words) in [
        ("rsyslog.conf", ["imtcp", "streamDriver.mode=\"1\"", "alerts.jsonl"]),
        ("syslog-ng.conf", ["transport(\"tcp\")", "transport(\"tls\")", "alerts.jsonl"]),
    ] {
        let text = read(name);
        let code: String = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
        assert!(words.iter().all(|word| code.contains(word)), "{name}");
        check_balanced(&code);
    }
}

#[test]
fn the_guide_names_files_and_fields_that_exist() {
    let guide = read("README.md");
    let quoted: Vec<&str> = guide.split('`').skip(1).step_by(2).collect();
    let fields: Vec<&str> =
        quoted.iter().copied().filter(|word| word.starts_with("borderflow.") || word.starts_with("event.")).collect();
    fields.iter().for_each(|field| check_fields("README.md", field));
    assert!(!fields.is_empty());
    for link in guide.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        assert!(link.starts_with("https://") || folder().join(link).exists(), "README.md leads to {link}");
    }
}
