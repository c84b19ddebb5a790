//! Where alerts, flow records and the summary go, and what happens where they cannot.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::Duration;

use borderflow_testkit::program::Program;
use serde_json::Value;

use super::kit::*;

#[test]
fn a_reader_that_leaves_is_no_error() {
    for command in [
        &["replay", &demo("demo.pcapng"), "-c", &demo("config.toml")][..],
        &["replay", &demo("demo.pcapng"), "--threads", "2", "--format", "text"],
        &["replay", &demo("demo.pcapng"), "--alerts", "/dev/null", "--flows", "-"],
        &["check"],
        &["explain", "47.97.1.10"],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
    ] {
        let scratch = Scratch::new();
        let mut child = Command::new(EXECUTABLE)
            .args(command)
            .current_dir(scratch.path("."))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{command:?}: {said}");
        assert!(!said.contains("panicked") && !said.contains("ERROR") && !said.contains("pipe"), "{command:?}: {said}");
    }
}

#[test]
fn a_full_disk_is_told_and_ends_with_1() {
    let scratch = Scratch::new();
    for option in ["--alerts", "--flows", "--summary"] {
        let args = ["replay", &demo("demo.pcapng"), "-c", &demo("config.toml"), option, "/dev/full"];
        assert_fails(&scratch.run(&args), 1, &["/dev/full", "No space left"]);
    }
    let stdout = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = Command::new(EXECUTABLE)
        .args(["replay", &demo("demo.pcapng")])
        .current_dir(scratch.path("."))
        .stdout(stdout)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("standard output") && said.contains("No space left"), "{said}");
}

#[test]
fn one_broken_output_does_not_cost_the_others() {
    let scratch = Scratch::new();
    let args =
        ["replay", &demo("demo.pcapng"), "-c", &demo("config.toml"), "--alerts", "/dev/full", "--flows", "flows"];
    let outcome = scratch.run(&[&args[..], &["--summary", "summary"]].concat());
    assert_fails(&outcome, 1, &["/dev/full"]);
    assert_eq!(scratch.summary()["flows"]["total"], scratch.read("flows").lines().count());
}

#[test]
fn an_output_that_cannot_be_created_ends_with_1_and_is_named() {
    let scratch = Scratch::new();
    for option in ["--alerts", "--flows", "--summary"] {
        let outcome = scratch.run(&["replay", &demo("demo.pcapng"), option, "no/such/folder/file"]);
        assert_fails(&outcome, 1, &["no/such/folder/file", "No such file"]);
    }
}

#[test]
fn a_capture_is_never_written_over_and_no_file_by_two_outputs() {
    let scratch = Scratch::new();
    let capture = pcap(&upload(40_000, 0));
    fs::create_dir(scratch.path("captures")).unwrap();
    scratch.write("captures/a.pcap", &capture).write("captures/flows", "of the run before\n");
    symlink("captures/a.pcap", scratch.path("link")).unwrap();
    for input in ["captures", "captures/a.pcap", "link"] {
        for option in ["--alerts", "--flows", "--summary"] {
            let refused = scratch.run(&["replay", input, option, "captures/../captures/a.pcap"]);
            assert_fails(&refused, 2, &["a.pcap", "destroy"]);
            assert_eq!(fs::read(scratch.path("captures/a.pcap")).unwrap(), capture);
        }
    }
    assert_works(&scratch.run(&["replay", "captures", "--flows", "captures/flows"]));
    assert_fails(&scratch.run(&["replay", "captures", "--flows", "x", "--alerts", "x"]), 2, &["x: given for two"]);
    assert_works(&scratch.run(&["replay", "captures", "--flows", "/dev/null", "--alerts", "/dev/null"]));
}

#[test]
fn an_interrupt_keeps_what_was_read_and_ends_with_1() {
    use std::io::Write as _;
    let scratch = Scratch::new();
    let mut child = Command::new(EXECUTABLE)
        .args(["replay", "-", "--alerts", "alerts", "--flows", "flows"])
        .args(FLAGGED)
        .current_dir(scratch.path("."))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let (first, second) = (pcap(&upload(40_000, 0)), pcap(&upload(40_001, 600)));
    pipe.write_all(&first).unwrap();
    pipe.write_all(&second[24..]).unwrap();
    // The pause of ten minutes in packet time brings the alert of the first upload out at once.
    let alerted = || fs::metadata(scratch.path("alerts")).is_ok_and(|file| file.len() > 0);
    let waited = (0..2_000).take_while(|_| !alerted()).map(|_| std::thread::sleep(Duration::from_millis(5))).count();
    assert!(waited < 2_000, "an alert of a pipe must not wait for its end");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    std::thread::sleep(Duration::from_millis(200));
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("interrupted"), "{said}");
    assert_eq!(scratch.read("flows").lines().count(), 2);
}

