//! The columns hold what was put into them, however the ranges lie.

use proptest::prelude::*;

use super::*;

/// Ascending ranges with gaps and touching neighbours; IPv6 boundaries fall on and inside /64s.
fn ranges() -> impl Strategy<Value = Vec<(u128, u128, u32)>> {
    let step = prop_oneof![Just(0), 0..9_u128, (1..4_u128).prop_map(|halves| halves << 64), Just(3 << 100)];
    let range = (step.clone(), step, 1..4_u32);
    prop::collection::vec(range, 0..40).prop_map(|steps| {
        let mut next = 0;
        let mut ranges = Vec::new();
        for (gap, length, row) in steps {
            ranges.push((next + gap, next + gap + length, row));
            next = next + gap + length + 1;
        }
        ranges
    })
}

fn naive(ranges: &[(u128, u128, u32)], address: u128) -> u32 {
    ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&address)).map_or(UNKNOWN, |range| range.2)
}

proptest! {
    #[test]
    fn a_look_up_finds_what_a_search_of_the_ranges_finds(ranges in ranges()) {
        let mut table = TableBuilder::new();
        for (first, last, row) in &ranges {
            table.push_v6(*first, *last, *row).unwrap();
        }
        let table = Table::decode(&table.finish().encode()).unwrap();
        let edges = ranges.iter().flat_map(|(first, last, _)| [*first, *last]);
        for edge in edges.chain([0, u128::MAX]) {
            for address in [edge.saturating_sub(1), edge, edge.saturating_add(1), edge ^ 1 << 63, edge | 0xffff] {
                prop_assert_eq!(table.row_v6(address), naive(&ranges, address), "{:x}", address);
            }
        }
    }

    #[test]
    fn damaged_columns_are_refused_or_read_but_never_panic(cut in 0..200_usize, at in 0..200_usize, bit in 0..8_u8) {
        let mut table = TableBuilder::new();
        let row = table.row(45102, "Alibaba").unwrap();
        table.push_v4(1, 2, row).unwrap();
        table.push_v6(1, 1 << 70, row).unwrap();
        let mut bytes = table.finish().encode();
        prop_assert!(Table::decode(bytes.get(..cut.min(bytes.len() - 1)).unwrap()).is_none());
        let at = at % bytes.len();
        bytes[at] ^= 1_u8 << bit;
        if let Some(table) = Table::decode(&bytes) {
            for address in [0, 1, 2, u32::MAX] {
                table.entry(table.row_v4(address));
                table.entry(table.row_v6(u128::from(address) << 60));
            }
        }
    }
}

#[test]
fn the_later_start_wins_where_ranges_overlap_and_disorder_is_refused() {
    let mut table = TableBuilder::new();
    let (one, two) = (table.row(1, "").unwrap(), table.row(2, "").unwrap());
    table.push_v4(10, 20, one).unwrap();
    table.push_v4(15, 30, two).unwrap();
    assert_eq!(table.push_v4(15, 40, one), Err(OutOfOrder));
    assert_eq!(table.push_v4(16, 30, one), Err(OutOfOrder));
    assert_eq!(table.push_v4(50, 40, one), Err(OutOfOrder));
    table.push_v4(u32::MAX, u32::MAX, one).unwrap();
    let table = table.finish();
    let found = [9, 10, 14, 15, 30, 31, u32::MAX].map(|address| table.entry(table.row_v4(address)).0);
    assert_eq!(found, [0, 1, 1, 2, 2, 0, 1]);
}

#[test]
fn equal_neighbours_become_one_range() {
    let mut table = TableBuilder::new();
    let row = table.row(0, "DE").unwrap();
    assert_eq!(table.row(0, "DE"), Ok(row));
    for first in [0, 256, 512] {
        table.push_v4(first, first + 255, row).unwrap();
    }
    let table = table.finish();
    assert_eq!(table.row_count(), 2);
    assert_eq!(table.starts().0, [0, 768]);
}
