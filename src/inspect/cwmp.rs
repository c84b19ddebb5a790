//! CWMP, the remote management of customers' equipment (TR-069, amendment 6, sections 3.2, 3.4 and annex A).
//!
//! The equipment dials out and reports (Inform); the server's commands then travel in HTTP *responses* as SOAP, and the
//! answers in requests. A server that wants to be called asks with a GET on the equipment's own port. What
//! carries no SOAP of this namespace, such as an empty POST or a head whose body is yet to come, is not of this protocol.

use super::httphead::{self, Start, after, field, start};
use super::text::words;
use super::{Carrier, Command, CommandKind, Login, Message, Protocol, Reading, Speaker};

/// Any port: SOAP in the namespace of CWMP.
pub const PROTOCOL: Protocol = Protocol { name: "cwmp", carrier: Carrier::Stream, ports: &[], read };
/// The equipment's own port, where it is asked to call back.
pub const CONNECTION_REQUEST: Protocol =
    Protocol { name: "cwmp", carrier: Carrier::Stream, ports: &[7547, 4567, 5678, 30005, 51005], read: read_request };

const NAMESPACE: &str = "urn:dslforum-org:cwmp";
/// Elements of one segment that are looked at.
const MOST_ELEMENTS: usize = 32;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let is_http = matches!(bytes, [b'H', b'T', ..] | [b'P', b'O', ..]);
    if !is_http && !matches!(bytes, [b'<', ..]) {
        return if bytes.is_empty() { Reading::More } else { Reading::Other };
    }
    match called(bytes) {
        Some((name, rest)) => Reading::Found(rpc(httphead::length(bytes), name, rest)),
        None => Reading::Other,
    }
}

fn read_request(bytes: &[u8]) -> Reading<Message<'_>> {
    // Servers listen on these ports too, and there it is they who command.
    if let Reading::Found(said) = read(bytes) {
        return Reading::Found(said);
    }
    let found = Message { length: httphead::length(bytes), ..Message::default() };
    start(bytes).map(|start| match start {
        Start::Request { method: "GET", .. } => Message {
            speaker: Some(Speaker::Client),
            command: Some(Command { kind: CommandKind::Control, function: "connection request" }),
            login: field(bytes, "Authorization").map(|_| Login::Tried),
            ..found
        },
        Start::Request { .. } => Message { speaker: Some(Speaker::Client), ..found },
        Start::Response(status) => {
            let login = match status {
                200 | 204 => Some(Login::Granted),
                401 | 403 => Some(Login::Refused),
                _ => None,
            };
            Message { speaker: Some(Speaker::Server), login, ..found }
        }
    })
}

/// The name of the method called or answered, and what follows it.
fn called(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let namespace = after(bytes, NAMESPACE)?;
    let before = bytes.len() - namespace.len() - NAMESPACE.len();
    let prefix = bytes.get(..before).and_then(bound).unwrap_or(b"cwmp");
    let mut rest = namespace.get(..4096).unwrap_or(namespace);
    for _ in 0..MOST_ELEMENTS {
        let at = rest.iter().position(|byte| *byte == b'<')?;
        rest = rest.get(at + 1..)?;
        let Some(local) = rest.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(b":")) else { continue };
        let length = local.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let (name, behind) = local.split_at_checked(length)?;
        // What the envelope's header says of the session.
        if !matches!(
            name,
            b"ID"
                | b"HoldRequests"
                | b"NoMoreRequests"
                | b"SessionTimeout"
                | b"SupportedCWMPVersions"
                | b"UseCWMPVersion"
        ) {
            return words(name).map(|name| (name, behind));
        }
    }
    None
}

/// The prefix in `xmlns:prefix="`, at the end of what comes before the namespace.
fn bound(before: &[u8]) -> Option<&[u8]> {
    let before = before.strip_suffix(b"\"").or_else(|| before.strip_suffix(b"'"))?;
    let before = before.trim_ascii_end().strip_suffix(b"=")?.trim_ascii_end();
    let at = before.iter().rev().take(32).position(|byte| *byte == b':')?;
    before.get(before.len() - at..).filter(|prefix| !prefix.is_empty())
}

fn rpc<'a>(length: usize, name: &str, rest: &'a [u8]) -> Message<'a> {
    let command = command(name);
    let speaker = match name {
        "Inform" | "TransferComplete" | "AutonomousTransferComplete" | "RequestDownload" | "Kicked" => {
            Some(Speaker::Client)
        }
        "InformResponse" | "TransferCompleteResponse" | "AutonomousTransferCompleteResponse" => Some(Speaker::Server),
        _ if command.is_some() => Some(Speaker::Server),
        _ if name.ends_with("Response") => Some(Speaker::Client),
        _ => None,
    };
    let element = match name {
        "Download" | "Upload" => "<URL>",
        "AddObject" | "DeleteObject" => "<ObjectName>",
        "GetParameterNames" => "<ParameterPath>",
        "GetParameterValues" => "string>",
        _ => "<Name>",
    };
    let detail = command.and_then(|_| after(rest, element)).and_then(words).and_then(|text| text.split('<').next());
    let detail = detail.filter(|detail| !detail.is_empty());
    Message { length, speaker, command, detail, ..Message::default() }
}

