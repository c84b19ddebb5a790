//! What an operator sees, behaviour by behaviour: captures written here, a configuration and the expected lines in
//! `tests/golden/<behaviour>/`. `BORDERFLOW_BLESS=1` writes the lines anew; read the difference before committing it.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test says where it fails")]

#[path = "golden/stories.rs"]
mod stories;

use std::fs;
use std::path::{Path, PathBuf};

use borderflow_testkit::program::{Outcome, Program};
use borderflow_testkit::{Frame, Pcap};
use serde_json::Value;

/// A folder of `tests/golden`, and where its capture is replayed.
struct Golden {
    folder: PathBuf,
    directory: tempfile::TempDir,
}

impl Golden {
    fn new(behaviour: &str, frames: &[Frame]) -> Golden {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(behaviour);
        let directory = tempfile::tempdir().unwrap();
        let mut frames = frames.to_vec();
        frames.sort_by_key(|frame| frame.timestamp_ns);
        fs::write(directory.path().join("capture.pcap"), Pcap::microseconds(1).write(&frames)).unwrap();
        Golden { folder, directory }
    }

    fn replay(&self, options: &[&str]) -> Outcome {
        let program = Program::new(env!("CARGO_BIN_EXE_borderflow"), self.directory.path());
        let program = program.args(["replay", "capture.pcap", "--flows", "flows.jsonl"]).args(options);
        let config = self.folder.join("config.toml");
        let program = if config.exists() { program.arg("-c").arg(config) } else { program };
        let outcome = program.run();
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        outcome
    }

