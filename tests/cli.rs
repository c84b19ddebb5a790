//! The command line as scripts and tired people use it: exit statuses, messages, where output goes.

#![expect(clippy::unwrap_used, reason = "a test says where it fails")]

<<<<<<< HEAD
#[path = "cli/answers.rs"]
mod answers;
#[path = "cli/inputs.rs"]
mod inputs;
#[path = "cli/kit.rs"]
mod kit;
#[path = "cli/outputs.rs"]
mod outputs;
=======
use borderflow_testkit::program::{Outcome, Program};
use borderflow_testkit::{Conversation, Frame, Host, Pcap, Side};
use serde_json::Value;

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_borderflow");
const START_NS: u64 = 1_762_934_400_000_000_000;
/// A flag and an override that make 203.0.113.0/24 flagged whatever the databases say.
const FLAGGED: [&str; 2] = ["--set", "geoip.override=[{prefix=\"203.0.113.0/24\", country=\"CN\", asn=64500}]"];

/// A directory of its own for one test, in which the program runs.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Scratch {
        Scratch(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn program(&self) -> Program {
        Program::new(EXECUTABLE, self.0.path())
    }

    fn run(&self, args: &[&str]) -> Outcome {
        self.program().args(args).run()
    }

    fn summary(&self) -> Value {
        serde_json::from_str(&self.read("summary")).unwrap()
    }
}

fn upload(port: u16, at_s: u64) -> Vec<Frame> {
    let talk = Conversation::new(Host::new("10.0.0.7"), port, Host::new("203.0.113.1"), 443);
    let talk = talk.at(START_NS + at_s * 1_000_000_000).open();
    talk.exchange(Side::Client, &[7; 2_000], b"200 OK").close().frames()
}

fn pcap(frames: &[Frame]) -> Vec<u8> {
    Pcap::microseconds(1).write(frames)
}

fn assert_fails(outcome: &Outcome, status: i32, said: &[&str]) {
    assert_eq!(outcome.status, Some(status), "{}", outcome.stderr);
    for part in said {
        assert!(outcome.stderr.contains(part), "{part:?} is not in: {}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
}

fn assert_works(outcome: &Outcome) {
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
}

fn demo(name: &str) -> String {
    format!("{}/demo/{name}", env!("CARGO_MANIFEST_DIR"))
}

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

#[test]
fn the_summary_has_the_keys_scripts_rely_on_and_adds_up() {
    let scratch = Scratch::new();
    let args = ["replay", &demo("demo.pcapng"), "-c", &demo("config.toml"), "--summary", "summary", "--flows", "flows"];
    let outcome = scratch.run(&args);
    assert_works(&outcome);
    let summary = scratch.summary();
    let number = |key: &str| summary[key].as_u64().unwrap_or_else(|| panic!("{key} is no number"));
    assert_eq!(number("frames_read"), number("packets_decoded") + number("frames_skipped"));
    assert_eq!(number("frames_read"), 3_211);
    assert_eq!(number("bytes_read"), fs::metadata(demo("demo.pcapng")).unwrap().len());
    assert_eq!(number("alerts"), outcome.stdout.lines().count() as u64);
    assert_eq!((number("findings"), number("evictions")), (10, 0));
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

#[test]
fn the_configuration_in_the_working_directory_is_found() {
    let scratch = Scratch::new();
    scratch.write("config.toml", "[monitor]\nhome = [\"198.18.0.0/15\"]\n");
    let outcome = scratch.run(&["check"]);
    assert_works(&outcome);
    assert!(outcome.stdout.contains("config.toml") && outcome.stdout.contains("198.18.0.0/15"), "{}", outcome.stdout);
    let overridden = scratch.run(&["check", "--set", "monitor.home=[\"192.0.2.0/24\"]"]);
    assert!(overridden.stdout.contains("192.0.2.0/24"), "{}", overridden.stdout);
}

#[test]
fn check_tells_what_is_watched_what_is_flagged_and_how_old_the_databases_are() {
    let outcome = Scratch::new().run(&["check", "-c", &demo("config.toml")]);
    assert_works(&outcome);
    for part in ["10.20.0.0/16", "gate-camera", "criticality critical", "CN China", "HK", "MO", "DB-IP", "2026-"] {
        assert!(outcome.stdout.contains(part), "{part:?} is not in: {}", outcome.stdout);
    }
}

#[test]
fn explain_answers_people() {
    let scratch = Scratch::new();
    for (address, said) in [
        ("47.97.1.10", &["China (CN)", "AS37963", "FLAGGED", "NÚKIB"][..]),
        ("77.75.79.222", &["CZ", "not flagged"]),
        ("203.66.35.10", &["Taiwan (TW)", "not flagged"]),
        ("10.0.0.1", &["not flagged", "monitored host"]),
        ("203.0.113.1", &["not flagged", "not an address of the Internet"]),
        ("2400:3200::1", &["China (CN)", "FLAGGED"]),
        ("fe80::1", &["not flagged"]),
    ] {
        let outcome = scratch.run(&["explain", address]);
        assert_works(&outcome);
        for part in [&[address], said].concat() {
            assert!(outcome.stdout.contains(part), "{part:?} is not in: {}", outcome.stdout);
        }
    }
}

#[test]
fn explain_answers_programs() {
    let scratch = Scratch::new();
    let answer = |address: &str| -> Value {
        let outcome = scratch.run(&["explain", address, "--format", "json"]);
        assert_works(&outcome);
        serde_json::from_str(&outcome.stdout).unwrap()
    };
    let flagged = answer("47.97.1.10");
    assert_eq!(flagged["geo"]["country_iso_code"], "CN");
    assert_eq!(flagged["as"]["number"], 37_963);
    assert!(flagged["as"]["organization"]["name"].as_str().unwrap().contains("Alibaba"));
    assert_eq!(flagged["verdict"]["flagged"], true);
    assert!(!flagged["verdict"]["reasons"].as_array().unwrap().is_empty());
    assert_eq!(answer("2400:3200::1")["geo"]["country_iso_code"], "CN");
    for silent in ["77.75.79.222", "10.0.0.1", "::1"] {
        let verdict = &answer(silent)["verdict"];
        assert_eq!(verdict["flagged"], false, "{silent}");
        assert!(!verdict["reasons"].as_array().unwrap().is_empty(), "{silent}");
    }
}

#[test]
fn completions_are_offered_for_the_common_shells() {
    let scratch = Scratch::new();
    for shell in ["bash", "zsh", "fish"] {
        let outcome = scratch.run(&["completions", shell]);
        assert_works(&outcome);
        assert!(outcome.stdout.contains("replay") && outcome.stdout.contains("summary"), "{shell}");
    }
}

#[test]
fn the_version_names_whose_data_is_inside() {
    let scratch = Scratch::new();
    let long = scratch.run(&["--version"]);
    assert_works(&long);
    for part in [env!("CARGO_PKG_VERSION"), "DB-IP", "CC BY 4.0", "RouteViews", "Apache License 2.0"] {
        assert!(long.stdout.contains(part), "{part:?} is not in: {}", long.stdout);
    }
    assert_eq!(scratch.run(&["-V"]).stdout.lines().count(), 1);
}

#[test]
fn a_copied_binary_works_alone() {
    let scratch = Scratch::new();
    fs::copy(EXECUTABLE, scratch.path("copied")).unwrap();
    let outcome = Program::new(scratch.path("copied"), Path::new("/")).args(["explain", "47.97.1.10"]).run();
    assert_works(&outcome);
    assert!(outcome.stdout.contains("FLAGGED"), "{}", outcome.stdout);
}
>>>>>>> i4
