//! The user the daemon becomes.

use std::ffi::CString;

use caps::Capability;
use nix::errno::Errno;
use nix::unistd::{Gid, Uid, User, initgroups, setresgid, setresuid};

use super::{SandboxError, capabilities};

/// Becomes the user of this name, with the groups the user is in, on every thread of the process; of root's power the calling
/// thread keeps CAP_NET_RAW, every other thread nothing. Nothing happens where there is no name, or nobody to become: the
/// process is not root's, or the name is root's.
///
/// To be called while the calling thread is the only one, before [`super::confine`]: looking the user up reads files that
/// are out of reach after it. Files that the daemon makes before are root's; it cannot make them anew as the user.
///
/// # Errors
/// There is no such user, or the kernel refuses the change; the process must then not go on.
pub fn become_user(name: Option<&str>) -> Result<(), SandboxError> {
    let Some(name) = name.filter(|name| !name.is_empty() && Uid::effective().is_root()) else { return Ok(()) };
    let user = find(name)?;
    if user.uid.is_root() {
        return Ok(());
    }
    let refused = |source: Errno| SandboxError::Become { name: name.to_owned(), source };
    let groups_of = CString::new(name).map_err(|_| refused(Errno::EINVAL))?;
    capabilities::survive_user(true)?;
    initgroups(&groups_of, user.gid).map_err(refused)?;
    setresgid(user.gid, user.gid, user.gid).map_err(refused)?;
    setresuid(user.uid, user.uid, user.uid).map_err(refused)?;
    capabilities::survive_user(false)?;
    capabilities::keep(&[Capability::CAP_NET_RAW])?;
    check(&user).map_err(refused)
}

/// The name of the user the process runs as, or the number.
pub(super) fn current() -> String {
    let uid = Uid::effective();
    match User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => format!("user {uid}"),
    }
}

fn find(name: &str) -> Result<User, SandboxError> {
    match User::from_name(name) {
        Ok(Some(user)) => Ok(user),
        Ok(None) => Err(SandboxError::NoUser(name.to_owned())),
        Err(source) => Err(SandboxError::Become { name: name.to_owned(), source }),
    }
}

/// That the way back is closed.
fn check(user: &User) -> Result<(), Errno> {
    let root = Uid::from_raw(0);
    let changed = Uid::current() == user.uid && Uid::effective() == user.uid && Gid::effective() == user.gid;
    match setresuid(root, root, root) {
        Err(_) if changed => Ok(()),
        Err(_) | Ok(()) => Err(Errno::EPERM),
    }
}
