//! Any frame below IP through the readers of what devices announce there.
//!
//! Input: the frame. What is announced is of bounded length and without control characters, names or describes a device,
//! and is the same with a VLAN tag.

use borderflow::inspect::{Announcement, below_ip};

/// Longest text that an announcement holds: a TLV of LLDP (IEEE 802.1AB), in which each byte may be replaced by three.
const MOST_TEXT: usize = 511 * 3;

/// Checks one input.
pub fn check(data: &[u8]) {
    let said = below_ip(data);
    said.iter().for_each(check_announcement);
    if let Some((addresses, rest)) = data.split_at_checked(12)
        && !rest.starts_with(&[0x81, 0])
    {
        let tagged = [addresses, &[0x81, 0, 0x20, 7], rest].concat();
        assert_eq!(below_ip(&tagged), said, "a VLAN tag makes a difference");
    }
}

fn check_announcement(said: &Announcement) {
    assert!(said.by == "lldp" || said.by == "cdp", "{said:?}");
    assert!(said.mac.is_some(), "{said:?}");
    assert!(said.name.is_some() || said.model.is_some(), "{said:?}");
    for text in said.name.iter().chain(&said.model) {
        assert!(!text.is_empty() && text.len() <= MOST_TEXT && !text.chars().any(char::is_control), "{said:?}");
    }
}
