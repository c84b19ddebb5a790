//! Every input that fuzzing found worth keeping, through the checks that found it; see `tests/fuzz/README.md`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a check stops at what must not be")]

#[path = "fuzz/src/lib.rs"]
pub mod checks;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use checks::{TARGETS, Target};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Runs one target's check over files, and names the file that breaks it.
fn assert_holds(&(_, check): &Target, files: &[PathBuf]) {
    for file in files {
        let bytes = fs::read(file).unwrap();
        let outcome = catch_unwind(AssertUnwindSafe(|| check(&bytes)));
        assert!(outcome.is_ok(), "see above for what {} breaks", file.display());
    }
}

fn corpus(name: &str) {
    let target = TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let files = files(&tests().join("fuzz/corpus").join(name));
    assert!(!files.is_empty(), "tests/fuzz/corpus/{name} is missing");
    assert_holds(target, &files);
}

#[test]
fn announcements_found_by_fuzzing_are_bounded_text_with_and_without_a_tag() {
    corpus("announce");
}

#[test]
fn configurations_found_by_fuzzing_make_a_policy_or_an_error_with_its_place() {
    corpus("config");
}

#[test]
fn conversations_found_by_fuzzing_say_the_same_however_their_segments_arrive() {
    corpus("conversation");
}

#[test]
fn messages_found_by_fuzzing_are_counted_the_same_however_they_arrive() {
    corpus("dialogue");
}

#[test]
fn payloads_found_by_fuzzing_are_read_in_time_and_answers_to_them_stand() {
    corpus("readers");
}

#[test]
fn frames_found_by_fuzzing_are_accounted_for() {
    corpus("decoder");
}

#[test]
fn packets_found_by_fuzzing_are_in_exactly_one_flow_whatever_the_shards_and_batches() {
    corpus("flow_table");
}

#[test]
fn databases_found_by_fuzzing_answer_or_are_refused_by_name() {
    corpus("mmdb");
}

#[test]
fn captures_found_by_fuzzing_read_the_same_however_they_arrive() {
    corpus("reader");
}

#[test]
fn fragments_found_by_fuzzing_make_the_datagram_that_was_sent_or_none() {
    corpus("reassembly");
}

#[test]
fn captures_found_by_fuzzing_give_the_same_records_whatever_the_shards() {
    corpus("replay");
}

#[test]
fn nothing_that_once_broke_breaks_again() {
    for target in &TARGETS {
        assert_holds(target, &files(&tests().join("hostile").join(target.0)));
    }
}

#[test]
fn each_input_that_once_broke_something_has_its_story() {
    let stories = fs::read_to_string(tests().join("hostile/README.md")).unwrap();
    for (target, _) in TARGETS {
        for file in files(&tests().join("hostile").join(target)) {
            let name = format!("`{target}/{}`", file.file_name().unwrap().display());
            assert!(stories.contains(&name), "tests/hostile/README.md does not tell of {name}");
        }
    }
}