    /// The text a person sees is what the folder says.
    fn check_text(&self, options: &[&str], name: &str) {
        let found = without_dates(&self.replay(&[options, &["--format", "text"]].concat()).stdout);
        let path = self.folder.join(name);
        if std::env::var_os("BORDERFLOW_BLESS").is_some() {
            fs::create_dir_all(&self.folder).unwrap();
            fs::write(&path, &found).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(expected, found, "{} differs from what was found", path.display());
    }

    fn check(&self) {
        self.check_text(&[], "alerts.txt");
    }

    fn alerts(&self) -> Vec<Value> {
        records(&self.replay(&["--format", "ecs"]).stdout)
    }

    fn flows(&self) -> Vec<Value> {
        self.replay(&[]);
        records(&fs::read_to_string(self.directory.path().join("flows.jsonl")).unwrap())
    }
}

fn records(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The text without the databases' names and dates, which change with each refresh.
fn without_dates(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("; located in ") {
        let (before, after) = rest.split_at(at + "; located in XX".len());
        out.push_str(before);
        let end = after.find(')').map_or(0, |end| end + 1);
        out.push_str(if after.starts_with(" (configuration)") { &after[..end] } else { " (database)" });
        rest = &after[end..];
    }
    out + rest
}

fn step(alert: &Value) -> &str {
    alert["borderflow"]["finding"]["step"].as_str().unwrap()
}

#[test]
fn attempts_and_scans_are_counted_and_never_data() {
    Golden::new("attempts", &stories::attempts()).check();
}

#[test]
fn a_refused_connection_is_an_attempt() {
    Golden::new("refused", &stories::refused()).check();
}

#[test]
fn a_connection_caught_midstream_counts_from_where_it_was_caught() {
    let golden = Golden::new("midstream", &stories::midstream());
    golden.check();
    assert_eq!(golden.flows()[0]["borderflow"]["initiator_basis"], "port");
}

#[test]
fn a_retransmission_is_not_payload() {
    let golden = Golden::new("retransmission", &stories::retransmission());
    golden.check();
    let flow = &golden.flows()[0];
    assert_eq!(flow["borderflow"]["payload_bytes_sent"], 1_000);
    assert!(flow["source"]["bytes"].as_u64().unwrap() > 3_000, "what was repeated was still on the wire");
}

#[test]
fn growth_is_told_each_time_it_is_tenfold() {
    Golden::new("tenfold", &stories::tenfold()).check();
}

#[test]
fn a_finding_closes_after_a_day_of_silence_and_comes_back_as_another() {
    let golden = Golden::new("closed_and_reopened", &stories::closed_and_reopened());
    golden.check();
    let alerts = golden.alerts();
    let ids = |wanted: &str| -> Vec<String> {
        let of_step = alerts.iter().filter(|alert| step(alert) == wanted);
        of_step.map(|alert| alert["borderflow"]["finding"]["id"].as_str().unwrap().to_owned()).collect()
    };
    let opened = ids("opened");
    assert_eq!(opened.len(), 2);
    assert_ne!(opened[0], opened[1]);
    assert_eq!(opened, ids("closed"));
}

#[test]
fn a_session_that_came_in_is_told_as_such() {
    let golden = Golden::new("inbound_session", &stories::inbound_session());
    golden.check();
    let alert = &golden.alerts()[0];
    assert_eq!(alert["network"]["direction"], "inbound");
    assert_eq!(alert["source"]["ip"], "203.0.113.66");
    assert_eq!(alert["rule"]["id"], "remote-management");
    assert_eq!(alert["borderflow"]["management"]["login"], "granted");
}

#[test]
fn failed_logins_are_one_finding_and_no_data() {
    Golden::new("failed_logins", &stories::failed_logins()).check();
}

#[test]
fn an_encrypted_flow_in_which_the_other_side_asks_and_ours_answers_is_told_as_driven() {
    Golden::new("driven", &stories::driven()).check();
}

#[test]
fn a_controller_that_is_written_to_from_outside_is_critical_from_the_write_on() {
    let golden = Golden::new("controller_written_to", &stories::controller_written_to());
    golden.check();
    let levels = golden.alerts().into_iter().map(|alert| alert["borderflow"]["severity"]["level"].clone());
    assert_eq!(levels.collect::<Vec<_>>(), ["low", "critical", "critical"]);
}

#[test]
fn a_broker_that_publishes_to_a_device_manages_it() {
    let golden = Golden::new("mqtt_push", &stories::mqtt_push());
    golden.check();
    let alerts = golden.alerts();
    let managed = alerts.iter().find(|alert| alert["rule"]["id"] == "remote-management").unwrap();
    assert_eq!(managed["borderflow"]["management"]["details"], serde_json::json!(["pumps/7/set"]));
}

#[test]
fn a_name_that_shows_late_renames_the_finding_and_opens_no_other() {
    let golden = Golden::new("late_name", &stories::late_name());
    golden.check();
    let alerts = golden.alerts();
    let findings: Vec<&Value> = alerts.iter().map(|alert| &alert["borderflow"]["finding"]["id"]).collect();
    assert!(findings.windows(2).all(|pair| pair[0] == pair[1]), "{findings:?}");
    let named = |alert: &Value| alert["borderflow"]["entity"]["name"].as_str().unwrap().to_owned();
    assert_eq!((named(&alerts[0]), named(&alerts[1])), ("Example Telecom".into(), "Example Automation".into()));
}

#[test]
fn a_device_of_a_flagged_maker_that_nobody_declared_is_told_though_it_never_leaves() {
    Golden::new("undeclared_device", &stories::undeclared_device()).check();
}

#[test]
fn the_us_preset_flags_what_the_czech_one_does_not() {
    let golden = Golden::new("us_preset", &stories::moscow());
    golden.check();
    golden.check_text(&["--set", "jurisdictions.preset=nukib-2025"], "alerts-nukib-2025.txt");
}

#[test]
fn an_exempt_country_is_silent_and_the_rest_of_its_preset_is_not() {
    Golden::new("exempt", &stories::hong_kong_and_china()).check();
}

#[test]
fn the_users_word_on_a_prefix_stands_above_the_databases() {
    let golden = Golden::new("override", &stories::alibaba_and_its_neighbour());
    golden.check();
    assert_eq!(golden.alerts()[1]["destination"]["as"]["organization"]["name"], "Example Hosting");
}

#[test]
fn without_a_configuration_private_addresses_are_watched() {
    Golden::new("no_configuration", &stories::private_hosts()).check();
}

#[test]
fn taiwan_is_never_flagged() {
    let golden = Golden::new("taiwan", &stories::taiwan());
    golden.check();
    let flow = &golden.flows()[0];
    assert_eq!(flow["destination"]["geo"]["country_iso_code"], "TW");
    assert_eq!(flow["destination"]["geo"]["country_name"], "Taiwan");
}

#[test]
fn ipv6_is_watched_like_ipv4() {
    let golden = Golden::new("ipv6", &stories::ipv6());
    golden.check();
    assert_eq!(golden.alerts()[0]["network"]["type"], "ipv6");
}

#[test]
fn the_vlan_is_in_the_record() {
    let golden = Golden::new("vlan", &stories::vlan());
    golden.check();
    for record in [&golden.alerts()[0], &golden.flows()[0]] {
        assert_eq!(record["network"]["vlan"]["id"], "120");
        assert_eq!(record["network"]["inner"]["vlan"]["id"], "7");
    }
}

#[test]
fn an_asset_known_by_its_mac_is_named_whatever_its_address() {
    let golden = Golden::new("mac_asset", &stories::roaming());
    golden.check();
    assert_eq!(golden.alerts()[0]["source"]["mac"], "04-03-12-5A-10-21");
}

#[test]
fn less_than_the_threshold_is_no_finding() {
    Golden::new("threshold", &stories::threshold()).check();
}

#[test]
fn a_udp_request_counts_once_it_is_answered() {
    Golden::new("udp_answered_later", &stories::udp_answered_later()).check();
}

#[test]
fn a_mirror_of_one_direction_still_shows_what_was_sent() {
    let golden = Golden::new("one_sided", &stories::one_sided());
    golden.check();
    assert_eq!(golden.flows()[0]["borderflow"]["one_sided"], true);
}

#[test]
fn an_accepted_risk_is_told_as_accepted_until_it_expires_and_only_in_its_schedule() {
    let golden = Golden::new("accepted_risk", &stories::accepted_risk());
    golden.check();
    let alerts = golden.alerts();
    let told = |alert: &Value| {
        let exception = &alert["borderflow"]["exception"];
        (exception["standing"].as_str().unwrap().to_owned(), alert["event"]["severity"].as_u64().unwrap() > 0)
    };
    let opened: Vec<_> = alerts.iter().filter(|alert| step(alert) == "opened").map(told).collect();
    let expected = [("accepted", false), ("outside_schedule", true), ("expired", true)];
    assert_eq!(opened, expected.map(|(standing, severe)| (standing.to_owned(), severe)));
    assert_eq!(golden.flows().len(), 3, "what is accepted is still recorded");
}

#[test]
fn what_drips_over_midnight_passes_the_threshold_of_a_day() {
    let golden = Golden::new("slow_drip", &stories::slow_drip());
    golden.check();
    let alerts = golden.alerts();
    let of_volume: Vec<&Value> = alerts.iter().filter(|alert| alert["rule"]["id"] == "volume").collect();
    let volume = &of_volume[0]["borderflow"]["volume"];
    assert_eq!(volume, &serde_json::json!({"window": "day", "bytes": 20_000, "threshold_bytes": 20_000}));
}

#[test]
fn with_no_room_for_more_findings_new_ones_are_told_as_one() {
    Golden::new("crowded", &stories::crowded()).check();
}

#[test]
fn hosts_outside_the_home_networks_are_nobodys_asset() {
    let golden = Golden::new("external", &stories::external());
    golden.check();
    assert_eq!(golden.flows()[0]["network"]["direction"], "external");
}

/// A row of the table in `demo/expected.md`.
struct Row {
    cells: Vec<String>,
}

impl Row {
    fn number(&self, column: usize) -> u64 {
        self.cells[column].replace(',', "").parse().unwrap()
    }
}

/// The rows of the table below the heading that begins with `heading`.
fn table(heading: &str) -> Vec<Row> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/demo/expected.md")).unwrap();
    let (_, below) = text.split_once(&format!("## {heading}")).unwrap();
    let lines = below.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| "));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    lines.skip(2).map(|line| Row { cells: cells(line) }).collect()
}

fn demo_alerts() -> Vec<Value> {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo");
    let directory = tempfile::tempdir().unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_borderflow"), directory.path());
    let outcome = program.args(["replay", "-c"]).arg(demo.join("config.toml")).arg(demo.join("demo.pcapng")).run();
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    records(&outcome.stdout)
}

/// The last word on the finding of a rule about an asset, or about all of them.
fn closed<'a>(alerts: &'a [Value], rule: &str, asset: &str) -> Vec<&'a Value> {
    let named = |alert: &Value| alert["borderflow"]["asset"]["name"].as_str().unwrap_or("").to_owned();
    let wanted = |alert: &&Value| step(alert) == "closed" && alert["rule"]["id"] == rule && named(alert) == asset;
    alerts.iter().filter(wanted).collect()
}

