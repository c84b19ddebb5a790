//! The few tunnel paths a network has, each stored once.

use std::collections::HashMap;

use crate::decode::{Few, Stripped};

/// What was stripped around a packet, outermost first.
type TunnelPath = Few<Stripped, 16>;

/// Distinct paths remembered per partition; flows on further ones carry no path.
const MOST_PATHS: usize = 4096;

/// Paths by number; number 0 is the empty path.
#[derive(Debug)]
pub(super) struct Paths {
    numbers: HashMap<TunnelPath, u16>,
    paths: Vec<TunnelPath>,
}

impl Paths {
    pub(super) fn new() -> Self {
        Paths { numbers: HashMap::new(), paths: vec![TunnelPath::default()] }
    }

    /// The number of `path`; 0 for the empty path and for any new one when there is no room.
    pub(super) fn intern(&mut self, path: &TunnelPath) -> u16 {
        if path.is_empty() {
            return 0;
        }
        if let Some(&number) = self.numbers.get(path) {
            return number;
        }
        if self.paths.len() >= MOST_PATHS {
            return 0;
        }
        let number = self.paths.len() as u16;
        self.paths.push(*path);
        self.numbers.insert(*path, number);
        number
    }

    /// The path with that number.
    pub(super) fn of(&self, number: u16) -> TunnelPath {
        self.paths.get(usize::from(number)).copied().unwrap_or_default()
    }
}
