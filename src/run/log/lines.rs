//! How a message becomes lines: none of them can be taken for another message, and the journal learns how grave it is.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// What another format writes, with all lines but the first indented, and for the journal `<N>` before each.
pub(super) struct Lines<F> {
    format: F,
    with_priority: bool,
}

impl<F> Lines<F> {
    pub(super) const fn new(format: F, with_priority: bool) -> Self {
        Lines { format, with_priority }
    }
}

impl<S, N, F> FormatEvent<S, N> for Lines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut text = String::new();
        self.format.format_event(context, Writer::new(&mut text), event)?;
        let priority = if self.with_priority { priority(*event.metadata().level()) } else { "" };
        for (number, line) in text.lines().enumerate() {
            let indent = if number > 0 { "    " } else { "" };
            writeln!(writer, "{priority}{indent}{line}")?;
        }
        Ok(())
    }
}

/// `sd-daemon(3)`; severities of RFC 5424, section 6.2.1.
fn priority(level: Level) -> &'static str {
    if level == Level::ERROR {
        "<3>"
    } else if level == Level::WARN {
        "<4>"
    } else if level == Level::INFO {
        "<6>"
    } else {
        "<7>"
    }
}

/// The line that tells how many messages were lost.
pub(super) fn lost(format: &str, is_journal: bool) -> fn(u64) -> String {
    match (format, is_journal) {
        ("json", true) => |count| format!("<4>{}", lost_as_json(count)),
        ("json", false) => lost_as_json,
        (_, true) => |count| format!("<4>{}", lost_as_text(count)),
        (_, false) => lost_as_text,
    }
}

fn lost_as_text(count: u64) -> String {
    format!("WARN {count} messages were lost: nobody read standard error\n")
}

fn lost_as_json(count: u64) -> String {
    format!("{{\"level\":\"WARN\",\"message\":\"{count} messages were lost: nobody read standard error\"}}\n")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::{self, MakeWriter};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Memory {
        type Writer = Memory;

        fn make_writer(&self) -> Memory {
            self.clone()
        }
    }

    /// Hostile names, and a message of two lines.
    fn speak() {
        let name = "eth0\n2026-01-01T00:00:00Z ERROR forged\n<0>forged \u{1b}[2J";
        tracing::warn!("interface {name} is gone");
        tracing::info!(frames = 3, "line 1\nline 2");
    }

    fn text(memory: &Memory) -> String {
        String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn no_name_forges_a_line_of_text() {
        let memory = Memory::default();
        let format = fmt::format().with_target(false).with_ansi(false);
        let layer = fmt::layer().with_writer(memory.clone()).event_format(Lines::new(format, false));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), speak);
        let text = text(&memory);
        let begun: Vec<&str> = text.lines().filter(|line| !line.starts_with("    ")).collect();
        assert_eq!(begun.len(), 2, "{text}");
        assert!(begun[0].ends_with("Z  WARN interface eth0"), "{text}");
        assert!(begun[1].ends_with("Z  INFO line 1"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn the_journal_learns_how_grave_each_line_is() {
        let memory = Memory::default();
        let format = fmt::format().with_target(false).with_ansi(false).without_time().with_level(false);
        let layer = fmt::layer().with_writer(memory.clone()).event_format(Lines::new(format, true));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), speak);
        let text = text(&memory);
        let expected = ["<4>interface eth0", "<4>    2026-01-01", "<4>    <0>forged", "<6>line 1", "<6>    line 2"];
        assert_eq!(text.lines().count(), expected.len());
        for (line, expected) in text.lines().zip(expected) {
            assert!(line.starts_with(expected), "{text}");
        }
    }

    #[test]
    fn a_message_is_one_object_on_one_line() {
        let memory = Memory::default();
        let format = fmt::format().json().flatten_event(true);
        let layer = fmt::layer().json().with_writer(memory.clone()).event_format(Lines::new(format, false));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), speak);
        let text = text(&memory);
        let objects: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[0]["level"], "WARN");
        assert_eq!(objects[1]["message"], "line 1\nline 2");
        assert_eq!(objects[1]["frames"], 3);
        let time = objects[1]["timestamp"].as_str().unwrap();
        assert!(time.parse::<crate::net::Timestamp>().is_ok() && time.ends_with('Z'), "{time}");
        for count in [1, 60] {
            assert!(serde_json::from_str::<serde_json::Value>(&lost("json", false)(count)).is_ok());
        }
    }
}
