//! Lines to standard output.

use std::io::{self, Write as _};

use super::transport::Step;
use super::{Answer, Limits, Message, Transport, Trouble};

/// Writes on a thread: a reader that is slow must not stop the other outputs.
pub(super) struct StdoutTransport;

impl Transport for StdoutTransport {
    fn limits(&self) -> Limits {
        Limits::STREAM
    }

    fn send<'a>(&'a mut self, batch: &'a [Message]) -> Step<'a, Result<Answer, Trouble>> {
        Box::pin(async {
            let lines: Vec<u8> = batch.iter().flat_map(|message| message.bytes.iter().chain(b"\n")).copied().collect();
            let count = lines.len();
            let write = move || {
                let mut stdout = io::stdout().lock();
                stdout.write_all(&lines).and_then(|()| stdout.flush())
            };
            let written = tokio::task::spawn_blocking(write).await.map_err(Trouble::later)?;
            written.map_err(|error| Trouble::later(format_args!("standard output: {error}")))?;
            Ok(Answer::taken(format!("{count} bytes are written to standard output")))
        })
    }
}
