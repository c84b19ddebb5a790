//! OCPP-J 1.6 and 2.0.1: what a central system asks of a charging station (OCPP-J 1.6 specification, section 4; OCPP
//! 2.0.1 part 4, section 4), in the frames of a WebSocket (RFC 6455, section 5.2).
//!
//! The station opens the connection and the central system commands over it, so commands go to the client. Pings,
//! pongs and continued frames say nothing of what they belong to and are not read.

use super::cursor::Cursor;
use super::message::cut_off;
use super::{Carrier, Command, CommandKind, Message, Protocol, Reading, Speaker};
use CommandKind::{Control, Program, Read, Write};

/// OCPP-J; a head of 112 bytes is enough, of the HTTP that opens the connection all of it, at most 2 KiB.
pub const PROTOCOL: Protocol = Protocol { name: "ocpp", carrier: Carrier::Stream, ports: &[], read };

const HTTP_MAX: usize = 2048;
/// Bytes of text looked at: identifiers have at most 36 characters, actions 32.
const TEXT_MAX: usize = 96;
const TEXT: u8 = 1;

/// The message that begins with the first byte.
fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    match bytes.first() {
        None => Reading::More,
        Some(b'G') => upgrade(bytes, b"GET /", Speaker::Client),
        Some(b'H') => upgrade(bytes, b"HTTP/1.1 101", Speaker::Server),
        Some(_) => frame(bytes).unwrap_or(Reading::More),
    }
}

/// The request that opens a WebSocket for OCPP, and the answer to it.
fn upgrade<'a>(bytes: &[u8], begin: &[u8], speaker: Speaker) -> Reading<Message<'a>> {
    let head = bytes.get(..HTTP_MAX).unwrap_or(bytes);
    if !head.iter().zip(begin).all(|(byte, expected)| byte == expected) {
        return Reading::Other;
    }
    let Some(end) = head.windows(4).position(|end| end == b"\r\n\r\n") else {
        return if head.len() < HTTP_MAX { Reading::More } else { Reading::Other };
    };
    let mut lines = Cursor(head.get(..end + 2).unwrap_or(head));
    while let Some(line) = lines.line() {
        let Some((name, value)) = line.split_at_checked(b"sec-websocket-protocol:".len()) else { continue };
        if name.eq_ignore_ascii_case(b"sec-websocket-protocol:") && value.trim_ascii_start().starts_with(b"ocpp") {
            return Reading::Found(Message { length: end + 4, speaker: Some(speaker), ..Message::default() });
        }
    }
    Reading::Other
}

fn frame<'a>(bytes: &[u8]) -> Option<Reading<Message<'a>>> {
    let mut cursor = Cursor(bytes);
    if cursor.u8()? & 0x7f != TEXT {
        return Some(Reading::Other);
    }
    let second = cursor.u8()?;
    let length = match second & 0x7f {
        126 => usize::from(cursor.be16()?),
        127 => usize::try_from(u64::from_be_bytes(cursor.array()?)).ok()?.min(1 << 24),
        short => usize::from(short),
    };
    let masked = second & 0x80 != 0;
    let key = if masked { cursor.array()? } else { [0; 4] };
    let whole = bytes.len() - cursor.0.len() + length;
    let mut text = [0; TEXT_MAX];
    let there = cursor.0.len().min(length).min(TEXT_MAX);
    let unmasked = cursor.0.iter().zip(key.into_iter().cycle()).map(|(byte, key)| byte ^ key);
    text.iter_mut().zip(unmasked).for_each(|(to, from)| *to = from);
    let text = text.get(..there).unwrap_or_default();
    let speaker = Some(if masked { Speaker::Client } else { Speaker::Server });
    let message = Message { length: whole, speaker, ..Message::default() };
    Some(match call(Cursor(text)) {
        Some(Some(asked)) => {
            let command = asked.map(|(kind, function)| Command { kind, function });
            Reading::Found(Message { command, ..message })
        }
        Some(None) => Reading::Other,
        None if there == TEXT_MAX => Reading::Other,
        None => cut_off(bytes, whole),
    })
}

