//! Lines to a file, to standard output, or to anything that can be written to.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::detect::{Alert, Judged};
use crate::encode::{self, Format, ecs, text};

use super::{Filter, Output};

/// Bytes collected before they are written.
const BUFFER_BYTES: usize = 64 << 10;

/// How writing ended.
#[derive(Debug)]
pub enum Written {
    /// Everything was taken.
    All,
    /// The reader closed its end, as `head` does.
    Abandoned,
    /// The system refused; the rest is lost.
    Failed {
        /// What was written to.
        name: String,
        /// What the system said.
        error: io::Error,
    },
}

/// A buffered writer that remembers its first error.
pub struct Lines {
    name: String,
    writer: Box<dyn Write + Send>,
    buffer: Vec<u8>,
    error: Option<io::Error>,
}

impl Lines {
    /// Creates or truncates a file.
    ///
    /// # Errors
    /// The file cannot be created; the error names it.
    pub fn create(path: &Path) -> io::Result<Lines> {
        let name = path.display().to_string();
        let file = File::create(path).map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
        Ok(Lines::new(name, file))
    }

    /// Appends to a file.
    ///
    /// # Errors
    /// The file cannot be opened; the error names it.
    pub fn append(path: &Path) -> io::Result<Lines> {
        let name = path.display().to_string();
        let file = File::options()
            .append(true)
            .create(true)
            .open(path)
            .map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
        Ok(Lines::new(name, file))
    }

    /// Writes to standard output.
    #[must_use]
    pub fn stdout() -> Lines {
        Lines::new("standard output".to_owned(), io::stdout())
    }

    /// Writes to `writer`, which messages call `name`.
    pub fn new(name: String, writer: impl Write + Send + 'static) -> Lines {
        Lines { name, writer: Box::new(writer), buffer: Vec::with_capacity(BUFFER_BYTES), error: None }
    }

    /// Lets `fill` append to the buffer.
    pub fn push(&mut self, fill: impl FnOnce(&mut Vec<u8>)) {
        if self.error.is_some() {
            return;
        }
        fill(&mut self.buffer);
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush();
        }
    }

    /// Writes what is buffered.
    pub fn flush(&mut self) {
        if self.error.is_none() {
            let result = self.writer.write_all(&self.buffer).and_then(|()| self.writer.flush());
            self.error = result.err();
        }
        self.buffer.clear();
    }

    fn is_abandoned(&self) -> bool {
        self.error.as_ref().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Writes the rest and says how it went.
    #[must_use]
    pub fn close(mut self) -> Written {
        self.flush();
        match self.error {
            None => Written::All,
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Written::Abandoned,
            Some(error) => Written::Failed { name: self.name, error },
        }
    }
}

/// Alerts as lines.
pub struct AlertLines {
    lines: Lines,
    format: Format,
    filter: Filter,
    table: text::Table,
}

impl AlertLines {
    /// Those that `filter` wants, in `format`, to `lines`.
    #[must_use]
    pub fn new(lines: Lines, format: Format, filter: Filter) -> Self {
        AlertLines { lines, format, filter, table: text::Table::default() }
    }

    /// Writes the table that ends text where `any_frame` was read, and says how it all went.
    #[must_use]
    pub fn close(mut self, any_frame: bool) -> Written {
        if matches!(self.format, Format::Text(_)) && any_frame {
            let table = &self.table;
            self.lines.push(|out| table.write(out));
        }
        self.lines.close()
    }
}

impl Output for AlertLines {
    fn takes_flows(&self) -> bool {
        false
    }

    fn alert(&mut self, alert: &Alert) {
        if !self.filter.wants_alert(alert) {
            return;
        }
        match self.format {
            Format::Ecs => self.lines.push(|out| ecs::alert(alert, out)),
            format @ (Format::Ocsf | Format::Cef | Format::Leef | Format::Eve) => self.lines.push(|out| {
                let mut native = Vec::new();
                ecs::alert(alert, &mut native);
                // Without a limit every record of ours can be written.
                if encode::record(format, native.trim_ascii_end(), usize::MAX, out).is_ok() {
                    out.push(b'\n');
                }
            }),
            Format::Text(style) => {
                self.table.add(alert);
                self.lines.push(|out| text::alert(alert, style, out));
            }
        }
    }

    fn flush(&mut self) {
        self.lines.flush();
    }

    fn is_abandoned(&self) -> bool {
        self.lines.is_abandoned()
    }
}

/// Flow records as lines of ECS.
pub struct FlowLines {
    lines: Lines,
}

impl FlowLines {
    /// To `lines`.
    #[must_use]
    pub fn new(lines: Lines) -> Self {
        FlowLines { lines }
    }

    /// Says how it all went.
    #[must_use]
    pub fn close(self) -> Written {
        self.lines.close()
    }
}

impl Output for FlowLines {
    fn flow(&mut self, judged: &Judged<'_>) {
        self.lines.push(|out| ecs::flow(judged, out));
    }

    fn is_abandoned(&self) -> bool {
        self.lines.is_abandoned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Refuses(io::ErrorKind);

    impl Write for Refuses {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn outcome(kind: io::ErrorKind) -> Written {
        let mut lines = Lines::new("disk".to_owned(), Refuses(kind));
        for _ in 0..3 {
            lines.push(|out| out.resize(out.len() + BUFFER_BYTES, b'x'));
        }
        assert!(lines.buffer.capacity() < 3 * BUFFER_BYTES, "a dead output collects nothing");
        lines.close()
    }

    #[test]
    fn a_full_disk_is_told_at_the_end_and_a_closed_pipe_is_not_an_error() {
        assert!(matches!(outcome(io::ErrorKind::StorageFull), Written::Failed { name, .. } if name == "disk"));
        assert!(matches!(outcome(io::ErrorKind::BrokenPipe), Written::Abandoned));
    }
}
