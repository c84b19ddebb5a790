//! HTTP as the administration of a device: logins, settings, movement, restart, firmware by what their paths are called.
//!
//! Paths: Hikvision ISAPI (developer guide 2.x: System, PTZCtrl), ONVIF core and device test services, Dahua HTTP API 3
//! (`/cgi-bin/*.cgi?action=`), D-Link HNAP1, Tenda and Hikvision `/goform/`, LuCI `/cgi-bin/luci`, and words common in
//! others. A request that neither gives credentials nor names such a path asks nothing here. That a login was granted
//! shows only together with the request, which a reader that keeps nothing cannot see.

use super::httphead::{Start, after, field, length, start};
use super::{Carrier, Command, CommandKind, Login, Message, Protocol, Reading, Speaker};

/// Any port. Whoever looks for others over HTTP (`winrm`, `cwmp`) must look before.
pub const PROTOCOL: Protocol = Protocol { name: "http", carrier: Carrier::Stream, ports: &[], read };

/// Paths, or parts of them, of pages that administer.
const PAGES: [&str; 14] = [
    "/isapi/",
    "/onvif/",
    "/hnap1",
    "/goform/",
    "/cgi-bin/",
    "/web/",
    "/webui/",
    "/admin",
    "/login",
    "/logon",
    "/signin",
    "/api/login",
    "/setup",
    "/config",
];
const FIRMWARE: [&str; 5] = ["upgrade", "firmware", "fwupdate", "updatefw", "flash"];
const CONTROL: [&str; 12] = [
    "ptz",
    "reboot",
    "restart",
    "factoryreset",
    "factorydefault",
    "restorefactory",
    "shutdown",
    "decoder_control",
    "remotecontrol",
    "/io/outputs/",
    "opendoor",
    "magicbox.cgi?action=shutdown",
];
/// ONVIF operations (core specification, section 8; PTZ specification, section 5), in SOAP.
const ONVIF: [(&str, CommandKind, &str); 9] = [
    ("UpgradeSystemFirmware", CommandKind::Program, "upgrade system firmware"),
    ("StartFirmwareUpgrade", CommandKind::Program, "start firmware upgrade"),
    ("SystemReboot", CommandKind::Control, "system reboot"),
    ("SetSystemFactoryDefault", CommandKind::Control, "set system factory default"),
    ("SetRelayOutputState", CommandKind::Control, "set relay output state"),
    ("ContinuousMove", CommandKind::Control, "continuous move"),
    ("AbsoluteMove", CommandKind::Control, "absolute move"),
    ("RelativeMove", CommandKind::Control, "relative move"),
    ("GotoPreset", CommandKind::Control, "goto preset"),
];

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    start(bytes).map(|start| match start {
        Start::Request { method, target } => request(bytes, method, target),
        Start::Response(status) => Message {
            length: length(bytes),
            speaker: Some(Speaker::Server),
            login: (400..600).contains(&status).then_some(Login::Refused),
            ..Message::default()
        },
    })
}

fn request<'a>(bytes: &'a [u8], method: &str, target: &'a str) -> Message<'a> {
    let gives_credentials = field(bytes, "Authorization").is_some();
    let names = |words: &[&str]| words.iter().any(|word| contains(target, word));
    let is_login = method == "POST" && names(&["login", "logon", "signin", "session"]);
    let command = if contains(target, "/onvif/") && method == "POST" {
        Some(onvif(bytes))
    } else if names(&FIRMWARE) && matches!(method, "POST" | "PUT") {
        Some(Command { kind: CommandKind::Program, function: "firmware upload" })
    } else if names(&CONTROL) && (gives_credentials || names(&PAGES)) {
        Some(Command { kind: CommandKind::Control, function: "device control" })
    } else if gives_credentials || names(&PAGES) {
        by_method(method, target)
    } else {
        None
    };
    let login = (gives_credentials || is_login).then_some(Login::Tried);
    // A query may hold passwords.
    let detail = command.and(target.split('?').next());
    Message { length: length(bytes), speaker: Some(Speaker::Client), command, login, detail, ..Message::default() }
}

