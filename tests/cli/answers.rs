//! What the program says about itself, its configuration and an address.

use std::path::Path;
use std::process::Command;

use borderflow_testkit::program::Program;
use serde_json::Value;

use super::kit::*;

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
fn explain_tells_what_tool_a_name_belongs_to() {
    let scratch = Scratch::new();
    for (name, said) in [
        (
            "relay-9b6827f2.net.anydesk.com",
            &["remote-support tool: AnyDesk", "Germany (DE)", "2026-", "not flagged"][..],
        ),
        ("client.oray.net", &["remote-support tool: Sunlogin", "China (CN)", "FLAGGED"]),
        ("derp1.tailscale.com", &["VPN: Tailscale", "not flagged", "no source tells its jurisdiction"]),
        ("www.example.org", &["not flagged", "the name is in no catalogue"]),
    ] {
        let outcome = scratch.run(&["explain", name]);
        assert_works(&outcome);
        for part in said {
            assert!(outcome.stdout.contains(part), "{part:?} is not in: {}", outcome.stdout);
        }
    }
    let outcome = scratch.run(&["explain", "client.oray.net", "--format", "json"]);
    let answer: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((&answer["tool"]["kind"], &answer["tool"]["jurisdiction"]), (&"remote_support".into(), &"CN".into()));
}

#[test]
fn the_catalogue_lists_tools_with_the_users_own() {
    let scratch = Scratch::new();
    let header = "tool\tkind\tvendor\tjurisdiction\tmatch\tsource\tdate\tnote";
    let row = "Desk\ttunnel\tDesk Ltd\t-\tdomain:desk.example\tcontract 7\t2026-11\t";
    std::fs::write(scratch.path("tools.tsv"), format!("{header}\n{row}\n")).unwrap();
    std::fs::write(scratch.path("own.toml"), "[geoip]\ntools = \"tools.tsv\"\n").unwrap();
    let outcome = scratch.run(&["catalogue", "-c", "own.toml"]);
    assert_works(&outcome);
    for line in
        ["tool\talpn:anydesk/\tAnyDesk (AnyDesk Software)\tDE\t", "tool\tdomain:desk.example\tDesk (Desk Ltd)\t-\t"]
    {
        assert!(outcome.stdout.contains(line), "{line:?} is not listed");
    }
    let outcome = scratch.run(&["catalogue", "-c", "own.toml", "--format", "json"]);
    let listing: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let own = listing["tools"].as_array().unwrap().iter().find(|row| row["tool"] == "Desk").unwrap();
    assert_eq!((&own["match"], &own["kind"]), (&"domain:desk.example".into(), &"tunnel".into()));
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
fn the_manual_has_a_page_for_every_command() {
    let scratch = Scratch::new();
    let page = scratch.run(&["man"]);
    assert_works(&page);
    assert!(page.stdout.contains(".TH borderflow 1") && page.stdout.contains(".SH FILES"), "{}", page.stdout);
    assert_works(&scratch.run(&["man", "--directory", "."]));
    for command in ["", "-replay", "-check", "-journal", "-journal-list", "-output-test", "-completions"] {
        let name = format!("borderflow{command}.1");
        assert!(scratch.read(&name).contains(".SH NAME"), "{name}");
    }
    assert_fails(&scratch.run(&["man", "--directory", "nowhere"]), 1, &["nowhere"]);
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
    // By another process: a file that this one has open for writing while a thread forks cannot be run.
    assert!(Command::new("cp").arg(EXECUTABLE).arg(scratch.path("copied")).status().unwrap().success());
    let outcome = Program::new(scratch.path("copied"), Path::new("/")).args(["explain", "47.97.1.10"]).run();
    assert_works(&outcome);
    assert!(outcome.stdout.contains("FLAGGED"), "{}", outcome.stdout);
}

#[test]
fn explain_answers_a_list_one_line_each_and_names_the_line_it_cannot_read() {
    let scratch = Scratch::new();
    let explain = |args: &[&str], input: &[u8]| {
        scratch.program().args(args).input(vec![input.to_vec()], std::time::Duration::ZERO).run()
    };
    let outcome = explain(&["explain", "--format", "json", "-"], b"47.91.67.66\n# note\n\nserver.growatt.com\n");
    assert_works(&outcome);
    let lines: Vec<Value> = outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (lines.len(), &lines[0]["ip"], &lines[1]["domain"]),
        (2, &"47.91.67.66".into(), &"server.growatt.com".into())
    );
    let outcome = explain(&["explain", "-"], b"9.9.9.9\nnonsense\n");
    assert_eq!(outcome.status, Some(2));
    assert!(outcome.stderr.contains("standard input, line 2") && outcome.stdout.contains("9.9.9.9"), "{outcome:?}");
}
