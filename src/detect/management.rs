//! Remote management: somebody on the flagged side acts on an asset.
//!
//! Direction is who acts on whom, not who opened the connection: an inverter that dials out and obeys is managed, a
//! technician's terminal that logs in abroad is not. Three classes say how surely it is known; the tables are in
//! `docs/remote-management.md`.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use crate::attribute::{Tool, ToolKind};
use crate::flow::{Exchanges, TcpState};
use crate::inspect::{Asked, Command, Dealings, End, Login};

use super::{Direction, Subject};
use crate::net::Endpoint;

/// How surely remote management is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Class {
    /// Certain: bytes in the clear say so.
    A,
    /// By a name or a tool's own first bytes: that it is there, not what it does.
    B,
    /// By shape alone: it behaves like it.
    C,
}

impl Class {
    /// Its name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Class::A => "A",
            Class::B => "B",
            Class::C => "C",
        }
    }
}

/// By what an asset is managed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Via {
    /// How surely.
    pub class: Class,
    /// The protocol, by its name in `network.protocol`.
    #[serde(deserialize_with = "crate::net::known::word")]
    pub protocol: crate::net::known::Word,
    /// What kind of tool it is, where it is one.
    pub tool: Option<ToolKind>,
}

/// What a flow shows of remote management.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shown {
    /// Somebody tried to log in and got no further by the end of the flow.
    LoginFailed,
    /// Somebody acts, or can.
    Session(Box<Session>),
}

/// A session as far as it has come.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Session {
    pub(super) via: Via,
    /// Name of the tool.
    pub(super) tool: Option<String>,
    /// Commands so far by kind.
    pub(super) commands: [u64; 4],
    pub(super) functions: Vec<Command>,
    pub(super) details: Vec<String>,
    pub(super) login: Option<Login>,
    /// Logins of the same remote host that failed before, in this flow and in others.
    pub(super) failed_before: u32,
    pub(super) exchanges: Exchanges,
}

/// What is needed for class C.
#[derive(Clone, Copy, Debug)]
pub struct DrivenOptions {
    /// Exchanges that the other side began and the asset answered.
    pub exchanges: u32,
}

/// What a protocol's messages mean for management.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// Each command is management; there is nothing to log in to.
    Commands,
    /// A login leads to a session in which anything may be done.
    Login,
    /// The same, but nobody outside sees what becomes of the login.
    HiddenLogin,
    /// It carries others, and is none itself.
    Carriage,
}

fn means(protocol: &str) -> Means {
    match protocol {
        "telnet" | "ftp" | "vnc" | "smb" | "x11" | "rlogin" | "rsh" | "rexec" | "ipmi" | "winrm" | "http" => {
            Means::Login
        }
        "ssh" | "rdp" => Means::HiddenLogin,
        "stun" | "socks" | "http-connect" => Means::Carriage,
        _ => Means::Commands,
    }
}

/// Protocols of controllers: a command there moves something.
pub(super) fn is_industrial(protocol: &str) -> bool {
    let names =
        ["modbus", "s7comm", "s7comm-plus", "mms", "iec104", "dnp3", "bacnet", "enip", "opcua", "fins", "ge-srtp"];
    let devices = ["solarman", "growatt", "ocpp"];
    names.contains(&protocol) || devices.contains(&protocol)
}

/// Payload of both sides from which on a conversation whose login cannot be seen is a session.
const SESSION_BYTES: u64 = 512;
/// What the host of a remote desktop sends once it draws: certificates and keys alone are less.
const DRAWN_BYTES: u64 = 8192;
/// Time after which a hidden login has become a session: servers give up sooner (two minutes in OpenSSH).
const HIDDEN_SESSION_TIME: Duration = Duration::from_secs(150);
/// Failed logins after which a granted one looks like a guess that succeeded.
pub(super) const GUESSES: u32 = 3;

/// What the flow of `subject` shows; `tool` is the tool its names or first bytes are a sign of.
pub(super) fn shown(subject: &Subject<'_>, tool: Option<&Tool>, options: DrivenOptions) -> Option<Shown> {
    let update = subject.judged.update;
    let both = subject.home.total.payload_bytes > 0 && subject.remote.total.payload_bytes > 0;
    if !update.answered || !both && !update.one_sided {
        return None;
    }
    // A protocol may be looked for by its port alone; only the login of SSH is read without messages.
    let read = |dealings: &&Dealings| dealings.messages > 0 || dealings.protocol == "ssh";
    let certain = update.dealings.as_deref().filter(read).and_then(|dealings| by_messages(subject, dealings));
    let shown = certain.or_else(|| by_name(subject, tool)).or_else(|| by_shape(subject, options))?;
    Some(match shown {
        Shown::Session(mut session) => {
            session.tool = tool.map(|tool| tool.name.to_string());
            Shown::Session(session)
        }
        Shown::LoginFailed => Shown::LoginFailed,
    })
}

