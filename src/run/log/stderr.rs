//! Standard error that nobody may read: a full pipe costs messages, not the thread that speaks.
//!
//! `poll(2)` says a pipe can be written while a page of it is free (`pipe(7)`), so a piece of that size never waits.
//! While it cannot be written, the first message waits a tenth of a second, those after it not at all; what was lost is
//! told as soon as somebody reads again.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tracing_subscriber::fmt::MakeWriter;

/// `PIPE_BUF` of Linux.
const PIECE: usize = 4096;
const PATIENCE_MS: u8 = 100;

/// Standard error, or whatever behaves like it.
#[derive(Debug)]
pub(super) struct Stderr<W>(Mutex<Out<W>>);

#[derive(Debug)]
pub(super) struct Out<W> {
    to: W,
    tell: fn(u64) -> String,
    /// Messages lost that nobody was told of.
    lost: u64,
    /// The last piece written ended within a line.
    is_within_line: bool,
}

impl<W> Stderr<W> {
    /// `tell` makes the line that says how many messages were lost.
    pub(super) fn new(to: W, tell: fn(u64) -> String) -> Self {
        Stderr(Mutex::new(Out { to, tell, lost: 0, is_within_line: false }))
    }
}

impl<'a, W: Write + AsFd + 'a> MakeWriter<'a> for Stderr<W> {
    type Writer = Line<'a, W>;

    fn make_writer(&'a self) -> Line<'a, W> {
        Line(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes one message.
pub(super) struct Line<'a, W>(MutexGuard<'a, Out<W>>);

impl<W: Write + AsFd> Write for Line<'_, W> {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        self.0.say(message);
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write + AsFd> Out<W> {
    fn say(&mut self, message: &[u8]) {
        if self.lost > 0 {
            let told = (self.tell)(self.lost);
            let told = if self.is_within_line { format!("\n{told}") } else { told };
            if !self.put(told.as_bytes(), 0) {
                self.lost += 1;
                return;
            }
            self.lost = 0;
        }
        if !self.put(message, PATIENCE_MS) {
            self.lost += 1;
        }
    }

    /// Whether everything was written.
    fn put(&mut self, message: &[u8], patience_ms: u8) -> bool {
        message.chunks(PIECE).all(|piece| {
            let is_written = self.is_writable(patience_ms) && self.to.write_all(piece).is_ok();
            if is_written {
                self.is_within_line = !piece.ends_with(b"\n");
            }
            is_written
        })
    }

    fn is_writable(&self, patience_ms: u8) -> bool {
        let mut ask = [PollFd::new(self.to.as_fd(), PollFlags::POLLOUT)];
        // An error is the write's to tell.
        poll(&mut ask, PollTimeout::from(patience_ms)).is_ok_and(|ready| ready > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test is about waiting")]
    fn a_pipe_that_nobody_reads_costs_messages_and_not_the_time_of_who_speaks() {
        let (mut reader, writer) = io::pipe().unwrap();
        let stderr = Stderr::new(writer, |count| format!("{count} lost\n"));
        let begun = Instant::now();
        for number in 0..20_000 {
            stderr
                .make_writer()
                .write_all(format!("message {number} {}\n", "x".repeat(number % 9_000)).as_bytes())
                .unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        // Somebody reads again: what was lost is told before the next message, which comes whole.
        let mut pipe = vec![0; 1 << 20];
        let mut bytes = reader.read(&mut pipe).unwrap();
        stderr.make_writer().write_all(b"the last\n").unwrap();
        drop(stderr);
        bytes += reader.read(&mut pipe[bytes..]).unwrap();
        let text = String::from_utf8(pipe[..bytes].to_vec()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let [.., cut, told, last] = lines.as_slice() else { panic!("{} lines", lines.len()) };
        assert_eq!(*last, "the last");
        let lost: usize = told.strip_suffix(" lost").unwrap().parse().unwrap();
        // What was cut is counted among the lost.
        let is_whole = |line: &&&str| {
            line.split(' ')
                .nth(1)
                .and_then(|n| n.parse::<usize>().ok())
                .is_some_and(|number| line.len() == format!("message {number} ").len() + number % 9_000)
        };
        let whole = lines[..lines.len() - 2].iter().filter(is_whole).count();
        assert_eq!(lost + whole, 20_000, "{told}, {whole} whole, cut {} bytes", cut.len());
    }

    #[test]
    fn a_reader_that_went_away_ends_nothing() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let stderr = Stderr::new(writer, |count| format!("{count} lost\n"));
        for _ in 0..3 {
            assert!(stderr.make_writer().write_all(b"hello\n").is_ok());
        }
        assert_eq!(stderr.make_writer().0.lost, 3);
    }
}