type Asked = (CommandKind, &'static str);

/// `[2,"id","Action",` calls, `[3,"id",{` answers, `[4,"id","code",` refuses; `Some(None)` where it is none of them.
fn call(mut text: Cursor<'_>) -> Option<Option<Option<Asked>>> {
    if next(&mut text)? != b'[' {
        return Some(None);
    }
    let kind = next(&mut text)?;
    if next(&mut text)? != b',' || quoted(&mut text)?.is_empty() || next(&mut text)? != b',' {
        return Some(None);
    }
    Some(match kind {
        b'2' => action(quoted(&mut text)?),
        b'3' => (next(&mut text)? == b'{').then_some(None),
        b'4' => (next(&mut text)? == b'"').then_some(None),
        _ => None,
    })
}

/// The next character that is no blank.
fn next(text: &mut Cursor<'_>) -> Option<u8> {
    loop {
        let character = text.u8()?;
        if !character.is_ascii_whitespace() {
            return Some(character);
        }
    }
}

/// The string next in the text; empty where there is none.
fn quoted<'a>(text: &mut Cursor<'a>) -> Option<&'a [u8]> {
    if next(text)? != b'"' {
        return Some(&[]);
    }
    let end = text.0.iter().position(|character| *character == b'"')?;
    let string = text.take(end)?;
    text.take(1)?;
    Some(string)
}

/// What the central system asks (OCPP 1.6, section 5; OCPP 2.0.1, part 2).
const CALLS: [(&[u8], CommandKind, &str); 46] = [
    (b"RemoteStartTransaction", Control, "remote start transaction"),
    (b"RemoteStopTransaction", Control, "remote stop transaction"),
    (b"RequestStartTransaction", Control, "request start transaction"),
    (b"RequestStopTransaction", Control, "request stop transaction"),
    (b"UnlockConnector", Control, "unlock connector"),
    (b"Reset", Control, "reset"),
    (b"ChangeAvailability", Control, "change availability"),
    (b"ReserveNow", Control, "reserve now"),
    (b"CancelReservation", Control, "cancel reservation"),
    (b"SetChargingProfile", Control, "set charging profile"),
    (b"ClearChargingProfile", Control, "clear charging profile"),
    (b"UpdateFirmware", Program, "update firmware"),
    (b"SignedUpdateFirmware", Program, "signed update firmware"),
    (b"PublishFirmware", Program, "publish firmware"),
    (b"UnpublishFirmware", Program, "unpublish firmware"),
    (b"ChangeConfiguration", Write, "change configuration"),
    (b"SetVariables", Write, "set variables"),
    (b"SetNetworkProfile", Write, "set network profile"),
    (b"SetMonitoringBase", Write, "set monitoring"),
    (b"SetMonitoringLevel", Write, "set monitoring"),
    (b"SetVariableMonitoring", Write, "set monitoring"),
    (b"ClearVariableMonitoring", Write, "clear variable monitoring"),
    (b"ClearCache", Write, "clear cache"),
    (b"SendLocalList", Write, "send local list"),
    (b"InstallCertificate", Write, "install certificate"),
    (b"DeleteCertificate", Write, "delete certificate"),
    (b"CertificateSigned", Write, "certificate signed"),
    (b"SetDisplayMessage", Write, "set display message"),
    (b"ClearDisplayMessage", Write, "clear display message"),
    (b"CostUpdated", Write, "cost updated"),
    (b"GetConfiguration", Read, "get configuration"),
    (b"GetVariables", Read, "get variables"),
    (b"GetBaseReport", Read, "get report"),
    (b"GetReport", Read, "get report"),
    (b"GetMonitoringReport", Read, "get report"),
    (b"GetDiagnostics", Read, "get diagnostics"),
    (b"GetLog", Read, "get log"),
    (b"GetLocalListVersion", Read, "get local list version"),
    (b"GetCompositeSchedule", Read, "get composite schedule"),
    (b"GetChargingProfiles", Read, "get charging profiles"),
    (b"GetInstalledCertificateIds", Read, "get installed certificate ids"),
    (b"GetTransactionStatus", Read, "get transaction status"),
    (b"GetDisplayMessages", Read, "get display messages"),
    (b"CustomerInformation", Read, "customer information"),
    (b"TriggerMessage", Read, "trigger message"),
    (b"ExtendedTriggerMessage", Read, "trigger message"),
];
/// What only tells.
const NOTICES: [&[u8]; 29] = [
    b"Authorize",
    b"BootNotification",
    b"ClearedChargingLimit",
    b"DataTransfer",
    b"Heartbeat",
    b"DiagnosticsStatusNotification",
    b"FirmwareStatusNotification",
    b"Get15118EVCertificate",
    b"GetCertificateStatus",
    b"LogStatusNotification",
    b"MeterValues",
    b"NotifyChargingLimit",
    b"NotifyCustomerInformation",
    b"NotifyDisplayMessages",
    b"NotifyEVChargingNeeds",
    b"NotifyEvent",
    b"NotifyEVChargingSchedule",
    b"NotifyMonitoringReport",
    b"NotifyReport",
    b"ReportChargingProfiles",
    b"PublishFirmwareStatusNotification",
    b"ReservationStatusUpdate",
    b"SecurityEventNotification",
    b"SignCertificate",
    b"SignedFirmwareStatusNotification",
    b"StartTransaction",
    b"StatusNotification",
    b"StopTransaction",
    b"TransactionEvent",
];

