//! Whose an endpoint is, case by case, with the data the program ships.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::*;

static ATTRIBUTOR: LazyLock<Attributor> =
    LazyLock::new(|| Attributor::new(Databases::embedded().unwrap(), Catalogue::embedded().unwrap()));

fn country(code: &str) -> Country {
    code.parse().unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// `located DE medium, operated CN strong Alibaba Group, …`
fn told(attribution: &Attribution<'_>) -> String {
    let piece = |item: Evidence<'_>| {
        let owner = item.owner.map_or(String::new(), |owner| format!(" {}", owner.name));
        format!("{} {} {}{owner}", item.kind.as_str(), item.jurisdiction, item.strength.as_str())
    };
    attribution.evidence().map(piece).collect::<Vec<_>>().join(", ")
}

fn check(asked: &str, names: &[&str], expected: &str) {
    let names = names.iter().fold(Names::default(), |names, name| names.with(Basis::Sni, name));
    assert_eq!(told(&ATTRIBUTOR.attribute_named(address(asked), &names)), expected, "{asked}");
}

fn check_name(name: &str, expected: &str) {
    assert_eq!(told(&ATTRIBUTOR.attribute_name(name)), expected, "{name}");
}

fn is_flagged(attribution: &Attribution<'_>) -> bool {
    attribution.evidence().any(|item| ["CN", "HK", "MO"].map(country).contains(&item.jurisdiction))
}

#[test]
fn growatts_logger_in_frankfurt_is_operated_from_china() {
    check("47.91.67.66", &[], "located DE medium, operated CN strong Alibaba Group");
    let growatt = "located DE medium, operated CN strong Alibaba Group, provided CN medium Growatt";
    check("47.91.67.66", &["server.growatt.com"], growatt);
    let at_port = Names::default().at(6, 5279);
    let attribution = ATTRIBUTOR.attribute_named(address("47.91.67.66"), &at_port);
    assert_eq!(told(&attribution), growatt);
    assert_eq!(attribution.owner(country("CN")).unwrap().name, "Growatt");
    assert_eq!(attribution.owner(country("DE")), None);
    let elsewhere = Names::default().at(6, 443);
    assert!(!told(&ATTRIBUTOR.attribute_named(address("47.91.67.66"), &elsewhere)).contains("Growatt"));
    let detail = attribution.evidence().nth(1).unwrap().detail(attribution.place.asn);
    assert!(detail.starts_with("Alibaba Group, Alibaba") && detail.ends_with("AS45102"), "{detail}");
}

#[test]
fn a_name_shows_the_vendor_behind_a_western_cloud() {
    check_name("apiieu.hik-connect.com", "provided CN medium Hikvision");
    check_name("api.deepseek.com", "provided CN medium DeepSeek");
    let chain = ["h3-eu.iot-dns.com", "a1b2.awsglobalaccelerator.com"];
    let names = Names::default().with_dns(chain);
    let attribution = ATTRIBUTOR.attribute_named(address("3.33.150.10"), &names);
    assert!(told(&attribution).ends_with("provided CN medium Tuya"), "{}", told(&attribution));
    for name in ["mmx.weixin.qq.com", "www.tiktokv.com"] {
        assert!(is_flagged(&ATTRIBUTOR.attribute_name(name)), "{name}");
    }
}

#[test]
fn a_cloud_tenants_name_tells_the_operator_and_not_the_vendor() {
    let attribution = ATTRIBUTOR.attribute_name("bucket.oss-eu-central-1.aliyuncs.com");
    assert!(attribution.evidence().all(|item| item.kind == EvidenceKind::Operated), "{}", told(&attribution));
    assert_eq!(attribution.strength(country("CN")), Some(Strength::Medium));
}

#[test]
fn alidns_is_operated_from_china_wherever_its_anycast_address_is_located() {
    let attribution = ATTRIBUTOR.attribute(address("223.5.5.5"));
    assert!(attribution.is_anycast());
    assert_eq!(attribution.strength(country("CN")), Some(Strength::Strong), "{}", told(&attribution));
    assert_eq!(attribution.owner(country("CN")).unwrap().name, "AliDNS");
}

#[test]
fn cloudflare_google_and_taiwan_are_not_flagged() {
    for text in ["1.1.1.1", "8.8.8.8", "104.16.132.229", "142.250.180.3", "168.95.1.1", "203.66.35.10"] {
        assert!(!is_flagged(&ATTRIBUTOR.attribute(address(text))), "{text}");
    }
    let cloudflare = ATTRIBUTOR.attribute(address("104.16.132.229"));
    assert!(cloudflare.is_anycast());
    assert_eq!(cloudflare.evidence().next().unwrap().strength, Strength::Weak);
}

