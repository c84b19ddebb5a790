//! A MaxMind database (MaxMind DB file format 2.0) read into columns.
//!
//! The file is hostile until proven otherwise. Its search tree may share nodes, so that a few hundred bytes describe
//! 2^128 networks; `maxminddb` walks such a tree without end where the networks are empty or alias IPv4, in
//! `Reader::verify` too, which besides refuses the empty `description` that ip-location-db's good files have. So the
//! walk here asks for every leaf, also the empty and aliased ones, and counts them: a tree has at most one leaf more
//! than it has nodes. Each record that can be reached is decoded, once, and that is the check of the data section.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use maxminddb::{LookupResult, Reader, WithinOptions};

use super::carried::{Block, native_blocks};
use super::catalogue::day_of_epoch;
use super::columns::{OutOfOrder, Table, TableBuilder, TooManyRows};
use super::record::Record;
use super::{GeoError, Role, Source};

const LIMIT_BYTES: u64 = 1 << 30;
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// Reads the database at `path` for `role`.
pub(super) fn open(role: Role, path: &Path) -> Result<(Table, Source), GeoError> {
    let bytes = read(role, path)?;
    flatten(role, path, &bytes)
}

fn read(role: Role, path: &Path) -> Result<Vec<u8>, GeoError> {
    let failed = |error| GeoError::Read { role, path: path.to_owned(), error };
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut bytes = Vec::new();
    file.take(LIMIT_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.is_empty() {
        return Err(GeoError::Empty { path: path.to_owned() });
    }
    if bytes.len() as u64 > LIMIT_BYTES {
        return Err(GeoError::TooLarge { path: path.to_owned(), bytes: size, limit_bytes: LIMIT_BYTES });
    }
    Ok(bytes)
}

/// Turns the bytes of a database into columns; `path` is for messages and the source.
fn flatten(role: Role, path: &Path, bytes: &[u8]) -> Result<(Table, Source), GeoError> {
    if !bytes.windows(MARKER.len()).rev().any(|window| window == MARKER) {
        return Err(GeoError::NotMmdb { path: path.to_owned(), bytes: bytes.len() as u64 });
    }
    let corrupt = |reason: String| GeoError::Corrupt { path: path.to_owned(), reason };
    let reader = Reader::from_source(bytes).map_err(|error| corrupt(error.to_string()))?;
    if reader.metadata().ip_version != 6 {
        return Err(GeoError::Ipv4Only { path: path.to_owned() });
    }
    let mut walk = Walk::new(role, &reader);
    walk.all().map_err(corrupt)?;
    let Walk { table, seen, .. } = walk;
    if !seen.fills(role) {
        return Err(GeoError::WrongRole { role, path: path.to_owned(), found: seen.describe() });
    }
    let table = table.finish();
    let source = Source {
        role,
        name: reader.metadata().database_type.clone(),
        path: Some(path.to_owned()),
        date: day_of_epoch(reader.metadata().build_epoch),
        licence: None,
        attribution: None,
        url: None,
        range_count: table.range_count(),
    };
    Ok((table, source))
}

/// What the records of a file hold.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    records: bool,
    country: bool,
    asn: bool,
    systems: bool,
}

impl Seen {
    fn note(&mut self, record: &Record<'_>) {
        self.records = true;
        self.country |= record.country_code().is_some();
        self.asn |= record.asn().is_some();
        self.systems |= record.describes_a_system();
    }

    fn fills(self, role: Role) -> bool {
        match role {
            Role::Country => self.country,
            Role::Asn => self.asn,
        }
    }

    fn describe(self) -> String {
        match self {
            Seen { records: false, .. } => "it holds no records",
            Seen { systems: true, .. } => {
                "it is an ASN database (a country in it is the one the system is registered in, not the address's)"
            }
            Seen { asn: true, .. } => "it is an ASN database",
            Seen { country: true, .. } => "it is a country database",
            _ => "its records have neither a country code nor an AS number in a known field",
        }
        .to_owned()
    }
}

/// A walk over all networks of a database.
struct Walk<'a, 'b> {
    role: Role,
    reader: &'a Reader<&'b [u8]>,
    table: TableBuilder,
    /// Row by offset of the record.
    rows: HashMap<usize, u32>,
    seen: Seen,
    leaves_left: u64,
}

impl<'a, 'b> Walk<'a, 'b> {
    fn new(role: Role, reader: &'a Reader<&'b [u8]>) -> Self {
        let blocks = native_blocks().len() as u64 + 1;
        // IPv4 and IPv6 are walked apart, and a block inside a leaf meets that leaf again.
        let leaves_left = 2 * (u64::from(reader.metadata().node_count) + 1) + blocks;
        Walk { role, reader, table: TableBuilder::new(), rows: HashMap::new(), seen: Seen::default(), leaves_left }
    }

    fn all(&mut self) -> Result<(), String> {
        self.leaves("0.0.0.0/0", |table, leaf, row| match leaf {
            (IpAddr::V4(first), length) => {
                table.push_v4(first.to_bits(), first.to_bits() | u32::MAX.checked_shr(length.into()).unwrap_or(0), row)
            }
            // No IPv4 subtree: one IPv6 leaf answers for all of IPv4.
            (IpAddr::V6(_), _) => table.push_v4(0, u32::MAX, row),
        })?;
        for block in native_blocks() {
            self.leaves(&format!("{}/{}", Ipv6Addr::from_bits(block.bits), block.length), |table, leaf, row| {
                let (IpAddr::V6(first), length) = leaf else { return Err(OutOfOrder) };
                let leaf = Block { bits: first.to_bits(), length };
                table.push_v6(leaf.bits.max(block.bits), leaf.last().min(block.last()), row)
            })?;
        }
        Ok(())
    }

    fn leaves(
        &mut self,
        within: &str,
        mut push: impl FnMut(&mut TableBuilder, (IpAddr, u8), u32) -> Result<(), OutOfOrder>,
    ) -> Result<(), String> {
        let options = WithinOptions::default().include_networks_without_data().include_aliased_networks();
        let network = within.parse().map_err(|error| format!("{within}: {error}"))?;
        for leaf in self.reader.within(network, options).map_err(|error| error.to_string())? {
            let leaf = leaf.map_err(|error| error.to_string())?;
            self.leaves_left = self.leaves_left.checked_sub(1).ok_or("its search tree is no tree: nodes are shared")?;
            if let Some(offset) = leaf.offset() {
                let network = leaf.network().map_err(|error| error.to_string())?;
                let row = self.row(offset, &leaf).map_err(|reason| format!("record of {network}: {reason}"))?;
                push(&mut self.table, (network.network(), network.prefix()), row)
                    .map_err(|OutOfOrder| format!("{network} is out of order in its search tree"))?;
            }
        }
        Ok(())
    }

    fn row(&mut self, offset: usize, leaf: &LookupResult<'_, &[u8]>) -> Result<u32, String> {
        if let Some(row) = self.rows.get(&offset) {
            return Ok(*row);
        }
        let record: Record<'_> = leaf.decode().map_err(|error| error.to_string())?.unwrap_or_default();
        self.seen.note(&record);
        let (number, text) = match self.role {
            Role::Country => (0, record.country_code()),
            Role::Asn => (record.asn().unwrap_or(0), record.organization()),
        };
        let row = self
            .table
            .row(number, text.unwrap_or(""))
            .map_err(|TooManyRows| "it and those before it hold more text than a database of this kind".to_owned())?;
        self.rows.insert(offset, row);
        Ok(row)
    }
}