#[test]
fn the_summary_has_the_keys_scripts_rely_on_and_adds_up() {
    let scratch = Scratch::new();
    let args = ["replay", &demo("demo.pcapng"), "-c", &demo("config.toml"), "--summary", "summary", "--flows", "flows"];
    let outcome = scratch.run(&args);
    assert_works(&outcome);
    let summary = scratch.summary();
    let number = |key: &str| summary[key].as_u64().unwrap_or_else(|| panic!("{key} is no number"));
    assert_eq!(number("frames_read"), number("packets_decoded") + number("frames_skipped"));
    assert_eq!(number("frames_read"), 3_582);
    assert_eq!(number("bytes_read"), fs::metadata(demo("demo.pcapng")).unwrap().len());
    assert_eq!(number("alerts"), outcome.stdout.lines().count() as u64);
    assert_eq!((number("findings"), number("evictions")), (17, 0));
    let flows = &summary["flows"];
    let of = |transport: &str| flows[transport].as_u64().unwrap();
    assert_eq!(of("total"), of("tcp") + of("udp") + of("icmp") + of("sctp") + of("other"));
    assert_eq!(of("total"), scratch.read("flows").lines().count() as u64);
    let skips: u64 = summary["skips"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(skips, number("frames_skipped"));
    for time in ["first_packet_time", "last_packet_time"] {
        assert!(summary[time].as_str().unwrap().starts_with("2025-11-12T"), "{time}");
    }
    for measured in ["wall_time_s", "packets_per_second"] {
        assert!(summary[measured].as_f64().unwrap() > 0.0, "{measured}");
    }
}

#[test]
fn alerts_are_ecs_in_a_pipe_and_text_on_request() {
    let scratch = Scratch::new();
    scratch.write("capture.pcap", pcap(&upload(40_000, 0)));
    let piped = scratch.program().args(["replay", "capture.pcap"]).args(FLAGGED).run();
    assert!(piped.stdout.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    for colour in ["", "1"] {
        let program = scratch.program().args(["replay", "capture.pcap", "--format", "text"]).args(FLAGGED);
        let text = program.env("NO_COLOR", colour).run();
        assert!(text.stdout.contains("10.0.0.7 sent 2.0 kB in all to China (CN)"), "{}", text.stdout);
        assert!(!text.stdout.contains('\u{1b}'), "no colour in a pipe");
    }
    let to_file = scratch.program().args(["replay", "capture.pcap", "--alerts", "alerts"]).args(FLAGGED).run();
    assert_eq!((to_file.stdout.as_str(), scratch.read("alerts")), ("", piped.stdout));
}

#[test]
fn a_terminal_gets_text_in_colour_unless_no_color_is_set() {
    let scratch = Scratch::new();
    scratch.write("capture.pcap", pcap(&upload(40_000, 0)));
    let quoted = FLAGGED.map(|word| format!("'{word}'")).join(" ");
    let command = format!("{EXECUTABLE} replay capture.pcap {quoted}");
    if Command::new("script").arg("--version").output().is_err() {
        println!("skipped: no script(1) to make a terminal with");
        return;
    }
    let on_terminal = |colour: &str| {
        let program = Program::new("script", scratch.0.path()).args(["-qec", &command, "/dev/null"]);
        program.env("NO_COLOR", colour).env("TERM", "xterm").run()
    };
    let coloured = on_terminal("");
    assert!(coloured.stdout.contains("\u{1b}[") && coloured.stdout.contains("opened"), "{}", coloured.stdout);
    let plain = on_terminal("1");
    assert!(!plain.stdout.contains("\u{1b}[1m") && !plain.stdout.contains("\u{1b}[3"), "{}", plain.stdout);
    assert!(plain.stdout.contains("10.0.0.7 sent 2.0 kB"), "{}", plain.stdout);
}
