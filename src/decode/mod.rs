//! Frame to packet: strips link layers and tunnels down to the innermost conversation.
//!
//! Decoding a frame yields a [`Packet`] (a small `Copy` value that points into the batch) or a [`Skip`], the reason
//! why there is none. It allocates nothing, logs nothing and panics on no input.

mod packet;
mod skip;

pub use packet::{Decoded, Packet, Payload, TcpFields, TcpFlags};
pub use skip::{Skip, SkipCounters};
