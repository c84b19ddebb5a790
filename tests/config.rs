//! The configuration as a user meets it: defaults, errors that lead to the line, `--set`.

#[path = "config/outputs.rs"]
mod outputs;
#[path = "config/packaged.rs"]
mod packaged;
#[path = "config/risk.rs"]
mod risk;

use std::path::{Path, PathBuf};
use std::time::Duration;

use borderflow::config::{Config, ConfigError, Format, Place, Target};
use borderflow::detect::{AssetKey, Criticality};
use proptest::prelude::*;

fn read(text: &str, sets: &[&str]) -> Result<Config, ConfigError> {
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    Config::from_text(Some((Path::new("/etc/bf/config.toml"), text)), &sets)
}

fn error(text: &str, sets: &[&str]) -> String {
    read(text, sets).err().map(|error| error.to_string()).unwrap_or_default()
}

fn check_error(text: &str, expected: &str) {
    assert_eq!(error(text, &[]), format!("/etc/bf/config.toml:{expected}"), "{text}");
}

const SHIPPED: &str = include_str!("../config.toml");

fn assert_same(a: &Config, b: &Config) {
    assert_eq!(a.home, b.home);
    assert_eq!(a.assets.declared(), b.assets.declared());
    assert_eq!(a.preset, b.preset);
    assert_eq!(a.jurisdictions, b.jurisdictions);
    assert_eq!(a.detect, b.detect);
    assert_eq!(a.ledger, b.ledger);
    assert_eq!(a.thresholds, b.thresholds);
    assert_eq!(a.exceptions, b.exceptions);
    assert_eq!(a.journal, b.journal);
    assert_eq!(a.capture, b.capture);
    assert_eq!(a.daemon, b.daemon);
    assert_eq!(a.sandbox, b.sandbox);
    assert_eq!(a.metrics, b.metrics);
    assert_eq!(a.log, b.log);
    assert_eq!(a.flow, b.flow);
    assert_eq!(a.decode, b.decode);
    assert_eq!(a.geoip, b.geoip);
    assert_eq!(a.operators, b.operators);
    assert_eq!(a.services, b.services);
    assert_eq!(a.outputs, b.outputs);
    assert_eq!(a.flow_outputs, b.flow_outputs);
}

/// The shipped file with its examples uncommented: the commented lines that are a header or a key. The example of Kafka is
/// there where the program has Kafka.
fn with_examples() -> String {
    let all = every_example();
    let kafka = |block: &&str| !cfg!(feature = "kafka") && block.contains("kind = \"kafka\"");
    let blocks: Vec<&str> = all.split("[[").filter(|block| !kafka(block)).collect();
    blocks.join("[[")
}