fn by_messages(subject: &Subject<'_>, dealings: &Dealings) -> Option<Shown> {
    let asked = dealings.of(remote_end(subject));
    let session = || Some(Shown::Session(Box::new(Session::certain(subject, dealings, asked))));
    let is_remotes = || is_client(remote_end(subject), subject, dealings);
    // Whoever answers in another protocol, or not at all where that would be seen, obeys nothing.
    let answers = dealings.of(remote_end(subject).other()).messages;
    // What the equipment reports comes before the commands by which CWMP is known.
    let answers = answers.max(u32::from(dealings.protocol == "cwmp"));
    let obeys = if subject.judged.update.one_sided { u64::MAX } else { u64::from(answers) };
    let refused = u64::from(dealings.refused);
    match means(dealings.protocol) {
        // An asset that carries for somebody outside is a way in.
        Means::Carriage if subject.is_inbound() && dealings.protocol != "stun" && is_remotes() => session(),
        Means::Carriage => None,
        Means::Commands if is_remotes() && dealings.login == Some(Login::Refused) => {
            is_over(subject).then_some(Shown::LoginFailed)
        }
        Means::Commands => {
            if asked.total() > 0 && obeys > 0 {
                session()
            } else {
                None
            }
        }
        Means::Login | Means::HiddenLogin if !is_remotes() => None,
        means @ (Means::Login | Means::HiddenLogin) => match dealings.login {
            Some(Login::Granted) => session(),
            Some(Login::Tried | Login::Refused) if asked.total() > refused && obeys > refused => session(),
            None if means == Means::Login && (asked.total() > 0 && obeys > 0 || has_passed(subject, SESSION_BYTES)) => {
                session()
            }
            Some(Login::Tried) | None if means == Means::HiddenLogin && goes_on(subject) => session(),
            Some(_) if is_over(subject) => Some(Shown::LoginFailed),
            Some(_) => None,
            None if means == Means::HiddenLogin && is_over(subject) => Some(Shown::LoginFailed),
            None => None,
        },
    }
}

/// True where `end` is the client: the one that logs in, if anybody does.
fn is_client(end: End, subject: &Subject<'_>, dealings: &Dealings) -> bool {
    let update = subject.judged.update;
    update.client.or(dealings.client).unwrap_or(update.initiator_end) == end
}

/// True where the flow, or its connection, has ended.
fn is_over(subject: &Subject<'_>) -> bool {
    let update = subject.judged.update;
    update.cause.is_end() || matches!(update.tcp_state, Some(TcpState::Closed | TcpState::Reset))
}

/// True where a conversation of which no outcome is seen has gone on as only a session does.
fn goes_on(subject: &Subject<'_>) -> bool {
    let update = subject.judged.update;
    let is_rdp = update.dealings.as_ref().is_some_and(|dealings| dealings.protocol == "rdp");
    let lasts = update.last_seen.since(update.first_seen) >= HIDDEN_SESSION_TIME;
    lasts || is_rdp && subject.home.total.payload_bytes >= DRAWN_BYTES
}

fn has_passed(subject: &Subject<'_>, bytes: u64) -> bool {
    subject.home.total.payload_bytes >= bytes && subject.remote.total.payload_bytes >= bytes
}

/// Names are what the client asks for: in a flow begun from outside they are the stranger's words.
fn by_name(subject: &Subject<'_>, tool: Option<&Tool>) -> Option<Shown> {
    let protocol = subject.judged.update.application.unwrap_or("unknown");
    if subject.is_inbound() && matches!(protocol, "tls" | "quic" | "dtls" | "http" | "unknown") {
        return None;
    }
    let via = Via { class: Class::B, protocol, tool: Some(tool?.kind) };
    Some(Shown::Session(Box::new(Session::uncertain(subject, via))))
}

/// Exchanges begun by the other side and answered at greater length by the asset, which itself begins few: what a
/// device does that is polled or commanded. One that reports begins itself; one that keeps a connection alive answers
/// briefly or always the same.
fn by_shape(subject: &Subject<'_>, options: DrivenOptions) -> Option<Shown> {
    let (theirs, ours) = (subject.remote.exchanges, subject.home.exchanges);
    let protocol = match subject.judged.update.application {
        None => "unknown",
        Some(protocol @ ("tls" | "quic" | "dtls" | "ssh" | "http")) => protocol,
        Some(_) => return None,
    };
    let is_driven = theirs.answered >= options.exchanges
        && u64::from(theirs.answered) * 5 >= u64::from(theirs.begun) * 4
        && u64::from(ours.begun) * 3 <= u64::from(theirs.begun)
        && theirs.answer_bytes >= theirs.bytes.saturating_mul(2)
        && theirs.varied.saturating_mul(4) >= theirs.answered;
    let via = Via { class: Class::C, protocol, tool: None };
    is_driven.then(|| Shown::Session(Box::new(Session::uncertain(subject, via))))
}