#[test]
fn a_certificate_speaks_for_its_subject() {
    let told_by = |organization, code| {
        let names = Names::default().with_certificate(organization, code);
        told(&ATTRIBUTOR.attribute_named(address("52.97.201.1"), &names)).rsplit(", ").next().unwrap().to_owned()
    };
    assert_eq!(told_by("Hangzhou Hikvision Digital Technology Co.,Ltd.", "CN"), "provided CN medium Hikvision");
    assert_eq!(told_by("Nobody Knows Ltd", "CN"), "provided CN medium");
    assert!(!told_by("Nobody Knows Ltd", "EU").contains("provided"));
}

#[test]
fn hong_kong_by_location_alone_is_weak_and_two_kinds_make_strong() {
    let hong_kong = country("HK");
    let place = |is_anycast| {
        let mut evidence = Evidences::new(is_anycast);
        evidence.push(ATTRIBUTOR.located(hong_kong, is_anycast, false));
        evidence
    };
    assert_eq!(place(false).strength(hong_kong), Some(Strength::Weak));
    let provided = |strength| Evidence {
        jurisdiction: hong_kong,
        kind: EvidenceKind::Provided,
        strength,
        basis: Basis::Sni,
        owner: None,
        subject: "example.hk",
        source: "test",
        date: "",
    };
    for (is_anycast, strength, expected) in [
        (false, Strength::Medium, Strength::Strong),
        (false, Strength::Weak, Strength::Medium),
        (true, Strength::Medium, Strength::Medium),
    ] {
        let mut evidence = place(is_anycast);
        evidence.push(provided(strength));
        assert_eq!(evidence.strength(hong_kong), Some(expected), "{is_anycast} {strength:?}");
    }
    assert_eq!(place(false).strength(country("CN")), None);
}

#[test]
fn the_longest_suffix_wins_on_a_label_boundary_whatever_the_case_or_final_dot() {
    let row = |suffix: &str, vendor: &str| {
        Service::of_user(suffix.parse().unwrap(), vendor.into(), "x".into(), country("CN"), "test".into())
    };
    let services = Services::new(vec![row("a.cn", "short"), row("b.a.cn", "long"), row("xn--fiqs8s", "idn")], false);
    let vendor = |name: &str| services.of_name(name).map(|service| service.vendor.to_string());
    for (name, expected) in [
        ("a.cn", Some("short")),
        ("x.a.cn", Some("short")),
        ("x.b.A.cn.", Some("long")),
        ("ba.cn", None),
        ("cn", None),
        ("", None),
        (".", None),
        ("*.b.a.cn", Some("long")),
        ("www.xn--fiqs8s", Some("idn")),
        ("中国", None),
    ] {
        assert_eq!(vendor(name).as_deref(), expected, "{name}");
    }
    assert_eq!(services.match_all(["x.org", "a.cn", "b.a.cn"]).count(), 2);
    for text in ["A.cn", "a.cn.", ".a.cn", "a..cn", "中国", "-a.cn", "1.2.3.4", ""] {
        assert!(text.parse::<Suffix>().is_err(), "{text}");
    }
}

#[test]
fn rows_under_review_count_only_where_the_user_says_so() {
    let all = Catalogue::open(catalogue::Options { review: true, ..Default::default() }).unwrap();
    let default = &ATTRIBUTOR.catalogue;
    assert!(all.operators.of(21859).is_some() && default.operators.of(21859).is_none());
    assert!(all.services.of_name("lenovo.com").is_some() && default.services.of_name("lenovo.com").is_none());
    let reviewed = default.operators.rows().iter().filter(|row| row.status == Status::Review);
    assert!(reviewed.count() > 20);
}

#[test]
fn a_number_that_changed_hands_is_believed_less() {
    let renamed =
        |asn: u32| ATTRIBUTOR.catalogue.operators.rows().iter().any(|row| row.asn == asn && row.renamed.is_some());
    for kept in [45102, 37963, 4134, 4837, 55990, 13335, 15169, 4538, 132_203] {
        assert!(!renamed(kept), "{kept}");
    }
    let all: Vec<_> = ATTRIBUTOR
        .catalogue
        .operators
        .rows()
        .iter()
        .filter_map(|row| Some(format!("AS{} {} / {} is {}", row.asn, row.name, row.group, row.renamed.as_ref()?)))
        .collect();
    assert!(all.len() < 12, "{all:#?}");
    let mut operators =
        Operators::new(vec![Operator::of_user(1, "Example Cloud".into(), country("CN"), "test".into())], false);
    operators.compare([(1, "Other Hosting Ltd")].into_iter());
    assert_eq!(operators.of(1).unwrap().confidence, Confidence::Low);
}

