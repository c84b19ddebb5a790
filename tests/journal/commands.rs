//! `borderflow journal …`, also while a daemon writes.

use std::fs;

use borderflow_testkit::program::{Outcome, Program};
use serde_json::Value;

use super::kit::*;

fn run(scratch: &Scratch, args: &[&str]) -> Outcome {
    let mut all = vec!["journal"];
    all.extend(args);
    Program::new(env!("CARGO_BIN_EXE_borderflow"), scratch.path()).args(&all).run()
}

/// On a journal, with the exit status it must have.
fn told(scratch: &Scratch, args: &[&str], status: i32) -> Outcome {
    let outcome = run(scratch, &[args, &["--journal", "journal.db"]].concat());
    assert_eq!(outcome.status, Some(status), "{args:?}: {}", outcome.stderr);
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    outcome
}

fn listed(outcome: &Outcome) -> Vec<String> {
    let id = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["event"]["id"].as_str().unwrap().to_owned()
    };
    outcome.stdout.lines().map(id).collect()
}

#[test]
fn list_finds_alerts_while_the_daemon_writes() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.file());
    let _ = journal.append(change(0..30, 20));
    let all = |args: &[&str]| listed(&told(&scratch, &[&["list"], args].concat(), 0));
    assert_eq!(all(&[]), numbered(0..30));
    assert_eq!(all(&["--severity", "28"]), numbered([28, 29]));
    assert_eq!(all(&["--asset", "pump-3", "--kind", "egress"]), numbered([8, 18, 28]));
    assert_eq!(all(&["--jurisdiction", "ru", "--limit", "2"]), numbered([24, 27]), "the newest");
    assert_eq!(all(&["--finding", "finding-6"]), numbered([6, 13, 20, 27]));
    assert_eq!(all(&["--since", "2025-11-12T08:00:10Z", "--until", "2025-11-12T09:00:12+01:00"]), numbered([10, 11]));
    let _ = journal.append(change(30..31, 20));
    assert_eq!(all(&["--limit", "1"]), numbered([30]), "entered while it is read");
    let table = told(&scratch, &["list", "--format", "text", "--limit", "2"], 0);
    let lines: Vec<&str> = table.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", table.stdout);
    assert!(lines[0].starts_with("TIME") && lines[2].contains("2025-11-12T08:00:30Z"), "{}", table.stdout);
    assert!(table.stderr.contains("newest 2"), "{}", table.stderr);
    assert!(told(&scratch, &["list", "--since", "yesterday"], 2).stderr.contains("expected a date"));
}

#[test]
fn a_name_in_the_journal_cannot_steer_the_terminal() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.file());
    let mut change = change([1], 0);
    change.entries[0].asset = "\u{1b}[2Jpump\nforged line".to_owned();
    let _ = journal.append(change);
    let table = told(&scratch, &["list", "--format", "text"], 0).stdout;
    assert!(table.lines().count() == 2 && !table.contains('\u{1b}'), "{table:?}");
}

#[test]
fn show_takes_the_beginning_of_an_id_when_it_is_unique() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.file());
    let _ = journal.append(change(0..200, 20));
    let id = &numbered([7])[0];
    let shown = told(&scratch, &["show", &id[..10]], 0).stdout;
    assert!(shown.lines().count() > 3, "over several lines: {shown}");
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["event"]["id"], id.as_str());
    assert!(told(&scratch, &["show", ""], 1).stderr.contains("several ids"));
    assert!(told(&scratch, &["show", "zz"], 1).stderr.contains("no alert"));
}

#[test]
fn export_goes_on_where_it_stopped() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.file());
    let _ = journal.append(change(0..1_200, 20));
    let first = told(&scratch, &["export"], 0);
    assert_eq!(listed(&first), numbered(0..1_200));
    assert!(first.stderr.contains("up to place 1200"), "{}", first.stderr);
    let _ = journal.append(change(1_200..1_210, 20));
    assert_eq!(listed(&told(&scratch, &["export", "--after", "1200"], 0)), numbered(1_200..1_210));
}

#[test]
fn verify_tells_a_record_that_is_not_its_alert() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.file());
    journal.join(&["siem"]);
    let _ = journal.append(change(0..600, 20));
    let sound = told(&scratch, &["verify"], 0).stdout;
    assert!(sound.contains("600 entries") && sound.contains("siem") && sound.ends_with("sound\n"), "{sound}");
    let mut change = change([700, 701], 20);
    change.entries[0].body = b"{\"event\":{}}".to_vec();
    change.entries[1].body = b"{\"event\":{\"id\":\"another\"}}".to_vec();
    let _ = journal.append(change);
    let report = told(&scratch, &["verify"], 1).stdout;
    assert!(report.contains("PROBLEM place 601") && report.contains("PROBLEM place 602"), "{report}");
}

#[test]
fn compact_waits_for_nobody_and_touches_no_journal_that_is_written() {
    let scratch = Scratch::new();
    let mut journal = open(&scratch.file());
    let _ = journal.append(change(0..600, 2_000));
    let refused = told(&scratch, &["compact"], 1).stderr;
    assert!(refused.contains("is writing this journal"), "{refused}");
    drop(journal);
    assert!(told(&scratch, &["compact"], 0).stdout.contains("bytes"));
    assert_eq!(ids(&mut open(&scratch.file())), numbered(0..600));
}

#[test]
fn a_missing_journal_is_told_and_not_made() {
    let scratch = Scratch::new();
    for command in [&["list"][..], &["show", "a"], &["export"], &["verify"], &["compact"]] {
        let said = told(&scratch, command, 2).stderr;
        assert!(said.contains("journal.db: there is no journal"), "{said}");
    }
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    assert!(run(&scratch, &["list"]).stderr.contains("--journal PATH"));
}
