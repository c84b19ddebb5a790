//! System calls by their number, with arguments that are numbers: whether the kernel knows the call at all.

use std::io;

/// Makes a call with arguments none of which is a valid address.
///
/// Safety argument: the kernel reads and writes memory of this process only through addresses it is given. All arguments
/// here are null, small numbers or -1, at which nothing is mapped: a call answers with an error, or acts on what the
/// number names, which each use says.
pub(crate) fn call(number: libc::c_long, arguments: [libc::c_long; 6]) -> io::Result<libc::c_long> {
    let [a, b, c, d, e, f] = arguments;
    #[expect(unsafe_code, reason = "only so are calls made that no library offers; see above")]
    // SAFETY: no argument is an address at which something lies.
    let answer = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// Whether the kernel knows the call; what it says of the arguments is no matter.
pub(crate) fn exists(number: libc::c_long, arguments: [libc::c_long; 6]) -> io::Result<()> {
    match call(number, arguments) {
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}