#[test]
fn the_maker_is_that_of_the_longest_mac_prefix() {
    let device = |mac: &str| ATTRIBUTOR.device(mac.parse().unwrap());
    let hikvision = device("00:bc:99:01:02:03").unwrap().maker.unwrap();
    assert_eq!((hikvision.vendor.as_ref(), hikvision.device_class.as_ref()), ("Hikvision", "ip_camera"));
    assert_eq!(device("00:4b:12:01:02:03").unwrap().maker.unwrap().product, Product::Module);
    // MA-S 70B3D57A2 within the block of the IEEE itself.
    assert_eq!(device("70:b3:d5:7a:2f:ff").unwrap().maker.unwrap().vendor, "AlphaESS");
    assert_eq!(device("00:00:00:01:02:03").unwrap().registrant, "XEROX CORPORATION");
    for nobody in ["02:bc:99:01:02:03", "01:bc:99:01:02:03", "ff:ff:ff:ff:ff:ff"] {
        assert_eq!(device(nobody), None, "{nobody}");
    }
}

#[test]
fn every_row_is_sourced_dated_and_listed_once() {
    let catalogue = &ATTRIBUTOR.catalogue;
    let is_date = |date: &str| {
        matches!(date.len(), 7 | 10) && date.starts_with("20") && date.bytes().all(|c| c.is_ascii_digit() || c == b'-')
    };
    let lines = |text: &'static str| text.lines().filter(|line| !line.starts_with('#')).skip(1);
    for (text, rows) in [
        (include_str!("../../geoip/operators.tsv"), catalogue.operators.rows().len()),
        (include_str!("../../geoip/devices.tsv"), catalogue.makers.rows().len()),
    ] {
        assert_eq!(lines(text).count(), rows);
    }
    let names =
        lines(include_str!("../../geoip/services.tsv")).chain(lines(include_str!("../../geoip/services-bulk.tsv")));
    let keys: Vec<&str> = names.map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    assert_eq!(keys.len(), catalogue.services.rows().len());
    for row in catalogue.operators.rows() {
        assert!(row.source.len() > 3 && is_date(&row.date), "AS{}", row.asn);
    }
    for row in catalogue.services.rows() {
        assert!(row.source.len() > 3 && is_date(&row.date), "{}", row.matches);
    }
    assert_eq!(lines(include_str!("../../geoip/tools.tsv")).count(), catalogue.tools.rows().len());
    for row in catalogue.tools.rows() {
        assert!(row.source.len() > 3 && is_date(&row.date), "{}", row.sign);
    }
    for text in [include_str!("../../geoip/operators.tsv"), include_str!("../../geoip/services.tsv")] {
        assert!(!text.contains("\tREVIEW\t"), "a row under review names what it would count as");
    }
}

#[test]
fn taiwan_is_never_under_a_china_group() {
    let taiwan = country("TW");
    let china = ["CN", "HK", "MO"].map(country);
    let catalogue = &ATTRIBUTOR.catalogue;
    let controlled: HashSet<u32> = catalogue
        .operators
        .rows()
        .iter()
        .filter(|row| china.contains(&row.jurisdiction) && row.status == Status::Listed)
        .map(|row| row.asn)
        .collect();
    let words = ["chunghwa", "hinet", "taiwan", "far eastone", "fareastone", "kbro", "tanet", "academia sinica"];
    for (asn, name) in ATTRIBUTOR.databases.holders().filter(|(asn, _)| controlled.contains(asn)) {
        assert!(!words.iter().any(|word| name.to_lowercase().contains(word)), "AS{asn} {name}");
    }
    for asn in [3462, 9924, 4780, 9505, 9674, 17421, 1659, 18182, 9919, 131_584] {
        assert!(!controlled.contains(&asn), "AS{asn}");
    }
    for row in catalogue.services.rows().iter().filter(|row| china.contains(&row.jurisdiction)) {
        assert!(!row.matches.to_string().ends_with(".tw") || row.confidence == Confidence::Low, "{}", row.matches);
    }
    for row in catalogue.makers.rows().iter().filter(|row| row.jurisdiction != taiwan) {
        assert!(!row.registrant.to_lowercase().contains("taiwan"), "{}", row.registrant);
    }
}

