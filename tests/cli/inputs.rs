//! What can be read, and what is said about that which cannot.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use serde_json::Value;

use super::kit::*;

#[test]
fn input_that_is_no_capture_is_told_by_name_and_ends_with_1() {
    let scratch = Scratch::new();
    scratch.write("empty.pcap", "").write("notes.pcap", "the quick brown fox jumps over the lazy dog\n".repeat(9));
    fs::create_dir(scratch.path("folder")).unwrap();
    scratch.write("folder/notes.txt", "no capture here, only words and words");
    symlink("nowhere", scratch.path("dangling.pcap")).unwrap();
    for (input, said) in [
        ("empty.pcap", "empty"),
        ("notes.pcap", "capture"),
        ("folder", "no capture"),
        ("dangling.pcap", "No such file"),
        ("missing.pcap", "No such file"),
    ] {
        assert_fails(&scratch.run(&["replay", input]), 1, &[input, said]);
    }
}

#[test]
fn a_truncated_capture_gives_everything_before_the_cut_and_names_file_and_offset() {
    let scratch = Scratch::new();
    let frames = [upload(40_000, 0), upload(40_001, 10)].concat();
    let (whole, last) = (pcap(&frames), pcap(&frames[..frames.len() - 1]).len());
    scratch.write("cut.pcap", &whole[..last + 20]);
    let outcome = scratch.run(&["replay", "cut.pcap", "--flows", "flows", "--summary", "summary"]);
    assert_fails(&outcome, 1, &["cut.pcap", &format!("byte {last}")]);
    assert_eq!(scratch.read("flows").lines().count(), 2);
    assert_eq!(scratch.summary()["frames_read"], frames.len() - 1);
}

#[test]
fn a_damaged_capture_does_not_keep_the_others_from_being_read() {
    let scratch = Scratch::new();
    let cut = pcap(&upload(40_000, 0));
    scratch.write("a.pcap", &cut[..cut.len() - 5]).write("b.pcap", pcap(&upload(40_001, 10)));
    let outcome = scratch.run(&["replay", "a.pcap", "b.pcap", "--flows", "flows"]);
    assert_fails(&outcome, 1, &["a.pcap"]);
    assert_eq!(scratch.read("flows").lines().count(), 2);
}

#[test]
fn a_wrong_configuration_ends_with_2_and_says_where() {
    let scratch = Scratch::new();
    scratch.write("capture.pcap", pcap(&upload(40_000, 0)));
    scratch.write("garbage.toml", "\u{1}\u{2} this is [[[ no toml").write("binary.toml", [0xff, 0xfe, 0, 1]);
    scratch
        .write("unknown.toml", "[detect]\n\negress_min_byte = 5\n")
        .write("type.toml", "[flow]\nmax_flows = \"x\"\n");
    fs::create_dir(scratch.path("folder.toml")).unwrap();
    for (file, said) in [
        ("garbage.toml", "garbage.toml:1"),
        ("binary.toml", "byte offset 0"),
        ("unknown.toml", "unknown.toml:3"),
        ("unknown.toml", "egress_min_bytes"),
        ("type.toml", "type.toml:2"),
        ("folder.toml", "folder.toml"),
        ("missing.toml", "No such file"),
    ] {
        for command in [&["check"][..], &["replay", "capture.pcap"], &["explain", "192.0.2.1"]] {
            assert_fails(&scratch.run(&[command, &["-c", file]].concat()), 2, &[file, said]);
        }
    }
}

#[test]
fn a_wrong_set_ends_with_2_and_repeats_the_argument() {
    let scratch = Scratch::new();
    for argument in ["flow.max_flow=1", "flow.max_flows=zero", "flow.max_flows", "=1"] {
        let named = format!("--set {argument}");
        assert_fails(&scratch.run(&["check", "--set", argument]), 2, &[&named]);
    }
}