fn by_method(method: &str, target: &str) -> Option<Command> {
    let sets = ["action=set", "action=add", "action=remove", "cmd=set"].iter().any(|word| contains(target, word));
    let (kind, function) = match method {
        "GET" if sets => (CommandKind::Write, "get that sets"),
        "GET" | "HEAD" => (CommandKind::Read, "get"),
        "POST" => (CommandKind::Write, "post"),
        "PUT" | "PATCH" => (CommandKind::Write, "put"),
        "DELETE" => (CommandKind::Write, "delete"),
        _ => return None,
    };
    Some(Command { kind, function })
}

/// By the operation in the body, as far as it is there.
fn onvif(bytes: &[u8]) -> Command {
    let body = after(bytes, "\r\n\r\n").and_then(|body| after(body, "Body")).unwrap_or_default();
    let known = ONVIF.iter().find(|(operation, _, _)| after(body, operation).is_some());
    if let Some(&(_, kind, function)) = known {
        return Command { kind, function };
    }
    let verbs = [":Set", ":Create", ":Delete", ":Remove", ":Add", "<Set", "<Create", "<Delete", "<Remove", "<Add"];
    if verbs.iter().any(|verb| after(body, verb).is_some()) {
        Command { kind: CommandKind::Write, function: "onvif request" }
    } else {
        Command { kind: CommandKind::Read, function: "onvif request" }
    }
}

fn contains(target: &str, word: &str) -> bool {
    target.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str, rest: &str) -> Option<(CommandKind, &'static str)> {
        let bytes = format!("{line} HTTP/1.1\r\n{rest}");
        match read(bytes.as_bytes()) {
            Reading::Found(found) => found.command.map(|it| (it.kind, it.function)),
            Reading::More | Reading::Other => panic!("not read"),
        }
    }

    #[test]
    fn what_is_asked_of_a_device_shows_in_the_path() {
        assert_eq!(
            asked("PUT /ISAPI/PTZCtrl/channels/1/continuous", "\r\n").map(|it| it.0),
            Some(CommandKind::Control)
        );
        assert_eq!(asked("PUT /ISAPI/System/updateFirmware", "\r\n").map(|it| it.0), Some(CommandKind::Program));
        assert_eq!(
            asked("GET /cgi-bin/configManager.cgi?action=setConfig&A=1", "\r\n").map(|it| it.0),
            Some(CommandKind::Write)
        );
        assert_eq!(asked("GET /cgi-bin/magicBox.cgi?action=reboot", "\r\n").map(|it| it.0), Some(CommandKind::Control));
        assert_eq!(asked("GET /cgi-bin/snapshot.cgi", "\r\n").map(|it| it.0), Some(CommandKind::Read));
        assert_eq!(asked("GET /news", "Host: a\r\n\r\n"), None);
        assert_eq!(asked("GET /news", "Authorization: Basic eA==\r\n\r\n").map(|it| it.0), Some(CommandKind::Read));
    }

    #[test]
    fn an_onvif_operation_is_found_in_the_body() {
        let soap = |operation: &str| format!("\r\n<s:Envelope><s:Body><tds:{operation}/></s:Body></s:Envelope>");
        assert_eq!(
            asked("POST /onvif/device_service", &soap("SystemReboot")),
            Some((CommandKind::Control, "system reboot"))
        );
        assert_eq!(asked("POST /onvif/device_service", &soap("SetUser")).map(|it| it.0), Some(CommandKind::Write));
        assert_eq!(asked("POST /onvif/device_service", &soap("GetUsers")).map(|it| it.0), Some(CommandKind::Read));
    }

    #[test]
    fn credentials_try_a_login_and_the_answer_may_refuse_it() {
        let bytes = b"POST /login.cgi?password=secret HTTP/1.1\r\n\r\nuser=a";
        let Reading::Found(found) = read(bytes) else { panic!("not read") };
        assert_eq!((found.login, found.detail), (Some(Login::Tried), Some("/login.cgi")));
        assert!(matches!(
            read(b"HTTP/1.1 401 No\r\n\r\n"),
            Reading::Found(Message { login: Some(Login::Refused), .. })
        ));
        assert!(matches!(read(b"HTTP/1.1 200 OK\r\n\r\n"), Reading::Found(Message { login: None, .. })));
        assert_eq!(read(b"SIP/2.0 200 OK\r\n"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, b"POST /onvif/ptz HTTP/1.1\r\n\r\n<s:Body><tptz:GotoPreset/>");
    }
}