#[test]
fn a_tool_is_recognised_by_what_a_flow_shows_and_the_first_sign_counts() {
    let known = |signs: &[(Basis, &str)]| {
        let found = ATTRIBUTOR.tool(signs.iter().copied());
        found.map(|(basis, tool)| (basis, tool.name.as_ref(), tool.kind))
    };
    use ToolKind::{DeviceControl, RemoteSupport, Tunnel, Vpn};
    for (basis, text, name, kind) in [
        (Basis::Dns, "relay-9b6827f2.net.anydesk.com", "AnyDesk", RemoteSupport),
        (Basis::Alpn, "anydesk/6.2.0/linux", "AnyDesk", RemoteSupport),
        (Basis::Certificate, "AnyDesk Client", "AnyDesk", RemoteSupport),
        (Basis::Certificate, "MeshCentralRoot-8aeaa7", "MeshCentral", RemoteSupport),
        (Basis::Sni, "client.oray.net", "Sunlogin / AweSun", RemoteSupport),
        (Basis::Sni, "rs-ny.rustdesk.com", "RustDesk", RemoteSupport),
        (Basis::Alpn, "argotunnel", "Cloudflare Tunnel", Tunnel),
        (Basis::Sni, "connect.eu.ngrok-agent.com", "ngrok", Tunnel),
        (Basis::Protocol, "wireguard", "WireGuard", Vpn),
        (Basis::Dns, "derp1.tailscale.com", "Tailscale", Vpn),
        (Basis::Sni, "m2.tuyaeu.com", "Tuya", DeviceControl),
        (Basis::Dns, "iot.talent-monitoring.com", "TSUN", DeviceControl),
    ] {
        assert_eq!(known(&[(Basis::Sni, "www.example.org"), (basis, text)]), Some((basis, name, kind)), "{text}");
    }
    assert_eq!(known(&[(Basis::Alpn, "h2"), (Basis::Sni, "www.zoho.com"), (Basis::Protocol, "tls")]), None);
    let names = Names::default().with(Basis::Sni, "router1.teamviewer.com").with_dns(["todesk.com"]);
    assert_eq!(ATTRIBUTOR.tool(names.iter()).unwrap().1.name, "TeamViewer");
}

#[test]
fn tools_are_sorted_and_agree_with_the_services_about_jurisdictions() {
    let catalogue = &ATTRIBUTOR.catalogue;
    let keys: Vec<_> =
        catalogue.tools.rows().iter().map(|row| (row.name.to_lowercase(), row.sign.to_string())).collect();
    assert!(keys.is_sorted_by_key(|(name, sign)| (name.clone(), sign.to_lowercase())));
    let all = Catalogue::open(catalogue::Options { review: true, ..Default::default() }).unwrap();
    for row in catalogue.tools.rows() {
        let Sign::Domain(name) = &row.sign else { continue };
        if let Some(service) = all.services.of_name(name) {
            let counted = (service.status == Status::Listed).then_some(service.jurisdiction);
            assert_eq!(row.jurisdiction, counted, "{name}");
        }
    }
    let mut told = HashMap::new();
    for row in catalogue.tools.rows() {
        let facts = (row.kind, &row.vendor, row.jurisdiction);
        assert_eq!(*told.entry(&row.name).or_insert(facts), facts, "{}", row.sign);
    }
}

#[test]
fn a_tools_jurisdiction_counts_where_no_service_is_listed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tools.tsv");
    let header = tool::COLUMNS.join("\t");
    let open = |row: &str| {
        std::fs::write(&path, format!("{header}\n{row}\n")).unwrap();
        Catalogue::open(catalogue::Options { tools: Some(path.clone()), ..Default::default() })
    };
    let row = "Desk\tremote_support\tDesk Ltd\tHK\tdomain:desk.example\tcontract 7\t2026-11\t";
    let attributor = Attributor::new(Databases::embedded().unwrap(), open(row).unwrap());
    assert_eq!(told(&attributor.attribute_name("relay.desk.example")), "provided HK medium Desk Ltd");
    for (wrong, expected) in [
        (row.replace("HK", "Hongkong"), "column jurisdiction"),
        (row.replace("domain:", "name:"), "expected domain:NAME"),
        (row.replace("remote_support", "remote"), "expected remote_support, tunnel"),
        (row.replace("contract 7", ""), "column source"),
    ] {
        let error = open(&wrong).unwrap_err().to_string();
        assert!(error.contains(":2: ") && error.contains(expected), "{error}");
    }
}

#[test]
fn a_users_file_that_does_not_fit_is_refused_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mine.tsv");
    let header = operator::COLUMNS.join("\t");
    let open = |text: String| {
        std::fs::write(&path, text).unwrap();
        Catalogue::open(catalogue::Options { operators: Some(path.clone()), ..Default::default() })
    };
    let good = "64500\tMine\tMy group\tCN\tlisted\tcloud\tno\tcontract\thigh\tcontract 7\t2026-01\t";
    let catalogue = open(format!("# mine\n{header}\n{good}\n")).unwrap();
    assert_eq!(catalogue.operators.of(64_500).unwrap().group, "My group");
    for (text, expected) in [
        (format!("{header}\n{}\n", good.replace("CN", "China")), ":2: column jurisdiction: \"China\": expected an ISO"),
        (format!("{header}\n64500\tMine\n"), ":2: 2 columns where 12 are expected"),
        ("asn,name\n".to_owned(), ":1: expected the columns"),
        (String::new(), ":1: expected the columns"),
    ] {
        let error = open(text).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("mine.tsv"), "{error}");
    }
}