/// Volumes, jurisdiction and addresses of a finding are those of its row.
fn check_row(row: &Row, finding: &Value) {
    let (details, asset) = (&finding["borderflow"], &row.cells[0]);
    let (address, _) = row.cells[1].split_once([' ', ',']).unwrap();
    let (country, asn) = row.cells[2].split_once(", AS").unwrap();
    assert_eq!(details["finding"]["payload_bytes_sent"], row.number(3), "{asset}");
    assert_eq!(details["finding"]["payload_bytes_received"], row.number(4), "{asset}");
    assert_eq!(details["jurisdiction"]["iso_code"], country, "{asset}");
    assert_eq!(details["entity"]["as_number"].to_string(), asn, "{asset}");
    assert!(finding["related"]["ip"].as_array().unwrap().contains(&address.into()), "{asset}");
}

#[test]
fn the_demo_finds_everybody_who_sent_data_with_the_exact_bytes() {
    let alerts = demo_alerts();
    let expected = table("Data sent to a flagged jurisdiction");
    assert_eq!(expected.len(), 8);
    for row in &expected {
        let found = closed(&alerts, "egress", &row.cells[0]);
        assert_eq!(found.len(), 1, "{}", row.cells[0]);
        check_row(row, found[0]);
    }
    let senders = alerts.iter().filter(|alert| alert["rule"]["id"] == "egress" && step(alert) == "opened").count();
    assert_eq!(senders, expected.len(), "nobody else sent data to a flagged jurisdiction");
}