fn every_example() -> String {
    let is_toml =
        |line: &str| line.starts_with("[[") || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
    let line = |line: &'static str| line.strip_prefix("# ").filter(|rest| is_toml(rest)).unwrap_or(line);
    SHIPPED.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_shipped_file_holds_the_built_in_defaults() {
    let built_in = Config::from_text(None, &[]).unwrap();
    assert_eq!(built_in.origin, None);
    assert_same(&read(SHIPPED, &[]).unwrap(), &built_in);
}

#[test]
fn the_examples_in_the_shipped_file_work() {
    let config = read(&with_examples(), &[]).unwrap();
    let [pump] = config.assets.declared() else { panic!("one asset") };
    assert_eq!((pump.name.as_str(), pump.criticality), ("pump station controller", Criticality::Medium));
    assert_eq!(config.assets.identify("10.20.1.7".parse().unwrap(), None), Some(AssetKey::Declared(0)));
    assert_eq!(config.jurisdictions.flag("RU".parse().unwrap()).unwrap().risk, 80);
    assert_eq!(config.geoip.overrides[0].asn, Some(64496));
    assert_eq!((config.operators[0].asn, config.operators[0].group.as_ref()), (64497, "Example Cloud"));
    assert_eq!(config.services[0].matches.to_string(), "cloud.example.net");
    let Target::File(file) = &config.outputs[0].target else { panic!("a file") };
    assert_eq!(file.path, Path::new("/var/log/borderflow/alerts.ndjson"));
    assert_eq!(config.outputs.len(), if cfg!(feature = "kafka") { 12 } else { 11 });
    assert_eq!(config.flow_outputs.len(), 1);
}

#[test]
fn the_shipped_file_shows_every_key_there_is() {
    let plain: toml::Table = SHIPPED.parse().unwrap();
    let with_examples: toml::Table = with_examples().parse().unwrap();
    let tables = [
        ("", "zzz = 1"),
        ("monitor", "[monitor]\nzzz = 1"),
        ("asset", "[[asset]]\nzzz = 1"),
        ("jurisdictions", "[jurisdictions]\nzzz = 1"),
        ("jurisdictions.flag", "[[jurisdictions.flag]]\nzzz = 1"),
        ("detect", "[detect]\nzzz = 1"),
        ("ledger", "[ledger]\nzzz = 1"),
        ("threshold", "[[threshold]]\nzzz = 1"),
        ("exception", "[[exception]]\nzzz = 1"),
        ("journal", "[journal]\nzzz = 1"),
        ("flow", "[flow]\nzzz = 1"),
        ("decode", "[decode]\nzzz = 1"),
        ("geoip", "[geoip]\nzzz = 1"),
        ("geoip.override", "[[geoip.override]]\nzzz = 1"),
        ("operator", "[[operator]]\nzzz = 1"),
        ("service", "[[service]]\nzzz = 1"),
    ];
    for (path, unknown) in tables {
        let message = error(unknown, &[]);
        let allowed = message.split_once("(allowed: ").unwrap().1.trim_end_matches(')');
        let mut table = if plain.contains_key(path) && path != "geoip" && path != "jurisdictions" {
            &plain
        } else {
            &with_examples
        };
        for part in path.split('.').filter(|part| !part.is_empty()) {
            let value = &table[part];
            table = value.get(0).unwrap_or(value).as_table().unwrap();
        }
        for key in allowed.split(", ") {
            assert!(table.contains_key(key), "config.toml lacks {path} {key}");
        }
        assert_eq!(table.len(), allowed.split(", ").count(), "{path}");
    }
}

#[test]
fn with_no_configuration_private_addresses_are_monitored_and_china_is_flagged() {
    let config = Config::from_text(None, &[]).unwrap();
    for home in ["10.1.2.3", "192.168.1.1", "172.16.0.1", "100.64.0.1", "fd00::1", "fe80::1"] {
        assert!(config.assets.is_home(home.parse().unwrap()), "{home}");
    }
    assert!(!config.assets.is_home("8.8.8.8".parse().unwrap()));
    let flagged: Vec<String> = config.jurisdictions.iter().map(|(country, _)| country.to_string()).collect();
    assert_eq!(flagged, ["CN", "HK", "MO"]);
    assert_eq!(config.detect.finding_idle, Duration::from_secs(86_400));
}

#[test]
fn an_unknown_key_is_an_error_that_names_line_and_allowed_keys() {
    check_error("[monitor]\n  hom = []\n", "2:3: monitor.hom: unknown key `hom`; did you mean `home`? (allowed: home)");
    check_error(
        "\n[flows]\nmax_flows = 1\n",
        "2:2: flows: unknown key `flows`; did you mean `flow`? (allowed: monitor, asset, jurisdictions, detect, ledger, \
         threshold, exception, journal, capture, daemon, sandbox, metrics, log, flow, decode, geoip, operator, service, output, flow_output)",
    );
    check_error(
        "[[asset]]\nname = \"a\"\n[[asset]]\nname = \"b\"\ncolour = 1\n",
        "5:1: asset.colour: unknown key `colour` (allowed: name, addresses, macs, sector, criticality, supplier, owner)",
    );
}

#[test]
fn an_unknown_value_is_an_error_that_names_the_allowed_ones() {
    check_error(
        "[jurisdictions]\npreset = \"nukib\"",
        "2:10: jurisdictions.preset: unknown value `nukib` (allowed: nukib-2025, us-28cfr202, none)",
    );
    check_error(
        "[[asset]]\nname = \"a\"\ncriticality = \"hihg\"",
        "3:15: asset.criticality: unknown value `hihg`; did you mean `high`? (allowed: low, medium, high, critical)",
    );
    check_error(
        "[[output]]\nname = \"a\"\nkind = \"tcp\"",
        "3:8: output.kind: unknown value `tcp` (allowed: file, stdout, unix, syslog, splunk, elasticsearch, webhook, nats, kafka)",
    );
    let message = error("decode.tunnels = [\"gre\", \"vxlam\"]", &[]);
    assert!(message.starts_with(
        "/etc/bf/config.toml:1:26: decode.tunnels: unknown value `vxlam`; did you mean `vxlan`? (allowed: gre, "
    ));
}

#[test]
fn a_wrong_type_or_a_number_out_of_range_is_an_error_that_says_what_is_expected() {
    for (text, expected) in [
        (
            "[flow]\nmax_flows = \"many\"",
            "2:13: flow.max_flows: invalid type: string \"many\", expected a whole number from 1 to 100000000",
        ),
        (
            "[flow]\nmax_flows = 0",
            "2:13: flow.max_flows: invalid value: integer `0`, expected a whole number from 1 to 100000000",
        ),
        (
            "[flow]\ntcp_idle_s = -1",
            "2:14: flow.tcp_idle_s: invalid value: integer `-1`, expected a whole number from 1 to 604800",
        ),
        (
            "[decode]\nmax_depth = 1.5",
            "2:13: decode.max_depth: invalid type: floating point `1.5`, expected a whole number from 1 to 64",
        ),
        (
            "[[jurisdictions.flag]]\ncountry = \"RU\"\nrisk = 101\nbasis = \"x\"",
            "3:8: jurisdictions.flag.risk: invalid value: integer `101`, expected a whole number from 0 to 100",
        ),
        ("monitor = 5", "1:11: monitor: invalid type: integer `5`, expected a table"),
        ("monitor.home = \"10.0.0.0/8\"", "1:16: monitor.home: invalid type: string \"10.0.0.0/8\", expected a list"),
        ("[asset]\nname = \"a\"", "1:1: asset: invalid type: table, expected a list"),
        ("[[asset]]\nname = \"a\"\nmacs = [\"00:11:22:33:44:55\"]\n[[asset]]", "4:1: asset: missing key `name`"),
        ("monitor.home = [\"10.0.0.0/8\", 5]", "1:31: monitor.home: invalid type: integer `5`, expected a string"),
        (
            "[[asset]]\nname = \" \"",
            "2:8: asset.name: \" \": expected text that is not blank and has no control characters",
        ),
    ] {
        check_error(text, expected);
    }
}

#[test]
fn text_that_is_no_toml_is_an_error_with_its_line() {
    let message = error("[monitor]\nhome = [\n", &[]);
    assert_eq!(message, "/etc/bf/config.toml:2:9: no valid TOML: unclosed array, expected `]`");
    let message = error("[flow]\nmax_flows = 1\nmax_flows = 2\n", &[]);
    assert!(message.starts_with("/etc/bf/config.toml:3:1: no valid TOML: duplicate key"), "{message}");
}

#[test]
fn a_bad_address_mac_or_country_is_an_error_that_suggests_the_right_one() {
    for (text, expected) in [
        (
            "[monitor]\nhome = [\"10.0.0.0/8\",\n  \"10.1.2.3/16\"]",
            "3:3: monitor.home: \"10.1.2.3/16\": address bits beyond the prefix length are set; did you mean 10.1.0.0/16?",
        ),
        (
            "monitor.home = [\"10.0.0/8\"]",
            "1:17: monitor.home: \"10.0.0/8\": expected an address or a prefix such as 10.0.0.0/8 or 2001:db8::/32",
        ),
        (
            "monitor.home = [\"0.0.0.0/0\"]",
            "1:17: monitor.home: 0.0.0.0/0 holds every address, so nothing would be remote; name your own networks",
        ),
        (
            "[[asset]]\nname = \"a\"\nmacs = [\"00:11:22:33:44\"]",
            "3:9: asset.macs: \"00:11:22:33:44\": expected a MAC address such as 00:11:22:aa:bb:cc",
        ),
        (
            "[[asset]]\nname = \"a\"\nmacs = [\"ff:ff:ff:ff:ff:ff\"]",
            "3:9: asset.macs: FF-FF-FF-FF-FF-FF is a group address; expected the address of one host",
        ),
        (
            "jurisdictions.exempt = [\"cn\"]",
            "1:25: jurisdictions.exempt: \"cn\": country codes are written in upper case; did you mean CN?",
        ),
        (
            "[[jurisdictions.flag]]\ncountry = \"UK\"\nrisk = 1\nbasis = \"x\"",
            "2:11: jurisdictions.flag.country: \"UK\": expected an ISO 3166-1 alpha-2 code such as CN, HK or DE",
        ),
    ] {
        check_error(text, expected);
    }
}

#[test]
fn what_contradicts_itself_is_an_error_that_names_both_lines() {
    let asset = |name: &str, rest: &str| format!("[[asset]]\nname = \"{name}\"\n{rest}\n");
    for (text, expected) in [
        (
            asset("a", "addresses = [\"10.0.0.0/8\"]") + &asset("b", "addresses = [\"1.1.1.1\", \"10.0.5.0/24\"]"),
            "6:25: asset.addresses: 10.0.5.0/24 of asset \"b\" overlaps 10.0.0.0/8 of asset \"a\" \
             (/etc/bf/config.toml:3:14); an address belongs to one asset",
        ),
        (
            asset("a", "macs = [\"00:11:22:33:44:55\"]") + &asset("b", "macs = [\"0011.2233.4455\"]"),
            "6:9: asset.macs: 00-11-22-33-44-55 of asset \"b\" is also declared by asset \"a\" \
             (/etc/bf/config.toml:3:9); a MAC belongs to one asset",
        ),
        (
            asset("a", "addresses = [\"::1\"]") + &asset("a", "addresses = [\"::2\"]"),
            "5:8: asset.name: another asset is called \"a\" (/etc/bf/config.toml:2:8)",
        ),
        (asset("a", ""), "2:8: asset.name: asset \"a\" has neither addresses nor macs; give at least one"),
        (
            "[[jurisdictions.flag]]\ncountry = \"RU\"\nrisk = 1\nbasis = \"x\"\n\
             [[jurisdictions.flag]]\ncountry = \"RU\"\nrisk = 2\nbasis = \"y\"\n"
                .to_owned(),
            "6:11: jurisdictions.flag.country: RU already has a flag (/etc/bf/config.toml:2:11)",
        ),
        (
            "[jurisdictions]\nexempt = [\"RU\"]\n[[jurisdictions.flag]]\ncountry = \"RU\"\nrisk = 1\nbasis = \"x\"\n"
                .to_owned(),
            "2:11: jurisdictions.exempt: RU is both exempt and flagged (/etc/bf/config.toml:4:11); remove one",
        ),
        (
            "[[geoip.override]]\nprefix = \"1.0.0.0/8\"\n".to_owned(),
            "2:10: geoip.override.prefix: overrides nothing; give at least one of country, asn, organization",
        ),
        (
            "[[output]]\nname = \"a\"\nkind = \"file\"\n".to_owned(),
            "2:8: output.name: an output of kind \"file\" needs `path`",
        ),
        (
            "[[output]]\nname = \"a\"\nkind = \"stdout\"\npath = \"x\"\n".to_owned(),
            "4:1: output.path: unknown key `path` for an output of kind \"stdout\" (allowed: name, kind, format, \
             min_severity, assets, jurisdictions, kinds)",
        ),
        (
            "[[output]]\nname = \"a\"\nkind = \"file\"\npath = \"x\"\n[[flow_output]]\nname = \"b\"\nkind = \"file\"\npath = \"x\"\n"
                .to_owned(),
            "8:8: flow_output.path: another output writes to this file (/etc/bf/config.toml:4:8)",
        ),
    ] {
        check_error(&text, expected);
    }
}

#[test]
fn set_overrides_a_key_with_a_toml_value_or_a_bare_word() {
    let file = "[flow]\nmax_flows = 5\nudp_idle_s = 7\n[monitor]\nhome = [\"10.0.0.0/8\"]";
    let config = read(
        file,
        &[
            "flow.max_flows=9",
            "monitor.home=[\"192.0.2.0/24\", \"fd00::/8\"]",
            "jurisdictions.preset=us-28cfr202",
            "geoip.country = 'a b.mmdb'",
            "geoip.asn=/data/asn.mmdb",
            "asset=[{name=\"x\", addresses=[\"10.0.0.1\"], criticality=\"critical\"}]",
            "output=[{name=\"o\", kind=\"stdout\", format=\"text\"}]",
            "flow.max_flows=10",
        ],
    )
    .unwrap();
    assert_eq!((config.flow.max_flows, config.flow.udp_idle), (10, Duration::from_secs(7)));
    assert_eq!(config.home.len(), 2);
    assert_eq!(config.preset.name, "us-28cfr202");
    assert_eq!(config.geoip.country, Some(PathBuf::from("a b.mmdb")));
    assert_eq!(config.geoip.asn, Some(PathBuf::from("/data/asn.mmdb")));
    assert_eq!(config.assets.declared()[0].criticality, Criticality::Critical);
    assert!(matches!(config.outputs[0].format, Format::Text(_)));
}

#[test]
fn an_error_in_set_names_the_argument() {
    for (set, expected) in [
        (
            "flow.max_flow=1",
            "flow.max_flow: unknown key `max_flow`; did you mean `max_flows`? (allowed: max_flows, tcp_idle_s, \
             tcp_closed_s, unanswered_s, udp_idle_s, other_idle_s, update_interval_s)",
        ),
        ("flow.max_flows=0", "flow.max_flows: invalid value: integer `0`, expected a whole number from 1 to 100000000"),
        (
            "monitor.home=[\"10.0.0.0/8\", \"10.0.0.1/8\"]",
            "monitor.home: \"10.0.0.1/8\": address bits beyond the prefix length are set; did you mean 10.0.0.0/8?",
        ),
        ("asset=[{name=\"x\"}]", "asset.name: asset \"x\" has neither addresses nor macs; give at least one"),
        (
            "jurisdictions.exempt=[\"DE\", \"xx\"]",
            "jurisdictions.exempt: \"xx\": expected an ISO 3166-1 alpha-2 code such as CN, HK or DE",
        ),
        ("flow.max_flows", "expected KEY=VALUE, such as flow.max_flows=100000"),
        ("a b=1", "expected a key such as flow.max_flows before the equals sign, found \"a b\""),
        ("asset.name=x", "asset is no table; set it whole, as in asset=[{name=\"pump\", addresses=[\"10.0.0.1\"]}]"),
    ] {
        let file = "[[asset]]\nname = \"ok\"\naddresses = [\"10.0.0.1\"]\n";
        assert_eq!(error(file, &["flow.udp_idle_s=5", set]), format!("--set {set}: {expected}"));
    }
}

#[test]
fn a_value_cannot_smuggle_in_a_second_key() {
    let config = read("", &["geoip.country=\"a\"\nflow.max_flows=1"]).unwrap();
    assert_eq!(config.flow.max_flows, 1_000_000);
}

#[test]
fn columns_count_characters_and_places_can_be_taken_apart() {
    let error = read("decode = { max_depth = 99 } # ž\n", &[]).unwrap_err();
    let ConfigError::Invalid { place, key, .. } = error else { panic!("{error}") };
    assert_eq!(place, Place::File { path: "/etc/bf/config.toml".into(), line: 1, column: 24 });
    assert_eq!(key, "decode.max_depth");
    check_error(
        "\"ž\" = 1",
        "1:1: ž: unknown key `ž` (allowed: monitor, asset, jurisdictions, detect, ledger, threshold, exception, journal, capture, daemon, sandbox, metrics, log, flow, decode, geoip, operator, service, output, flow_output)",
    );
}

#[test]
fn relative_paths_start_from_the_file_that_names_them() {
    let config = read("[geoip]\ncountry = \"geo/c.mmdb\"\nasn = \"/a.mmdb\"", &[]).unwrap();
    assert_eq!(config.geoip.country, Some(PathBuf::from("/etc/bf/geo/c.mmdb")));
    assert_eq!(config.geoip.asn, Some(PathBuf::from("/a.mmdb")));
    let config = read("[geoip]\ncountry = \"geo/c.mmdb\"", &["geoip.country=x.mmdb"]).unwrap();
    assert_eq!(config.geoip.country, Some(PathBuf::from("x.mmdb")));
}

#[test]
fn load_names_the_file_it_read_or_could_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.toml");
    std::fs::write(&path, "[flow]\nmax_flows = 7\n").unwrap();
    let config = Config::load(Some(&path), &[]).unwrap();
    assert_eq!((config.origin.as_deref(), config.flow.max_flows), (Some(path.as_path()), 7));

    let missing = folder.path().join("missing.toml");
    let message = Config::load(Some(&missing), &[]).unwrap_err().to_string();
    assert!(message.starts_with(&format!("{}: cannot read the configuration: ", missing.display())), "{message}");

    std::fs::write(&path, b"home = \xff").unwrap();
    let message = Config::load(Some(&path), &[]).unwrap_err().to_string();
    assert!(message.ends_with("found bytes that are no UTF-8 at byte offset 7"), "{message}");
}

