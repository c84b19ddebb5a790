//! The few tunnel paths a network has, each stored once.

use std::collections::HashMap;
use std::sync::Arc;

use crate::decode::{Few, Stripped};

/// Everything stripped around a packet, outermost first.
pub type TunnelPath = Few<Stripped, 16>;

/// Distinct paths remembered per partition; flows on further ones carry no path.
const MOST_PATHS: usize = 4096;

/// Paths by number; number 0 is the empty path.
#[derive(Debug)]
pub(super) struct Paths {
    numbers: HashMap<TunnelPath, u16>,
    paths: Vec<Option<Arc<TunnelPath>>>,
}

impl Paths {
    pub(super) fn new() -> Self {
        Paths { numbers: HashMap::new(), paths: vec![None] }
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
        self.paths.push(Some(Arc::new(*path)));
        self.numbers.insert(*path, number);
        number
    }

    /// The path with that number; `None` for the empty one.
    pub(super) fn of(&self, number: u16) -> Option<Arc<TunnelPath>> {
        self.paths.get(usize::from(number)).cloned().flatten()
    }
}
