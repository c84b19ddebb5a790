//! What systemd is told: that the daemon is ready, reloads, stops, how it does, and that it lives (`sd_notify(3)`).
//!
//! The socket is connected once, at the start: afterwards the sandbox need allow no more than sending on a descriptor that
//! is there, and sending never waits. Without `NOTIFY_SOCKET` nothing is sent. Where systemd does not take a message, the
//! daemon goes on; the next one tells the same or newer.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The line to the service manager.
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// As the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`.
    ///
    /// # Errors
    /// A socket that is named and cannot be reached: systemd would wait in vain.
    pub fn from_env() -> io::Result<Self> {
        let Some(address) = env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty()) else {
            return Ok(Notifier::default());
        };
        let number = |name| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let interval = number("WATCHDOG_USEC").filter(|micros| is_ours && *micros > 0);
        Ok(Notifier { socket: Some(connect(&address)?), watchdog: interval.map(Duration::from_micros) })
    }

    /// Whether anybody listens.
    #[must_use]
    pub const fn is_heard(&self) -> bool {
        self.socket.is_some()
    }

    /// Time without [`Notifier::alive`] after which systemd ends the daemon; tell it twice as often.
    #[must_use]
    pub const fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Start-up, or a reload, is done.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// A reload begins; [`Notifier::ready`] ends it.
    pub fn reloading(&self) {
        // `Type=notify-reload` wants to know which of two reloads this belongs to.
        let micros = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from).as_micros();
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// The end begins.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// Every loop comes round.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    /// One line that `systemctl status` shows.
    pub fn status(&self, line: &str) {
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.send(&format!("STATUS={line}"));
    }

    fn send(&self, message: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(message.as_bytes())
        {
            tracing::debug!("systemd was not told {message:?}: {error}");
        }
    }
}

fn connect(address: &OsStr) -> io::Result<UnixDatagram> {
    let address = match address.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(address)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> (Notifier, UnixDatagram) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        systemd.set_nonblocking(true).unwrap();
        (Notifier { socket: Some(connect(path.as_os_str()).unwrap()), watchdog: None }, systemd)
    }

    fn heard(systemd: &UnixDatagram) -> String {
        let mut message = [0; 256];
        let bytes = systemd.recv(&mut message).unwrap();
        String::from_utf8(message[..bytes].to_vec()).unwrap()
    }

    #[test]
    fn systemd_hears_each_step_of_a_life_also_when_the_socket_can_no_longer_be_opened() {
        // The folder of the socket is gone by now, as behind a sandbox.
        let (notifier, systemd) = line();
        notifier.ready();
        assert_eq!(heard(&systemd), "READY=1");
        notifier.reloading();
        let message = heard(&systemd);
        let micros = message.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(micros.parse::<u64>().unwrap() > 0, "{message}");
        notifier.alive();
        assert_eq!(heard(&systemd), "WATCHDOG=1");
        notifier.status("3 frames\nREADY=1");
        assert_eq!(heard(&systemd), "STATUS=3 frames READY=1");
        notifier.stopping();
        assert_eq!(heard(&systemd), "STOPPING=1");
    }

    #[test]
    fn an_abstract_socket_is_reached_too() {
        let name = format!("borderflow-test-{}", std::process::id());
        let systemd = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        systemd.set_nonblocking(true).unwrap();
        let notifier =
            Notifier { socket: Some(connect(OsStr::new(&format!("@{name}"))).unwrap()), ..Notifier::default() };
        notifier.ready();
        assert_eq!(heard(&systemd), "READY=1");
    }

    #[test]
    fn a_systemd_that_does_not_read_holds_nobody_up() {
        let (notifier, systemd) = line();
        for _ in 0..10_000 {
            notifier.alive();
        }
        assert_eq!(heard(&systemd), "WATCHDOG=1");
    }

    #[test]
    fn without_systemd_nothing_is_sent() {
        let notifier = Notifier::default();
        notifier.ready();
        assert!(!notifier.is_heard());
        assert_eq!(notifier.watchdog_interval(), None);
    }
}
