//! Whose a remote endpoint is: where it is located, who operates its network, whose service it provides.

pub mod geo;
