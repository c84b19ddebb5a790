//! The guide, the alerting rules and the dashboard speak of metrics that exist, and the guide of all of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::kit::{get, running, serving};
use super::openmetrics;

/// Names of samples, as queries use them, and of the families of histograms.
fn existing() -> BTreeSet<String> {
    let (served, _board) = serving(running());
    let families = openmetrics::read(&get(served.address(), "/metrics").body).unwrap();
    families.values().flat_map(|family| &family.samples).map(|sample| sample.name.clone()).collect()
}

fn document(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join("docs").join(path)).unwrap()
}

fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("borderflow_")).map(str::to_owned).collect()
}

#[test]
fn rules_and_dashboard_ask_for_metrics_that_exist() {
    let existing = existing();
    for path in ["prometheus-rules.yml", "grafana/borderflow.json"] {
        let named = named(&document(path));
        let unknown: Vec<_> = named.difference(&existing).collect();
        assert!(named.len() > 10 && unknown.is_empty(), "docs/{path} asks for {unknown:?}");
    }
}

#[test]
fn the_guide_tells_of_every_metric_and_of_no_other() {
    let existing = existing();
    // A histogram is one thing to a reader.
    let family = |name: &String| {
        let base = ["_bucket", "_count", "_sum"].iter().find_map(|suffix| name.strip_suffix(suffix));
        base.map_or_else(|| name.clone(), str::to_owned)
    };
    let existing: BTreeSet<String> = existing.iter().map(family).collect();
    let told: BTreeSet<String> = named(&document("monitoring.md")).iter().map(family).collect();
    assert_eq!(existing.difference(&told).collect::<Vec<_>>(), Vec::<&String>::new(), "not in docs/monitoring.md");
    assert_eq!(told.difference(&existing).collect::<Vec<_>>(), Vec::<&String>::new(), "only in docs/monitoring.md");
}

#[test]
fn the_dashboard_is_one_that_grafana_reads() {
    let dashboard: serde_json::Value = serde_json::from_str(&document("grafana/borderflow.json")).unwrap();
    assert_eq!(dashboard["uid"], "borderflow");
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is another's");
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{title} is too wide");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "{title} overlaps another");
            }
        }
        if panel["type"] != "row" {
            assert!(
                panel["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{title}: nothing says what it is"
            );
            let targets = panel["targets"].as_array().unwrap();
            assert!(targets.iter().all(|target| target["expr"].as_str().unwrap().contains("borderflow_")), "{title}");
        }
    }
}
