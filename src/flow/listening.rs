//! Lends the buffers of inspection to the few flows that need them.

use crate::inspect::{End, Open};

/// No buffers lent.
pub(super) const NONE: u16 = u16::MAX;

/// A fixed number of buffers; when all are lent, the flow that has held its own longest loses them.
#[derive(Debug)]
pub(super) struct Lending {
    opens: Vec<Open>,
    /// The flow's slot that has each.
    holders: Vec<u32>,
    /// The next to be taken away.
    hand: usize,
    capacity: usize,
    /// Inspections cut short for want of buffers.
    pub(super) withdrawn: u64,
}

/// The offer of buffers to one flow, which may do without.
pub(super) struct Loan<'a> {
    pub(super) lending: &'a mut Lending,
    pub(super) slot: u32,
    /// The buffers the flow has, or [`NONE`].
    pub(super) number: &'a mut u16,
    /// The flow that lost its buffers to this one.
    pub(super) loser: &'a mut Option<u32>,
}

impl<'a> Loan<'a> {
    /// Takes the offer.
    pub(super) fn buffers(self) -> Option<&'a mut Open> {
        if *self.number == NONE {
            (*self.number, *self.loser) = self.lending.lend(self.slot);
        }
        self.lending.opens.get_mut(usize::from(*self.number))
    }
}

impl Lending {
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, usize::from(NONE));
        Lending {
            opens: (0..capacity).map(|_| Open::default()).collect(),
            holders: vec![super::slot::NIL; capacity],
            hand: 0,
            capacity,
            withdrawn: 0,
        }
    }

    /// Lends cleared buffers to a slot: their number, and the slot that loses them, if any.
    pub(super) fn lend(&mut self, slot: u32) -> (u16, Option<u32>) {
        let number = self.free().unwrap_or(self.hand);
        self.hand = (number + 1) % self.capacity;
        let Some(holder) = self.holders.get_mut(number) else { return (NONE, None) };
        let loser = std::mem::replace(holder, slot);
        if let Some(open) = self.opens.get_mut(number) {
            open.clear();
        }
        let loser = (loser != super::slot::NIL).then_some(loser);
        self.withdrawn += u64::from(loser.is_some());
        (number as u16, loser)
    }

    /// What is known of the beginning of a direction in lent buffers.
    pub(super) fn whole(&self, number: u16, end: End) -> Option<&[u8]> {
        Some(self.opens.get(usize::from(number))?.whole(end))
    }

    fn free(&self) -> Option<usize> {
        self.holders.iter().position(|&holder| holder == super::slot::NIL)
    }

    /// Takes buffers back.
    pub(super) fn give_back(&mut self, number: u16) {
        if let Some(holder) = self.holders.get_mut(usize::from(number)) {
            *holder = super::slot::NIL;
        }
    }
}