#[test]
fn the_description_says_what_is_watched_flagged_and_limited() {
    let lines = read(&with_examples(), &[]).unwrap().describe().join("\n");
    for expected in [
        "Configuration: /etc/bf/config.toml",
        "Watched: hosts in 10.0.0.0/8, ",
        "  pump station controller: criticality medium, sector water, supplier Example Automation",
        "Flagged jurisdictions: 4 (preset nukib-2025)",
        "  HK Hong Kong: risk 80, NÚKIB warning of 3 September 2025",
        "  RU Russia: risk 80, risk analysis 2026, item 12",
        "Flows: at most 1000000 at once",
        "Output \"siem\": file /var/log/borderflow/alerts.ndjson, ecs",
        "Output \"syslog\": syslog over TLS to siem.example.org:6514, ecs",
        "Flow output \"flows\": file /var/log/borderflow/flows.ndjson, at most 64 MiB waiting",
    ] {
        assert!(lines.contains(expected), "{expected} in\n{lines}");
    }
}

#[test]
fn a_wrong_type_leads_to_its_own_line_and_key_whatever_stands_around_it() {
    let text = with_examples();
    let mut tried = 0;
    for (index, line) in text.lines().enumerate() {
        let Some((key, value)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) else { continue };
        if value == "[" {
            continue;
        }
        let changed =
            |(at, line): (usize, &str)| if at == index { format!("{key} = 1979-05-27") } else { line.to_owned() };
        let wrong = text.lines().enumerate().map(changed).collect::<Vec<_>>().join("\n");
        let ConfigError::Invalid { place, key: named, problem } = read(&wrong, &[]).unwrap_err() else {
            panic!("{key}")
        };
        let Place::File { line, column, .. } = place else { panic!("{place}") };
        assert_eq!((line, column), (index + 1, key.len() + 4), "{key}: {problem}");
        assert_eq!(named.rsplit('.').next(), Some(key), "{problem}");
        tried += 1;
    }
    assert!(tried > 30, "{tried}");
}

