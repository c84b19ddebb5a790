//! The data inside the binary, as `build.rs` made it.

use super::catalogue::shipped;
use super::columns::Table;
use super::{GeoError, Role, Source};

const CATALOGUE: &str = include_str!("../../../geoip/sources.tsv");
const COUNTRY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/country.columns.zst"));
const ASN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/asn.columns.zst"));

/// Unpacks the table of a role.
pub(super) fn open(role: Role) -> Result<(Table, Source), GeoError> {
    let (name, compressed) = match role {
        Role::Country => ("country", COUNTRY),
        Role::Asn => ("asn", ASN),
    };
    let damaged = |reason: &str| GeoError::Shipped { role, reason: reason.to_owned() };
    let (length, compressed) = compressed.split_first_chunk().ok_or_else(|| damaged("it is empty"))?;
    let length = u32::from_le_bytes(*length) as usize;
    let bytes = zstd::bulk::decompress(compressed, length).map_err(|error| damaged(&error.to_string()))?;
    let table = Table::decode(&bytes).ok_or_else(|| damaged("its columns do not fit each other"))?;
    let line = shipped(CATALOGUE).find(|line| line.role == name).ok_or_else(|| damaged("its source is not named"))?;
    let source = Source {
        role,
        name: line.name.to_owned(),
        path: None,
        date: line.date.to_owned(),
        licence: Some(line.licence.to_owned()),
        attribution: Some(line.attribution.to_owned()),
        url: Some(line.url.to_owned()),
        range_count: table.range_count(),
    };
    Ok((table, source))
}
