//! Writes the captures that the benchmarks replay. The same arguments give the same bytes on every machine.
//!
//! * `small FILE [PACKETS FLOWS [ANYWHERE]]`: frames of 60 to 128 bytes, half of the flows UDP, all flows alive at once.
//!   ANYWHERE is the percentage of flows to servers from anywhere in the world (100), some of them in flagged jurisdictions;
//!   with 0 no flow is remarkable, and what is measured is the packet path alone;
//! * `elephant FILE [BYTES FLOWS]`: full segments of TCP in few flows;
//! * `flood FILE [PACKETS FLOWS]`: conversations that go on while every other packet is a flow of its own;
//! * `mix FILE [BYTES FLOWS]`: DNS, TLS, QUIC, HTTP and NTP with their handshakes, and volumes with a long tail.
//!
//! Without sizes they are as large as `docs/performance.md` has them: 10 million packets in a million flows; 1 GB in
//! 100 flows; 10 million packets around 100 conversations; 1 GB in 100,000 flows. How cost grows with the number of flows
//! is measured with `small` of ten packets a flow.

mod elephant;
mod flood;
mod mix;
mod output;
mod quic;
mod small;

use output::Output;
use std::error::Error;

const USAGE: &str = "usage: bench_captures small|elephant|flood|mix FILE [PACKETS-OR-BYTES FLOWS [ANYWHERE]]";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().ok_or(USAGE)?;
    let mut output = Output::create(&arguments.next().ok_or(USAGE)?)?;
    let mut size = |default: u64| match arguments.next() {
        Some(text) => text.parse::<u64>().map_err(|error| format!("{text:?}: {error}; {USAGE}")),
        None => Ok(default),
    };
    match kind.as_str() {
        "small" => small::write(&mut output, size(10_000_000)?, size(1_000_000)?, size(100)?)?,
        "elephant" => elephant::write(&mut output, size(1_000_000_000)?, size(100)?)?,
        "flood" => flood::write(&mut output, size(10_000_000)?, size(100)?)?,
        "mix" => mix::write(&mut output, size(1_000_000_000)?, size(100_000)?)?,
        _ => return Err(USAGE.into()),
    }
    Ok(output.finish()?)
}
