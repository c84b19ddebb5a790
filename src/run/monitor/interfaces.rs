//! Opens interfaces, and opens them again when they come back.
//!
//! A handle dies with its interface: it was deleted, or switched off. This thread looks for it every second, also under
//! another name, and gives every shard a new handle once it is there. Opening needs CAP_NET_RAW, which this thread alone
//! keeps; it reads nothing that comes from a network.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::news::{News, NewsKind};
use crate::capture::live::{self, DeviceState, Gone, Handle, LiveError, LiveOptions, Opening};
use crate::net::Timestamp;
use crate::net::deal::Deal;

/// How often interfaces are looked after.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a shard is told.
pub(super) enum ToShard {
    /// A new handle, in place of the one on its interface.
    Attach(Box<Handle>),
    /// Let go of what is on this interface.
    Detach(u16),
}

/// What a shard tells.
pub(super) enum FromShard {
    /// A handle ceased to deliver.
    Gone(Gone),
    /// The daemon ends.
    Stop,
}

/// What is known of one interface.
#[derive(Clone, Debug)]
pub(super) struct InterfaceReport {
    /// The name it has now.
    pub(super) name: String,
    pub(super) state: DeviceState,
    pub(super) is_open: bool,
    /// Since when it is in this state.
    pub(super) since: Timestamp,
    pub(super) reopened: u64,
    pub(super) last_error: String,
}

/// Interfaces, in the order of the configuration.
pub(super) struct Interfaces {
    list: Vec<Interface>,
    options: LiveOptions,
    deal: Deal,
    shards: u16,
    board: Arc<Mutex<Vec<InterfaceReport>>>,
    news: Sender<News>,
}

struct Interface {
    report: InterfaceReport,
    /// The name it was configured by.
    configured: String,
    /// Its number, which it keeps when it is renamed.
    index: Option<u32>,
    generation: u32,
}

impl Interfaces {
    /// The interfaces called `names`, none of them open.
    pub(super) fn new(names: &[String], options: LiveOptions, deal: Deal, shards: u16, news: Sender<News>) -> Self {
        let interface = |name: &String| Interface {
            report: InterfaceReport {
                name: name.clone(),
                state: live::device_state(name),
                is_open: false,
                since: crate::run::now(),
                reopened: 0,
                last_error: String::new(),
            },
            configured: name.clone(),
            index: live::device_index(name),
            generation: 0,
        };
        let list = names.iter().map(interface).collect();
        Interfaces { list, options, deal, shards, board: Arc::default(), news }
    }

    /// What is known of them, kept up to date.
    pub(super) fn board(&self) -> Arc<Mutex<Vec<InterfaceReport>>> {
        Arc::clone(&self.board)
    }

    /// Opens all that can be opened; handles by shard.
    ///
    /// # Errors
    /// None can: why the first cannot. One of them cannot ever: we may not, or the filter is wrong.
    pub(super) fn open_all(&mut self) -> Result<Vec<Vec<Handle>>, LiveError> {
        let mut by_shard: Vec<Vec<Handle>> = (0..self.shards).map(|_| Vec::new()).collect();
        let mut problems = VecDeque::new();
        for number in 0..self.list.len() {
            match self.open(number) {
                Ok(handles) => by_shard.iter_mut().zip(handles).for_each(|(shard, handle)| shard.push(handle)),
                Err(error @ (LiveError::Forbidden { .. } | LiveError::Filter { .. })) => return Err(error),
                Err(error) => problems.push_back(error),
            }
        }
        if problems.len() == self.list.len() {
            return match problems.pop_front() {
                Some(error) => Err(error),
                None => Ok(by_shard),
            };
        }
        for error in problems {
            self.tell(NewsKind::Trouble, format!("{error}; waiting for it"));
        }
        self.publish();
        Ok(by_shard)
    }

