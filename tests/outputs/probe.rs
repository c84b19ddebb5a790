//! `borderflow output test NAME`: what a person is told, and what no log tells.

use std::fs;

use borderflow_testkit::program::{Outcome, Program};

use super::server::{Answer, serve};

const SECRET: &str = "do-not-show-me-3141";

fn run(config: &str, name: &str) -> (Outcome, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.toml"), config).unwrap();
    fs::write(folder.path().join("secret"), SECRET).unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_borderflow"), folder.path()).env("BORDERFLOW_LOG", "trace");
    (program.args(["output", "test", name]).run(), folder)
}

#[test]
fn a_test_alert_arrives_clearly_marked_and_the_answer_is_told() {
    let port = serve(None, |request| {
        let bad = |why: &str| Answer::Whole(400, "", why.to_owned());
        let Ok(array) = serde_json::from_str::<serde_json::Value>(&request.body) else { return bad("no JSON") };
        let alert = &array[0];
        if alert["rule"]["id"] != "test" || alert["event"]["severity"] != 0 {
            return bad("not marked");
        }
        if !alert["message"].as_str().is_some_and(|message| message.starts_with("Borderflow test alert")) {
            return bad("no message");
        }
        Answer::Whole(202, "", "accepted by the test".to_owned())
    });
    let config = format!(
        "[[output]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{port}/x\"\ntoken_file = \"secret\"\ninsecure = true\n"
    );
    let (told, _) = run(&config, "hook");
    assert_eq!(told.status, Some(0), "{}", told.stderr);
    for part in ["delivered", "test alert test-", " bytes, ", "HTTP 202 accepted by the test"] {
        assert!(told.stdout.contains(part), "{part:?} in {}", told.stdout);
    }
    assert!(!format!("{}{}", told.stdout, told.stderr).contains(SECRET));
}

#[test]
fn what_goes_wrong_is_told_in_words_with_status_1_and_never_with_the_secret() {
    let port = serve(None, |request| {
        Answer::Whole(403, "", format!("token {} is disabled", request.headers["authorization"]))
    });
    let splunk = format!(
        "[[output]]\nname = \"splunk\"\nkind = \"splunk\"\nurl = \"http://127.0.0.1:{port}\"\ntoken_file = \"secret\"\ninsecure = true\n"
    );
    let refused = "[[output]]\nname = \"splunk\"\nkind = \"syslog\"\nprotocol = \"tcp\"\naddress = \"127.0.0.1:1\"\n";
    let missing =
        "[[output]]\nname = \"splunk\"\nkind = \"splunk\"\nurl = \"http://127.0.0.1:1\"\ntoken_file = \"nowhere\"\n";
    for (config, said) in [
        (splunk.as_str(), "not delivered: HTTP 403"),
        (refused, "not delivered: 127.0.0.1:1: Connection refused"),
        (missing, "nowhere: No such file"),
    ] {
        let (told, _) = run(config, "splunk");
        assert_eq!(told.status, Some(1), "{}", told.stderr);
        assert!(told.stderr.contains(said), "{said:?} in {}", told.stderr);
        assert!(!format!("{}{}", told.stdout, told.stderr).contains(SECRET), "{}", told.stderr);
    }
    let (told, _) = run(&splunk, "spunk");
    assert_eq!(told.status, Some(2));
    assert!(told.stderr.contains("no output is called \"spunk\" (configured: splunk)"), "{}", told.stderr);
}

#[test]
fn a_proxy_of_the_environment_is_used() {
    let port = serve(None, |request| {
        let through = request.path == "http://siem.invalid/hook";
        if through {
            Answer::Whole(200, "", "through the proxy".to_owned())
        } else {
            Answer::Whole(400, "", String::new())
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let config =
        "[[output]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"http://siem.invalid/hook\"\ninsecure = true\n";
    fs::write(folder.path().join("config.toml"), config).unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_borderflow"), folder.path()).args(["output", "test", "hook"]);
    let told = program.env("http_proxy", &format!("http://127.0.0.1:{port}")).env("NO_PROXY", "").run();
    assert_eq!(told.status, Some(0), "{}", told.stderr);
    assert!(told.stdout.contains("HTTP 200 through the proxy"), "{}", told.stdout);
}

#[test]
fn check_shows_where_outputs_send_to_and_no_secret() {
    let config = "[[output]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"https://chat.example.org/hooks/T0/secret-path\"\ntoken_file = \"secret\"\nmin_severity = 60\n";
    let (_, folder) = run(config, "nothing");
    let told = Program::new(env!("CARGO_BIN_EXE_borderflow"), folder.path()).arg("check").run();
    assert_eq!(told.status, Some(0), "{}", told.stderr);
    assert!(
        told.stdout.contains("Output \"hook\": webhook at https://chat.example.org, ecs; severity 60 and above"),
        "{}",
        told.stdout
    );
    assert!(!told.stdout.contains(SECRET) && !told.stdout.contains("secret-path"));
}

#[test]
fn the_file_gets_the_test_alert_too() {
    let (told, folder) = run("[[output]]\nname = \"f\"\nkind = \"file\"\npath = \"alerts\"\n", "f");
    assert_eq!(told.status, Some(0), "{}", told.stderr);
    let text = fs::read_to_string(folder.path().join("alerts")).unwrap();
    assert!(text.contains("\"id\":\"test\"") && text.lines().count() == 1, "{text}");
    assert!(told.stdout.contains("are on the disk"), "{}", told.stdout);
}
