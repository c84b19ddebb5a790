//! What every reader of messages must withstand: any bytes, and its own messages damaged.

use super::{Message, Reading};
use proptest::prelude::*;
use proptest::sample::Index;

/// Holds a reader to what whoever follows a flow relies on: no panic, and never a message without length.
pub(super) fn withstands(read: for<'a> fn(&'a [u8]) -> Reading<Message<'a>>, golden: &[u8]) {
    let advances = |bytes: &[u8]| !matches!(read(bytes), Reading::Found(Message { length: 0, .. }));
    for end in 0..=golden.len() {
        assert!(advances(&golden[..end]), "cut to {end}");
    }
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..96))| prop_assert!(advances(&bytes)));
    let changes = prop::collection::vec((any::<Index>(), any::<u8>()), 1..4);
    proptest!(|(changes in changes, cut in any::<Index>())| {
        let mut bytes = golden.to_vec();
        changes.iter().for_each(|(at, byte)| bytes[at.index(golden.len())] = *byte);
        bytes.truncate(golden.len().min(cut.index(golden.len()) * 2 + 1));
        prop_assert!(advances(&bytes));
    });
}
