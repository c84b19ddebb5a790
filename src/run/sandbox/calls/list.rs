//! Which calls are allowed, with which arguments.

use seccompiler::{BackendError, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

use super::names::{EVERYWHERE, OF_THIS_PROCESSOR};
use super::{Rules, Sockets};

pub(super) fn rules(sockets: Sockets) -> Result<Rules, BackendError> {
    let mut rules: Rules = EVERYWHERE.iter().chain(OF_THIS_PROCESSOR).map(|&call| (call, Vec::new())).collect();
    rules.extend(by_argument()?);
    rules.insert(libc::SYS_socket, sockets_to_open(sockets)?);
    Ok(rules)
}

/// Calls that are allowed with some arguments only.
fn by_argument() -> Result<Rules, BackendError> {
    Ok(Rules::from([
        // Threads, no processes. What clone3 is asked for lies in memory, where no filter sees it: it is not listed, and
        // the C library falls back on clone.
        (libc::SYS_clone, any([all([has(0, libc::CLONE_THREAD)])])?),
        // To itself, for abort().
        (libc::SYS_tgkill, any([all([is(0, std::process::id().cast_signed())])])?),
        // Memory to write or memory to run, never both, and none that becomes one to run: libraries are mapped so.
        (libc::SYS_mmap, any([all([lacks(2, libc::PROT_WRITE)]), all([lacks(2, libc::PROT_EXEC)])])?),
        (libc::SYS_mprotect, any([all([lacks(2, libc::PROT_EXEC)])])?),
        (libc::SYS_ioctl, any(REQUESTS.iter().map(|&request| all([word(1, request)])))?),
        (libc::SYS_prctl, any(OPTIONS.iter().map(|&option| all([is(0, option)])))?),
        // Limits to read, of this process, not to change.
        (libc::SYS_prlimit64, any([all([is(0, 0), null(2)])])?),
        (libc::SYS_socketpair, any([all([is(0, libc::AF_UNIX)])])?),
    ]))
}

fn sockets_to_open(sockets: Sockets) -> Result<Vec<SeccompRule>, BackendError> {
    let ip = [(libc::SOCK_STREAM, libc::IPPROTO_TCP), (libc::SOCK_DGRAM, libc::IPPROTO_UDP)];
    let mut rules = vec![all([is(0, libc::AF_UNIX)]), all([is(0, libc::AF_NETLINK), is(2, libc::NETLINK_ROUTE)])];
    for family in [libc::AF_INET, libc::AF_INET6] {
        for (kind, protocol) in ip {
            rules.push(all([is(0, family), kind_is(kind), is(2, 0)]));
            rules.push(all([is(0, family), kind_is(kind), is(2, protocol)]));
        }
    }
    if sockets == Sockets::InternetAndPacket {
        rules.push(all([is(0, libc::AF_PACKET)]));
    }
    any(rules)
}

type Condition = Result<SeccompCondition, BackendError>;

fn any(rules: impl IntoIterator<Item = Result<SeccompRule, BackendError>>) -> Result<Vec<SeccompRule>, BackendError> {
    rules.into_iter().collect()
}

fn all<const N: usize>(conditions: [Condition; N]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.into_iter().collect::<Result<_, _>>()?)
}

/// The argument is this 32-bit number.
fn is(argument: u8, value: i32) -> Condition {
    word(argument, value.cast_unsigned())
}

fn word(argument: u8, value: u32) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value.into())
}

/// The argument has this bit.
fn has(argument: u8, bit: i32) -> Condition {
    let bit = u64::from(bit.cast_unsigned());
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(bit), bit)
}

fn lacks(argument: u8, bit: i32) -> Condition {
    let bit = u64::from(bit.cast_unsigned());
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(bit), 0)
}

/// The second argument of socket(): the kind, beside flags.
fn kind_is(kind: i32) -> Condition {
    let kind = u64::from(kind.cast_unsigned());
    SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(0xf), kind)
}

fn null(argument: u8) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)
}

/// Requests of ioctl(): of terminals and descriptors, and what describes an interface.
const REQUESTS: &[u32] = &[
    0x5401, // TCGETS
    0x5413, // TIOCGWINSZ
    0x541b, // FIONREAD
    0x5421, // FIONBIO
    0x5450, // FIONCLEX
    0x5451, // FIOCLEX
    0x8910, // SIOCGIFNAME
    0x8912, // SIOCGIFCONF
    0x8913, // SIOCGIFFLAGS
    0x8915, // SIOCGIFADDR
    0x891b, // SIOCGIFNETMASK
    0x8921, // SIOCGIFMTU
    0x8927, // SIOCGIFHWADDR
    0x8933, // SIOCGIFINDEX
    0x8946, // SIOCETHTOOL
];

/// Options of prctl(): names of threads and of memory, and what is in force.
const OPTIONS: &[i32] = &[
    libc::PR_SET_NAME,
    libc::PR_GET_NAME,
    libc::PR_SET_VMA,
    libc::PR_CAPBSET_READ,
    libc::PR_GET_SECCOMP,
    libc::PR_GET_NO_NEW_PRIVS,
    libc::PR_SET_NO_NEW_PRIVS,
];