/// Methods of the equipment (TR-069, sections A.3.1, A.3.2 and A.4.1).
fn command(name: &str) -> Option<Command> {
    let (kind, function) = match name {
        "GetRPCMethods" => (CommandKind::Read, "get rpc methods"),
        "GetParameterValues" => (CommandKind::Read, "get parameter values"),
        "GetParameterNames" => (CommandKind::Read, "get parameter names"),
        "GetParameterAttributes" => (CommandKind::Read, "get parameter attributes"),
        "GetQueuedTransfers" | "GetAllQueuedTransfers" => (CommandKind::Read, "get queued transfers"),
        "Upload" => (CommandKind::Read, "upload"),
        "SetParameterValues" => (CommandKind::Write, "set parameter values"),
        "SetParameterAttributes" => (CommandKind::Write, "set parameter attributes"),
        "AddObject" => (CommandKind::Write, "add object"),
        "DeleteObject" => (CommandKind::Write, "delete object"),
        "ScheduleInform" => (CommandKind::Control, "schedule inform"),
        "CancelTransfer" => (CommandKind::Control, "cancel transfer"),
        "Reboot" => (CommandKind::Control, "reboot"),
        "FactoryReset" => (CommandKind::Control, "factory reset"),
        "Download" => (CommandKind::Program, "download"),
        "ScheduleDownload" => (CommandKind::Program, "schedule download"),
        "ChangeDUState" => (CommandKind::Program, "change du state"),
        _ => return None,
    };
    Some(Command { kind, function })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(prefix: &str, body: &str) -> Vec<u8> {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<s:Envelope xmlns:s=\"http://x\" \
             xmlns:{prefix}=\"urn:dslforum-org:cwmp-1-0\"><s:Header><{prefix}:ID>1</{prefix}:ID></s:Header>\
             <s:Body><{prefix}:{body}</s:Body></s:Envelope>"
        )
        .into_bytes()
    }

    fn found(bytes: &[u8]) -> Message<'_> {
        let Reading::Found(found) = read(bytes) else { panic!("not read") };
        found
    }

    #[test]
    fn the_servers_methods_are_named_whatever_the_prefix() {
        for prefix in ["cwmp", "ns2"] {
            let set = response(prefix, "SetParameterValues><ParameterList><Name>Device.ManagementServer.URL</Name>");
            assert_eq!(found(&set).command.map(|it| it.kind), Some(CommandKind::Write));
            assert_eq!(found(&set).detail, Some("Device.ManagementServer.URL"));
            assert_eq!(found(&set).speaker, Some(Speaker::Server));
        }
        let download = response("cwmp", "Download><FileType>1</FileType><URL>http://a.example/fw.bin</URL>");
        assert_eq!(found(&download).command.map(|it| it.kind), Some(CommandKind::Program));
        assert_eq!(found(&download).detail, Some("http://a.example/fw.bin"));
        assert_eq!(found(&response("cwmp", "Reboot/>")).command.map(|it| it.kind), Some(CommandKind::Control));
    }

    #[test]
    fn reports_and_answers_command_nothing() {
        for (method, speaker) in [
            ("Inform>", Speaker::Client),
            ("SetParameterValuesResponse>", Speaker::Client),
            ("InformResponse>", Speaker::Server),
        ] {
            let bytes = response("cwmp", method);
            assert_eq!((found(&bytes).command, found(&bytes).speaker), (None, Some(speaker)));
        }
    }

    #[test]
    fn the_equipment_is_asked_to_call_back() {
        let asked = b"GET /cr HTTP/1.1\r\nAuthorization: Digest username=\"acs\"\r\n\r\n";
        let Reading::Found(found) = read_request(asked) else { panic!("not read") };
        assert_eq!(
            (found.command.map(|it| it.function), found.login),
            (Some("connection request"), Some(Login::Tried))
        );
        assert!(matches!(
            read_request(b"HTTP/1.1 401 No\r\n\r\n"),
            Reading::Found(Message { login: Some(Login::Refused), .. })
        ));
        assert_eq!(read(asked), Reading::Other);
        assert_eq!(read(b"HTTP/1.1 204 No Content\r\n\r\n"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, &response("a", "Reboot/>"));
        super::super::hostile::withstands(read_request, b"GET /cr HTTP/1.1\r\n\r\n");
    }
}
