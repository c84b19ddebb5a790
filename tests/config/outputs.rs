//! `[[output]]` and `[[flow_output]]`: each kind has keys of its own.

use borderflow::config::Target;

use super::{error, every_example, read, with_examples};

#[test]
fn the_examples_of_outputs_are_at_their_defaults_where_there_are_any() {
    let config = read(&with_examples(), &[]).unwrap();
    for output in &config.outputs {
        let least = match &output.target {
            Target::File(_) => {
                "kind = \"file\"\npath = \"/var/log/borderflow/alerts.ndjson\"\nrotate_bytes = 1073741824\nrotate_hours = 24"
            }
            Target::Splunk(_) => {
                "kind = \"splunk\"\nurl = \"https://splunk.example.org:8088\"\ntoken_file = \"/etc/borderflow/splunk.token\"\n\
                 index = \"security\"\nca_file = \"/etc/borderflow/ca.pem\"\ncertificate_file = \"/etc/borderflow/sensor.pem\"\n\
                 key_file = \"/etc/borderflow/sensor.key\""
            }
            Target::Syslog(_) => {
                "kind = \"syslog\"\naddress = \"siem.example.org:6514\"\nhostname = \"sensor-1\"\n\
                 structured_data = \"borderflow@32473\"\nca_file = \"/etc/borderflow/ca.pem\"\n\
                 certificate_file = \"/etc/borderflow/sensor.pem\"\nkey_file = \"/etc/borderflow/sensor.key\"\n\
                 server_name = \"siem.example.org\""
            }
            Target::Stdout
            | Target::UnixStream(_)
            | Target::UnixDatagram(_)
            | Target::Elasticsearch(_)
            | Target::Webhook(_)
            | Target::Nats(_)
            | Target::Kafka(_) => continue,
        };
        let short = read(&format!("[[output]]\nname = {:?}\n{least}\n", output.name), &[]).unwrap();
        assert_eq!(short.outputs[0], *output);
    }
}

/// Each kind of output allows the keys that its examples show, and no other; of a secret, the file or the variable.
#[test]
fn the_shipped_file_shows_every_key_of_every_kind_of_output() {
    let examples: toml::Table = every_example().parse().unwrap();
    let kinds = ["file", "stdout", "unix", "syslog", "splunk", "elasticsearch", "webhook", "nats", "kafka"];
    let of_flows = [("flow_output", "file")];
    for (section, kind) in kinds.map(|kind| ("output", kind)).into_iter().chain(of_flows) {
        let message = error(&format!("[[{section}]]\nkind = {kind:?}\nzzz = 1"), &[]);
        let allowed: Vec<&str> =
            message.split_once("(allowed: ").unwrap().1.trim_end_matches(')').split(", ").collect();
        let of_kind = examples[section].as_array().unwrap().iter().filter(|one| one["kind"].as_str() == Some(kind));
        let shown: Vec<String> = of_kind.flat_map(|one| one.as_table().unwrap().keys().cloned()).collect();
        for key in &allowed {
            let other = key.strip_suffix("_env").map(|base| format!("{base}_file"));
            let other = other.or_else(|| key.strip_suffix("_file").map(|base| format!("{base}_env")));
            let common = ["format", "min_severity", "assets", "jurisdictions", "kinds"].contains(key);
            let is_shown = common || shown.iter().any(|one| one == key || Some(one) == other.as_ref());
            assert!(is_shown, "config.toml lacks {section} {kind} {key}");
        }
        assert!(shown.iter().all(|key| allowed.contains(&key.as_str())), "{section} {kind}");
    }
    let file = examples["output"][0].as_table().unwrap();
    assert!(["format", "min_severity", "assets", "jurisdictions", "kinds"].iter().all(|key| file.contains_key(*key)));
}

#[test]
fn what_an_output_cannot_be_is_an_error_that_says_what_it_can() {
    let output = |rest: &str| format!("[[output]]\nname = \"a\"\n{rest}\n");
    for (rest, expected) in [
        ("path = \"x\"", "1:1: output: missing key `kind`"),
        (
            "kind = \"nats\"\nservres = [\"x\"]",
            "4:1: output.servres: unknown key `servres` for an output of kind \"nats\"; did you mean `servers`? (allowed: name, kind, ",
        ),
        ("kind = \"splunk\"\nurl = \"https://x\"", "2:8: output.name: an output of kind \"splunk\" needs `token_file`"),
        (
            "kind = \"splunk\"\nurl = \"https://x\"\ntoken_file = \"a\"\ntoken_env = \"B\"",
            "6:13: output.token_env: `token_file` is given too; remove one",
        ),
        (
            "kind = \"webhook\"\nurl = \"https://me:hunter2@x/\"",
            "4:7: output.url: holds a user name or password; secrets belong in a file or the environment",
        ),
        (
            "kind = \"webhook\"\nurl = \"ftp://x/\"",
            "4:7: output.url: expected a URL that begins with https:// or http:// and names a host",
        ),
        (
            "kind = \"syslog\"\naddress = \"siem\"",
            "4:11: output.address: \"siem\": expected host:port, such as siem.example.org:6514",
        ),
        (
            "kind = \"syslog\"\naddress = \"siem:514\"\nprotocol = \"udp\"\nca_file = \"x\"",
            "6:11: output.ca_file: has a meaning with protocol = \"tls\" only",
        ),
        (
            "kind = \"elasticsearch\"\nurl = \"https://x\"\nformat = \"text\"",
            "5:10: output.format: Elasticsearch takes JSON only; expected ecs",
        ),
        (
            "kind = \"stdout\"\nkinds = [\"egres\"]",
            "4:9: output.kinds: unknown value `egres` (allowed: egress, attempt, ",
        ),
        (
            "kind = \"stdout\"\nmin_severity = 101",
            "4:16: output.min_severity: invalid value: integer `101`, expected a whole number from 0 to 100",
        ),
        (
            "kind = \"nats\"\nservers = [\"nats://x\"]\nsubject = \"a b\"",
            "5:11: output.subject: \"a b\": expected words joined by full stops, without spaces or wildcards",
        ),
    ] {
        let message = error(&output(rest), &[]);
        let expected = format!("/etc/bf/config.toml:{expected}");
        assert!(message.starts_with(&expected), "{message}\n{expected}");
        assert!(!message.contains("hunter2"));
    }
    if !cfg!(feature = "kafka") {
        let message = error(&output("kind = \"kafka\"\nbrokers = [\"k:9092\"]"), &[]);
        assert!(message.contains("3:8: output.kind: ") && message.contains("--features kafka"), "{message}");
    }
}
