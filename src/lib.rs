//! Borderflow: a network sensor that tells which hosts send data to a flagged jurisdiction, and which are
//! remotely managed from one.
//!
//! Data moves one way; each module imports only modules to its left:
//!
//! `net < capture < decode < inspect < flow < attribute < detect < journal < encode < deliver < report < pipeline < config < run < cli`

pub mod attribute;
pub mod capture;
pub mod cli;
pub mod config;
pub mod decode;
pub mod deliver;
pub mod detect;
pub mod encode;
pub mod flow;
pub mod inspect;
pub mod journal;
pub mod net;
pub mod pipeline;
pub mod run;