#[test]
fn nesting_without_end_is_an_error_and_no_crash() {
    let deep = 100_000;
    for text in [
        format!("a = {}", "[".repeat(deep)),
        format!("monitor.home = {}{}", "[".repeat(deep), "]".repeat(deep)),
        format!("{}b = 1", "a.".repeat(deep)),
        format!("monitor.{}b = 1", "a.".repeat(deep)),
        format!("[{}b]", "a.".repeat(deep)),
        format!("a = {}", "{b=".repeat(deep)),
    ] {
        assert_ne!(error(&text, &[]), "");
        assert_ne!(error("", &[&text]), "");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*", set in "\\PC*") {
        let _ = read(&text, &[&set]);
    }

    #[test]
    fn no_document_of_known_words_makes_it_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "[[asset]]", "[asset]", "[flow]", "[[geoip.override]]", "name", "addresses", "macs", "max_flows", "=", "\"a\"",
                "[\"10.0.0.0/8\"]", "[", "]", "{", "}", "-1", "99999999999999999999", "1979-05-27", "\n", ".", ",", "é", "\r\n",
            ]),
            0..40,
        ),
        key in prop::sample::select(vec!["asset", "flow", "flow.max_flows", "monitor.home.x", "geoip.override"]),
    ) {
        let text = words.join(" ");
        let _ = read(&text, &[]);
        let _ = read("[flow]\nmax_flows = 1\n", &[&format!("{key}={text}")]);
        let _ = read(SHIPPED, &[&format!("{key}={}", words.concat())]);
    }
}