#[test]
fn a_database_that_cannot_serve_ends_with_2_before_anything_is_read() {
    let scratch = Scratch::new();
    let good = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mmdb/dbip-country-lite.mmdb")).unwrap();
    scratch.write("corrupt.mmdb", "certainly no database".repeat(100)).write("half.mmdb", &good[..good.len() / 2]);
    scratch.write("empty.mmdb", "").write("capture.pcap", pcap(&upload(40_000, 0)));
    for file in ["corrupt.mmdb", "half.mmdb", "empty.mmdb", "missing.mmdb"] {
        let set = format!("geoip.country=\"{file}\"");
        assert_fails(&scratch.run(&["check", "--set", &set]), 2, &[file]);
        assert_fails(&scratch.run(&["replay", "capture.pcap", "--alerts", "alerts", "--set", &set]), 2, &[file]);
        assert!(!scratch.path("alerts").exists(), "an output was touched although the run could not begin");
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let scratch = Scratch::new();
    for args in [
        &[][..],
        &["replay"],
        &["replay", "--no-such-option", "x.pcap"],
        &["replay", "--threads", "0", "x.pcap"],
        &["replay", "--threads", "65", "x.pcap"],
        &["replay", "--format", "xml", "x.pcap"],
        &["explain", "not-an-address"],
        &["completions", "klingon"],
    ] {
        assert_fails(&scratch.run(args), 2, &["--help"]);
    }
}

#[test]
fn standard_input_is_read_like_a_file() {
    let scratch = Scratch::new();
    let capture = pcap(&upload(40_000, 0));
    scratch.write("capture.pcap", &capture);
    let of_file = scratch.program().args(["replay", "capture.pcap"]).args(FLAGGED).run();
    let chunks = capture.chunks(33).map(<[u8]>::to_vec).collect();
    let piped = scratch.program().args(["replay", "-"]).args(FLAGGED).input(chunks, Duration::from_micros(50)).run();
    assert_works(&piped);
    assert!(of_file.stdout.lines().count() >= 2);
    assert_eq!(of_file.stdout, piped.stdout);
    assert_fails(&scratch.program().args(["replay", "-"]).run(), 1, &["standard input", "empty"]);
}

#[test]
fn a_directory_is_read_in_the_order_of_time_not_of_names() {
    let scratch = Scratch::new();
    let frames = upload(40_000, 0);
    let (early, late) = frames.split_at(4);
    fs::create_dir(scratch.path("captures")).unwrap();
    scratch.write("captures/a.pcap", pcap(late)).write("captures/b.pcap", pcap(early));
    scratch.write("captures/readme.txt", "words, and no capture");
    let outcome = scratch.run(&["replay", "captures", "--flows", "flows"]);
    assert_works(&outcome);
    assert!(outcome.stderr.contains("1 files"), "{}", outcome.stderr);
    let flow: Value = serde_json::from_str(scratch.read("flows").trim()).unwrap();
    assert_eq!(flow["borderflow"]["initiator_basis"], "syn");
    assert_eq!(flow["borderflow"]["tcp_state"], "closed");
    assert_eq!(flow["borderflow"]["payload_bytes_sent"], 2_000);
}

#[test]
fn several_files_are_one_run() {
    let scratch = Scratch::new();
    scratch.write("a.pcap", pcap(&upload(40_000, 100))).write("b.pcap", pcap(&upload(40_001, 0)));
    assert_works(&scratch.run(&["replay", "a.pcap", "b.pcap", "--flows", "flows", "--summary", "summary"]));
    assert_eq!(scratch.read("flows").lines().count(), 2);
    assert_eq!(scratch.summary()["first_packet_time"], "2025-11-12T08:00:00.000000000Z");
}

#[test]
fn a_filter_leaves_out_what_it_does_not_match_and_counts_it() {
    let scratch = Scratch::new();
    scratch.write("capture.pcap", pcap(&[upload(40_000, 0), upload(40_001, 10)].concat()));
    let filtered = ["replay", "capture.pcap", "--filter", "port 40001", "--flows", "flows", "--summary", "summary"];
    assert_works(&scratch.run(&filtered));
    assert_eq!(scratch.read("flows").lines().count(), 1);
    let summary = scratch.summary();
    assert_eq!(summary["skips"]["filtered"], summary["frames_skipped"]);
    assert_eq!(summary["skips"]["filtered"].as_u64(), Some(upload(40_000, 0).len() as u64));
    let wrong = scratch.run(&["replay", "capture.pcap", "--filter", "port banana"]);
    assert_fails(&wrong, 2, &["port banana"]);
}