impl Session {
    fn certain(subject: &Subject<'_>, dealings: &Dealings, asked: &Asked) -> Self {
        // A device that logs in to its broker lets nobody in by that.
        let is_remotes = is_client(remote_end(subject), subject, dealings);
        Session {
            via: Via { class: Class::A, protocol: dealings.protocol, tool: None },
            tool: None,
            commands: asked.commands.map(u64::from),
            functions: asked.functions.clone(),
            details: asked.details.clone(),
            login: dealings.login.filter(|_| is_remotes),
            failed_before: if is_remotes { dealings.refused } else { 0 },
            exchanges: subject.remote.exchanges,
        }
    }

    pub(super) fn uncertain(subject: &Subject<'_>, via: Via) -> Self {
        Session {
            via,
            tool: None,
            commands: [0; 4],
            functions: Vec::new(),
            details: Vec::new(),
            login: None,
            failed_before: 0,
            exchanges: subject.remote.exchanges,
        }
    }
}

fn remote_end(subject: &Subject<'_>) -> End {
    let initiator = subject.judged.update.initiator_end;
    match subject.judged.direction {
        Direction::Inbound => initiator,
        Direction::Outbound | Direction::Internal | Direction::External => initiator.other(),
    }
}

/// Requests whose answer comes in another flow: TFTP answers from a port of its own choice.
#[derive(Debug, Default)]
pub(super) struct Requests {
    asked: HashMap<(Endpoint, IpAddr), Request>,
    order: VecDeque<(Endpoint, IpAddr)>,
}

#[derive(Debug)]
struct Request {
    session: Box<Session>,
    is_answered: bool,
}

impl Requests {
    const CAPACITY: usize = 4096;

    /// Keeps what the remote end asked for in a flow that the asset does not answer.
    pub(super) fn keep(&mut self, subject: &Subject<'_>) {
        let Some(dealings) = subject.judged.update.dealings.as_deref() else { return };
        let asked = dealings.of(remote_end(subject));
        if dealings.protocol != "tftp" || asked.total() == 0 {
            return;
        }
        let key = Self::key(subject);
        let session = Box::new(Session::certain(subject, dealings, asked));
        match self.asked.get_mut(&key) {
            Some(request) => request.session = session,
            None => {
                self.asked.insert(key, Request { session, is_answered: false });
                self.order.push_back(key);
            }
        }
        if self.order.len() > Self::CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.asked.remove(&oldest);
        }
    }

    /// What was asked in another flow by the end whose answered flow `subject` is.
    pub(super) fn answered_by(&mut self, subject: &Subject<'_>) -> Option<Shown> {
        let is_flow_of_its_own = subject.judged.update.dealings.is_none();
        let request = self.asked.get_mut(&Self::key(subject)).filter(|_| is_flow_of_its_own)?;
        request.is_answered = true;
        Some(Shown::Session(request.session.clone()))
    }

    /// True where what `subject` asked was answered in another flow.
    pub(super) fn is_answered(&self, subject: &Subject<'_>) -> bool {
        self.asked.get(&Self::key(subject)).is_some_and(|request| request.is_answered)
    }

    fn key(subject: &Subject<'_>) -> (Endpoint, IpAddr) {
        (subject.remote.endpoint, subject.home.endpoint.address)
    }
}

/// Failed logins by the host that tried; bounded, the oldest host goes first.
#[derive(Debug, Default)]
pub(super) struct Tries {
    failed: HashMap<IpAddr, u32>,
    order: VecDeque<IpAddr>,
}

impl Tries {
    const CAPACITY: usize = 65_536;

    /// So many logins of a host failed.
    pub(super) fn failed(&mut self, remote: IpAddr, times: u32) {
        let count = self.failed.entry(remote).or_insert_with(|| {
            self.order.push_back(remote);
            0
        });
        *count = count.saturating_add(times);
        if self.order.len() > Self::CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.failed.remove(&oldest);
        }
    }

    pub(super) fn of(&self, remote: IpAddr) -> u32 {
        self.failed.get(&remote).copied().unwrap_or(0)
    }
}
