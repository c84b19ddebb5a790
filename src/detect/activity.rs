//! What an asset did with a flagged endpoint: the first part of a finding's relation.

use serde::Serialize;

use super::management::is_industrial;
use super::{Class, Direction, Via};
use crate::attribute::ToolKind;

/// A kind of activity; a rule of its own for a SIEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Activity {
    /// An asset sent payload to a flagged endpoint that took part in the conversation.
    Egress,
    /// Somebody tried and got no answer, or from outside a brief one.
    Attempt,
    /// A device nobody declared is of a flagged maker.
    Device,
    /// Somebody on the flagged side acts on an asset.
    Management(Via),
    /// Somebody on the flagged side was let try to log in, and failed.
    LoginFailed,
    /// What an asset sent to one entity within a window passed its threshold.
    Volume,
}

/// What a SIEM is told about an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Technique {
    /// Identifier in MITRE ATT&CK.
    pub id: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// Identifier of the tactic it serves.
    pub tactic_id: &'static str,
    /// Name of the tactic.
    pub tactic: &'static str,
}

impl Activity {
    /// `rule.id`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Activity::Egress => "egress",
            Activity::Attempt => "attempt",
            Activity::Device => "flagged-device",
            Activity::Management(_) => "remote-management",
            Activity::LoginFailed => "login-failed",
            Activity::Volume => "volume",
        }
    }

    /// Every `rule.id` of an alert about a finding.
    pub const IDS: [&str; 6] = ["egress", "attempt", "flagged-device", "remote-management", "login-failed", "volume"];

    /// By what the asset is managed, where it is that.
    #[must_use]
    pub const fn via(self) -> Option<Via> {
        match self {
            Activity::Management(via) => Some(via),
            Activity::Egress | Activity::Attempt | Activity::Device | Activity::LoginFailed | Activity::Volume => None,
        }
    }

    /// `rule.name`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Activity::Egress => "Data sent to a flagged jurisdiction",
            Activity::Attempt => "Contact with a flagged jurisdiction that came to nothing",
            Activity::Device => "Undeclared device of a maker in a flagged jurisdiction",
            Activity::Management(_) => "Remotely managed from a flagged jurisdiction",
            Activity::LoginFailed => "Failed logins from a flagged jurisdiction",
            Activity::Volume => "More data sent to a flagged jurisdiction than allowed",
        }
    }

    /// The technique of MITRE ATT&CK (v19) under which an analyst will look for such traffic; `commands` are those seen by
    /// kind. It classifies what was seen; it does not say that anybody attacked.
    #[must_use]
    pub fn technique(self, direction: Direction, commands: [u64; 4]) -> Technique {
        match (self, direction) {
            (Activity::Egress, _) => EXFILTRATION,
            (Activity::Volume, _) => SIZE_LIMITS,
            (Activity::Device, _) => HARDWARE,
            (Activity::LoginFailed, _) => BRUTE_FORCE,
            (Activity::Management(via), _) if is_industrial(via.protocol) => industrial(commands),
            (Activity::Management(via), _) => managed(via),
            (Activity::Attempt, Direction::Inbound) => SCANNING,
            (Activity::Attempt, Direction::Outbound | Direction::Internal | Direction::External) => APPLICATION,
        }
    }
}

const fn technique(id: &'static str, name: &'static str, tactic_id: &'static str, tactic: &'static str) -> Technique {
    Technique { id, name, tactic_id, tactic }
}

const EXFILTRATION: Technique = technique("T1048", "Exfiltration Over Alternative Protocol", "TA0010", "Exfiltration");
const SIZE_LIMITS: Technique = technique("T1030", "Data Transfer Size Limits", "TA0010", "Exfiltration");
const HARDWARE: Technique = technique("T1200", "Hardware Additions", "TA0001", "Initial Access");
const BRUTE_FORCE: Technique = technique("T1110", "Brute Force", "TA0006", "Credential Access");
const SCANNING: Technique = technique("T1595", "Active Scanning", "TA0043", "Reconnaissance");
const APPLICATION: Technique = technique("T1071", "Application Layer Protocol", "TA0011", "Command and Control");

/// Of a protocol of controllers, by the gravest kind of command.
fn industrial(commands: [u64; 4]) -> Technique {
    match commands.map(|count| count > 0) {
        [_, _, _, true] => technique("T0843", "Program Download", "TA0109", "Lateral Movement"),
        [_, _, true, _] => {
            technique("T1692.001", "Unauthorized Message: Command Message", "TA0106", "Impair Process Control")
        }
        [_, true, _, _] => technique("T0836", "Modify Parameter", "TA0106", "Impair Process Control"),
        [true, ..] => technique("T0801", "Monitor Process State", "TA0100", "Collection"),
        [false, ..] => technique("T0886", "Remote Services", "TA0109", "Lateral Movement"),
    }
}

fn managed(via: Via) -> Technique {
    const LATERAL: (&str, &str) = ("TA0008", "Lateral Movement");
    const CONTROL: (&str, &str) = ("TA0011", "Command and Control");
    let (id, name, (tactic_id, tactic)) = match (via.tool, via.protocol) {
        (Some(ToolKind::RemoteSupport), _) => ("T1219.002", "Remote Desktop Software", CONTROL),
        (Some(ToolKind::Tunnel | ToolKind::Vpn), _) => ("T1572", "Protocol Tunneling", CONTROL),
        (Some(ToolKind::DeviceControl), _) => ("T1219", "Remote Access Tools", CONTROL),
        (None, "rdp") => ("T1021.001", "Remote Desktop Protocol", LATERAL),
        (None, "smb") => ("T1021.002", "SMB/Windows Admin Shares", LATERAL),
        (None, "ssh") if via.class == Class::A => ("T1021.004", "SSH", LATERAL),
        (None, "vnc") => ("T1021.005", "VNC", LATERAL),
        (None, "winrm") => ("T1021.006", "Windows Remote Management", LATERAL),
        (None, "pppp") => ("T1090", "Proxy", CONTROL),
        (None, _) if via.class == Class::A => ("T1021", "Remote Services", LATERAL),
        (None, _) => ("T1219", "Remote Access Tools", CONTROL),
    };
    technique(id, name, tactic_id, tactic)
}
