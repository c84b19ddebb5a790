//! Runs a program as a user does and keeps what it said.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A program about to be run. It inherits nothing that would change what it says.
#[derive(Debug)]
pub struct Program {
    command: Command,
    input: Vec<Vec<u8>>,
    pause: Duration,
}

/// How it went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Exit status; `None` where a signal ended it.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Program {
    /// The program at `executable`, to be run in `directory`.
    #[must_use]
    pub fn new(executable: impl AsRef<OsStr>, directory: &Path) -> Program {
        let mut command = Command::new(executable);
        command.current_dir(directory).env_remove("NO_COLOR").env_remove("BORDERFLOW_LOG");
        Program { command, input: Vec::new(), pause: Duration::ZERO }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// A variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// What it reads from standard input: a pipe into which `chunks` are written, with a pause after each.
    #[must_use]
    pub fn input(mut self, chunks: Vec<Vec<u8>>, pause: Duration) -> Self {
        (self.input, self.pause) = (chunks, pause);
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// Where the program cannot be started or says something that is no text.
    #[must_use]
    pub fn run(mut self) -> Outcome {
        let command = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        let pipe = child.stdin.take();
        let (input, pause) = (self.input, self.pause);
        let writer = std::thread::spawn(move || {
            let mut pipe = pipe?;
            for chunk in input {
                // A program that wants no more input has closed the pipe, which is its right.
                pipe.write_all(&chunk).ok()?;
                std::thread::sleep(pause);
            }
            Some(())
        });
        let output = child.wait_with_output().unwrap_or_else(|error| panic!("{error}"));
        let _ = writer.join();
        let text = |bytes| String::from_utf8(bytes).unwrap_or_else(|error| panic!("{error}"));
        Outcome { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}
