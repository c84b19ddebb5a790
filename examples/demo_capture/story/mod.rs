//! 12 November 2025 at a small utility and a clinic, as two span ports saw it.
//!
//! The day is invented. Addresses were chosen by the country and network that the shipped databases give for them;
//! nothing here says anything about who holds them. What must be found and what must stay silent is told in
//! `demo/expected.md`. The same bytes come out on every machine.

mod cast;
mod day;
mod flagged;
mod managed;
mod quiet;

use borderflow_testkit::{Interface, Pcapng, Resolution};

/// The whole day as a pcapng: the utility's span in microseconds, the clinic's in nanoseconds.
pub(crate) fn capture() -> Vec<u8> {
    let mut day = day::Day::new(20_251_112);
    flagged::tell(&mut day);
    managed::tell(&mut day);
    quiet::tell(&mut day);
    let interfaces = vec![
        Interface::new("span-utility", 1),
        Interface { resolution: Resolution::PowerOfTen(9), ..Interface::new("span-clinic", 1) },
    ];
    Pcapng::new(interfaces).write(&day.frames())
}
