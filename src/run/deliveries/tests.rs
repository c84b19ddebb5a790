//! Outputs that come, go and change while they run.

use super::*;
use crate::deliver::{Output as _, notice};
use crate::encode::ecs::{Notice, NoticeKind};
use crate::journal::Change;
use std::fs;
use std::path::PathBuf;

struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new() -> Case {
        Case { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self, text: &str) -> Config {
        let text = text.replace("FOLDER", self.folder.path().to_str().unwrap());
        Config::from_text(Some((Path::new("config.toml"), &text)), &[]).unwrap()
    }

    fn start(&self, text: &str) -> (Deliveries, FlowQueues) {
        let config = self.config(text);
        let outputs: Vec<&config::Output> = config.outputs.iter().collect();
        let started = Deliveries::start(Some(&self.path("journal.db")), &config, &outputs, &[]).unwrap();
        (started.0, started.1)
    }

    fn change(&self, deliveries: &mut Deliveries, text: &str) -> Result<Changed, DeliveriesError> {
        let config = self.config(text);
        let outputs: Vec<&config::Output> = config.outputs.iter().collect();
        deliveries.change(&outputs, &config.flow_outputs)
    }

    /// Numbers of the records in a file, once there are as many as expected.
    fn numbers(&self, name: &str, expected: usize) -> Vec<u64> {
        for _ in 0..500 {
            let text = fs::read_to_string(self.path(name)).unwrap_or_default();
            let numbers: Vec<u64> = text.lines().filter_map(number_of).collect();
            if numbers.len() >= expected && text.ends_with('\n') {
                return numbers;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{name}: {:?}", fs::read_to_string(self.path(name)));
    }
}

fn number_of(line: &str) -> Option<u64> {
    line.split("number ").nth(1)?.split('"').next()?.parse().ok()
}

fn append(deliveries: &Deliveries, numbers: std::ops::Range<u64>) {
    let entry = |number| {
        let (id, message) = (format!("id {number}"), format!("number {number}"));
        notice::entry(&Notice { id, kind: NoticeKind::SelfAlert, at: Timestamp::ZERO, severity: 50, message })
    };
    deliveries.outbox().append(Change { entries: numbers.map(entry).collect(), ..Change::default() });
}

fn file(name: &str, file: &str, further: &str) -> String {
    format!("[[output]]\nname = \"{name}\"\nkind = \"file\"\npath = \"FOLDER/{file}\"\n{further}\n")
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn outputs_come_and_go_and_none_gets_an_alert_twice_or_misses_one() {
    let case = Case::new();
    let (mut deliveries, _queues) = case.start(&[file("stays", "stays", ""), file("goes", "goes", "")].concat());
    append(&deliveries, 0..100);
    assert_eq!(case.numbers("goes", 100), (0..100).collect::<Vec<_>>());
    case.numbers("stays", 100);
    let next = [file("comes", "comes", ""), file("stays", "stays", "")].concat();
    let changed = case.change(&mut deliveries, &next).unwrap();
    assert_eq!(changed, Changed { begun: names(&["comes"]), ended: names(&["goes"]) });
    assert_eq!(case.change(&mut deliveries, &next).unwrap(), Changed::default(), "nothing has changed");
    append(&deliveries, 100..200);
    assert_eq!(case.numbers("comes", 100), (100..200).collect::<Vec<_>>(), "begins with what comes after");
    assert_eq!(case.numbers("stays", 200), (0..200).collect::<Vec<_>>());
    case.change(&mut deliveries, &file("goes", "goes", "")).unwrap();
    assert_eq!(case.numbers("goes", 200), (0..200).collect::<Vec<_>>(), "goes on where it was");
    assert!(deliveries.close(Patience::Each(Duration::from_secs(5))).1);
}

#[test]
fn an_output_with_other_settings_goes_on_where_it_was_also_under_load() {
    let case = Case::new();
    let (mut deliveries, _queues) = case.start(&file("siem", "siem", "keep = 3"));
    for turn in 0..20 {
        append(&deliveries, turn * 500..(turn + 1) * 500);
        let changed = case.change(&mut deliveries, &file("siem", "siem", &format!("keep = {}", 4 + turn % 2))).unwrap();
        assert_eq!(changed.begun, names(&["siem"]));
    }
    assert_eq!(case.numbers("siem", 10_000), (0..10_000).collect::<Vec<_>>());
    assert!(deliveries.close(Patience::Each(Duration::from_secs(5))).1);
}

#[test]
fn a_broken_output_changes_nothing_and_is_named_with_its_key() {
    let case = Case::new();
    let (mut deliveries, _queues) = case.start(&file("stays", "stays", ""));
    let broken = "[[output]]\nname = \"splunk\"\nkind = \"splunk\"\nurl = \"https://127.0.0.1:9/\"\n\
                  token_file = \"FOLDER/token\"\n";
    let problem =
        case.change(&mut deliveries, &[&file("comes", "comes", ""), broken].concat()).unwrap_err().to_string();
    assert!(problem.contains("\"splunk\"") && problem.contains("token"), "{problem}");
    append(&deliveries, 0..10);
    case.numbers("stays", 10);
    assert!(!case.path("comes").exists());
    assert_eq!(deliveries.outbox().backlog().len(), 1);

    fs::write(case.path("token"), "secret").unwrap();
    let whole = [&file("stays", "stays", ""), broken].concat();
    assert_eq!(case.change(&mut deliveries, &whole).unwrap().begun, names(&["splunk"]));
    assert_eq!(case.change(&mut deliveries, &whole).unwrap().begun, names(&[]));
    fs::write(case.path("token"), "another secret").unwrap();
    assert_eq!(case.change(&mut deliveries, &whole).unwrap().begun, names(&["splunk"]), "its secret has changed");
    let _ = deliveries.close(Patience::Each(Duration::ZERO));
}

#[test]
fn flow_outputs_change_too_and_drain_before_another_writes_to_their_file() {
    let case = Case::new();
    let flows = |name: &str, queue: u32| {
        format!("[[flow_output]]\nname = \"{name}\"\nkind = \"file\"\npath = \"FOLDER/flows\"\nqueue_bytes = {queue}\n")
    };
    let (mut deliveries, mut queues) = case.start(&flows("archive", 1 << 20));
    let names_of = |queues: &mut FlowQueues| {
        queues.flush();
        queues.names().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names_of(&mut queues), ["archive"]);
    assert_eq!(case.change(&mut deliveries, &flows("archive", 2 << 20)).unwrap().begun, names(&["archive"]));
    assert_eq!(names_of(&mut queues), ["archive"]);
    let changed = case.change(&mut deliveries, &flows("other", 2 << 20)).unwrap();
    assert_eq!(changed, Changed { begun: names(&["other"]), ended: names(&["archive"]) });
    assert_eq!(names_of(&mut queues), ["other"]);
    assert_eq!(case.change(&mut deliveries, "").unwrap().ended, names(&["other"]));
    assert!(names_of(&mut queues).is_empty());
    drop(queues);
    assert!(deliveries.close(Patience::Each(Duration::from_secs(5))).1);
}
