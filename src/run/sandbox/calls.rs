//! System calls: a list of those the program and its libraries need, enforced by seccomp.
//!
//! Every other call answers ENOSYS, "not implemented": that is what the C library takes for an older kernel, and does without.
//! A call with arguments that are not listed answers the same. The list is for the C libraries glibc and musl, on the three
//! processors whose call numbers the filter knows; 32-bit calls end the process.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod list;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod names;

use std::collections::BTreeMap;

use seccompiler::{BackendError, BpfProgram, SeccompAction, SeccompFilter, SeccompRule, TargetArch};

use super::{Calls, SandboxError};

/// Sockets that may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sockets {
    /// TCP, UDP, Unix, and the kernel's list of routes and interfaces.
    Internet,
    /// Packet sockets, too.
    InternetAndPacket,
}

/// For the number of a call the arguments with which it is allowed, any of them; none: all.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Confines the calling thread.
pub(super) fn confine(sockets: Sockets) -> Result<Calls, SandboxError> {
    let Ok(processor) = TargetArch::try_from(std::env::consts::ARCH) else {
        return Ok(Calls::Unsupported(format!("no list of system calls for {}", std::env::consts::ARCH)));
    };
    let rules = list::rules(sockets)?;
    let count = rules.len();
    let refusal = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let filter = SeccompFilter::new(rules, refusal, SeccompAction::Allow, processor)?;
    let program = BpfProgram::try_from(filter)?;
    match seccompiler::apply_filter(&program) {
        Ok(()) => Ok(Calls::Only(count)),
        Err(seccompiler::Error::Seccomp(error))
            if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) =>
        {
            Ok(Calls::Unsupported("this kernel has no seccomp filters".to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

impl From<BackendError> for SandboxError {
    fn from(error: BackendError) -> Self {
        SandboxError::Calls(error.into())
    }
}

/// No processor the filter knows: [`confine`] has said so before it asks.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
mod list {
    pub(super) fn rules(_: super::Sockets) -> Result<super::Rules, super::BackendError> {
        Ok(super::Rules::new())
    }
}