    /// Until the daemon ends.
    pub(super) fn run(mut self, events: &Receiver<FromShard>, shards: &[Sender<ToShard>]) {
        loop {
            match events.recv_timeout(LOOK_EVERY) {
                Ok(FromShard::Gone(gone)) => self.lose(&gone, shards),
                Ok(FromShard::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => self.look(shards),
            }
            self.publish();
        }
    }

    fn open(&mut self, number: usize) -> Result<Vec<Handle>, LiveError> {
        let Some(interface) = self.list.get_mut(number) else { return Ok(Vec::new()) };
        let opening = Opening {
            interface: number as u16,
            generation: interface.generation,
            shards: self.shards,
            deal: self.deal,
        };
        let opened = live::open(&interface.report.name, opening, &self.options);
        let report = &mut interface.report;
        match &opened {
            Ok(_) => {
                interface.index = live::device_index(&report.name);
                (report.is_open, report.since) = (true, crate::run::now());
            }
            Err(error) => report.last_error = error.to_string(),
        }
        opened
    }

    /// What a shard says of a handle that has died; no news where it was replaced meanwhile.
    fn lose(&mut self, gone: &Gone, shards: &[Sender<ToShard>]) {
        let number = usize::from(gone.interface);
        if self.list.get(number).is_some_and(|interface| interface.generation == gone.generation) {
            self.let_go(number, gone.error.to_string(), shards);
        }
    }

    /// Every shard lets go of an interface of which one handle has died: the others are dead, too, or soon.
    fn let_go(&mut self, number: usize, problem: String, shards: &[Sender<ToShard>]) {
        let Some(interface) = self.list.get_mut(number).filter(|interface| interface.report.is_open) else { return };
        interface.generation += 1;
        let text = format!("{problem}; nothing of it is seen until it is back");
        let report = &mut interface.report;
        (report.is_open, report.since, report.last_error) = (false, crate::run::now(), problem);
        report.state = live::device_state(&report.name);
        for shard in shards {
            // A shard that is gone needs nothing.
            let _ = shard.send(ToShard::Detach(number as u16));
        }
        self.tell(NewsKind::Trouble, text);
    }

    fn look(&mut self, shards: &[Sender<ToShard>]) {
        for number in 0..self.list.len() {
            self.look_at(number, shards);
            let is_away = self.list.get(number).is_some_and(|interface| !interface.report.is_open);
            if is_away {
                self.open_again(number, shards);
            }
        }
    }

    /// Notes a new name or a new state. What is read is known by its number: another interface may have taken its name.
    fn look_at(&mut self, number: usize, shards: &[Sender<ToShard>]) {
        let Some(interface) = self.list.get_mut(number) else { return };
        let report = &mut interface.report;
        let mut told = Vec::new();
        let known = interface.index.filter(|index| live::device_index(&report.name) != Some(*index));
        match known.map(live::device_named) {
            Some(Some(name)) => {
                told.push((NewsKind::Notice, format!("interface {} is now called {name}", report.name)));
                report.name = name;
            }
            Some(None) if report.is_open => {
                let problem = format!("interface {} is gone", report.name);
                return self.let_go(number, problem, shards);
            }
            Some(None) => report.name.clone_from(&interface.configured),
            None => {}
        }
        let state = live::device_state(&report.name);
        if state != report.state {
            (report.state, report.since) = (state, crate::run::now());
            // Where a handle dies with it, that tells more.
            if report.is_open && state != DeviceState::Gone {
                let kind = if state == DeviceState::Up { NewsKind::Recovered } else { NewsKind::Trouble };
                told.push((kind, format!("interface {}: the link is {}", report.name, state.as_str())));
            }
        }
        told.into_iter().for_each(|(kind, text)| self.tell(kind, text));
    }

    fn open_again(&mut self, number: usize, shards: &[Sender<ToShard>]) {
        let Ok(handles) = self.open(number) else { return };
        for (shard, handle) in shards.iter().zip(handles) {
            let _ = shard.send(ToShard::Attach(Box::new(handle)));
        }
        if let Some(interface) = self.list.get_mut(number) {
            interface.report.reopened += 1;
            interface.report.state = live::device_state(&interface.report.name);
            let text = format!("interface {} is back and read again", interface.report.name);
            self.tell(NewsKind::Recovered, text);
        }
    }

    fn tell(&self, kind: NewsKind, text: String) {
        // Whoever listens being gone means that the daemon ends.
        let _ = self.news.send(News { kind, text });
    }

    fn publish(&self) {
        if let Ok(mut board) = self.board.lock() {
            board.clear();
            board.extend(self.list.iter().map(|interface| interface.report.clone()));
        }
    }
}