/// What a known action asks; nothing where it only tells.
fn action(name: &[u8]) -> Option<Option<Asked>> {
    let call = CALLS.iter().find(|(known, _, _)| *known == name);
    match call {
        Some(&(_, kind, function)) => Some(Some((kind, function))),
        None => NOTICES.contains(&name).then_some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(mask: bool, text: &str) -> Vec<u8> {
        let key: &[u8] = if mask { &[7, 8, 9, 10] } else { &[] };
        let text = text.bytes().enumerate().map(|(at, byte)| if mask { byte ^ key[at % 4] } else { byte });
        let length = text.len() as u8 | if mask { 0x80 } else { 0 };
        [&[0x81, length], key].concat().into_iter().chain(text).collect()
    }

    fn told(bytes: &[u8]) -> (Option<Speaker>, Option<(CommandKind, &'static str)>) {
        let Reading::Found(found) = read(bytes) else { panic!("not read: {bytes:x?}") };
        assert_eq!(found.length, bytes.len());
        (found.speaker, found.command.map(|it| (it.kind, it.function)))
    }

    #[test]
    fn the_central_system_commands_and_the_station_tells() {
        let server = Some(Speaker::Server);
        let call = |action: &str| frame(false, &format!("[2, \"19223201\", \"{action}\", {{}}]"));
        assert_eq!(told(&call("Reset")), (server, Some((Control, "reset"))));
        assert_eq!(told(&call("UpdateFirmware")), (server, Some((Program, "update firmware"))));
        assert_eq!(told(&call("ChangeConfiguration")), (server, Some((Write, "change configuration"))));
        assert_eq!(told(&call("GetConfiguration")), (server, Some((Read, "get configuration"))));
        assert_eq!(told(&frame(true, "[2,\"7\",\"Heartbeat\",{}]")), (Some(Speaker::Client), None));
        assert_eq!(told(&frame(true, "[3,\"19223201\",{}]")), (Some(Speaker::Client), None));
    }

    #[test]
    fn the_connection_is_opened_for_it() {
        let request = b"GET /ocpp/CP-7 HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n";
        assert_eq!(told(request), (Some(Speaker::Client), None));
        assert_eq!(read(&request[..60]), Reading::More);
        assert_eq!(read(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"), Reading::Other);
    }

    #[test]
    fn a_cut_head_waits_and_other_text_is_refused() {
        assert_eq!(read(&frame(true, "[2,\"7\",\"Heartbeat\",{}]")[..14]), Reading::More);
        assert_eq!(read(&frame(false, "[2,\"7\",\"http://example.com/calc#add\",1]")), Reading::Other);
        assert_eq!(read(&frame(false, "{\"pong\": 1}")), Reading::Other);
        assert_eq!(read(&[0x89, 0]), Reading::Other);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(mask: bool, text in "[\\[{\",2-4A-z ]{0,99}", bytes: Vec<u8>) {
            for bytes in [frame(mask, &text), [&[0x81][..], &bytes].concat()] {
                if let Reading::Found(found) = read(&bytes) {
                    proptest::prop_assert!(found.length > 0);
                }
            }
        }
    }
}