#[test]
fn the_demo_finds_who_is_managed_by_what_and_how_surely() {
    let alerts = demo_alerts();
    let expected = table("Remotely managed from a flagged jurisdiction");
    assert_eq!(expected.len(), 4);
    for row in &expected {
        let found = closed(&alerts, "remote-management", &row.cells[0]);
        let by = |alert: &&&Value| {
            let management = &alert["borderflow"]["management"];
            row.cells[5]
                == format!("{} {}", management["class"].as_str().unwrap(), management["protocol"].as_str().unwrap())
        };
        let finding = found.iter().find(by).unwrap();
        check_row(row, finding);
        let management = &finding["borderflow"]["management"];
        let commands = management["commands"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!((row.number(6), row.number(7)), (management["sessions"].as_u64().unwrap(), commands));
        let is_critical = finding["borderflow"]["severity"]["level"] == "critical";
        assert_eq!(is_critical, row.cells[8].ends_with("critical"), "{}", row.cells[0]);
    }
    let opened = alerts.iter().filter(|alert| alert["rule"]["id"] == "remote-management" && step(alert) == "opened");
    assert_eq!(opened.count(), expected.len() + 1, "and the logger by its name, before it is written to");
}

#[test]
fn the_demo_counts_failed_logins_before_the_granted_one() {
    let alerts = demo_alerts();
    let failed = closed(&alerts, "login-failed", "");
    assert_eq!((failed.len(), failed[0]["borderflow"]["finding"]["flows"].as_u64()), (1, Some(4)));
    let session = closed(&alerts, "remote-management", "jump-host");
    assert_eq!(session[0]["borderflow"]["management"]["failed_logins_before"], 4);
}

#[test]
fn the_demo_finds_the_device_that_nobody_declared() {
    let alerts = demo_alerts();
    let row = &table("Undeclared devices of a flagged maker")[0];
    let found = closed(&alerts, "flagged-device", &row.cells[0]);
    assert_eq!(found.len(), 1);
    let device = &found[0]["borderflow"]["asset"]["device"];
    assert_eq!((&device["vendor"], &device["name"]), (&"Dahua".into(), &"lobby-cam".into()));
    assert!(device["model"].as_str().unwrap().contains("IPC-EXAMPLE-4MP"));
}

#[test]
fn the_demos_attempts_are_aggregated_and_no_data() {
    let alerts = demo_alerts();
    let attempts: Vec<&Value> = alerts.iter().filter(|alert| alert["rule"]["id"] == "attempt").collect();
    let outbound = closed(&alerts, "attempt", "pump-hmi");
    assert_eq!((outbound.len(), outbound[0]["borderflow"]["finding"]["flows"].as_u64()), (1, Some(2)));
    let inbound = closed(&alerts, "attempt", "");
    assert_eq!((inbound.len(), inbound[0]["borderflow"]["finding"]["flows"].as_u64()), (1, Some(260)));
    assert!(attempts.len() < 10, "{} alerts about 262 attempts", attempts.len());
}

#[test]
fn the_demos_innocent_stay_silent() {
    let alerts = demo_alerts();
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/demo/expected.md")).unwrap();
    let (_, silent) = text.split_once("## Silent always").unwrap();
    let words = silent.split(|c: char| c.is_whitespace() || c == ',' || c == '|');
    let addresses: Vec<std::net::IpAddr> = words.filter_map(|word| word.parse().ok()).collect();
    assert!(addresses.len() > 20, "{} addresses", addresses.len());
    for alert in &alerts {
        for ip in alert["related"]["ip"].as_array().unwrap() {
            let ip: std::net::IpAddr = ip.as_str().unwrap().parse().unwrap();
            assert!(!addresses.contains(&ip), "{alert}");
        }
    }
}

#[test]
fn the_readme_shows_what_the_demo_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = tempfile::tempdir().unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_borderflow"), directory.path()).args(["replay", "--format", "text"]);
    let outcome = program.arg("-c").arg(root.join("demo/config.toml")).arg(root.join("demo/demo.pcapng")).run();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let (_, sample) = readme.split_once("```text\n").unwrap();
    let (sample, _) = sample.split_once("```").unwrap();
    let mut printed = outcome.stdout.lines();
    for line in sample.lines().filter(|line| *line != "…") {
        assert!(printed.any(|other| other == line), "not printed, or not in this order: {line}");
    }
}
