//! Who made a device, by its MAC address: the registrant of the longest prefix (IEEE MA-S 36, MA-M 28, MA-L 24 bits),
//! and the maker that registrant is known to be.
//!
//! A locally administered or group address names nobody. The registrant's postal address says nothing about who
//! controls it, so it is not used. A module's maker is weak evidence: the brand on the device is unknown.

use std::collections::HashMap;

use super::catalogue::{CatalogueError, OwnerId, Row, RowError, Status, Text, shipped};
use crate::net::{Country, MacAddr};

const COLUMNS: [&str; 8] =
    ["registrant", "vendor", "device_class", "jurisdiction", "status", "counts_as", "source", "date"];
const REGISTRY: &[u8] = include_bytes!("../../geoip/oui.tsv.zst");
const REGISTRY_LIMIT_BYTES: usize = 16 << 20;
/// Prefix lengths in bits, longest first.
const LENGTHS: [u8; 3] = [36, 28, 24];

/// What a maker makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Product {
    /// Devices under its own brand.
    Brand,
    /// Radio modules and chips inside other brands' devices.
    Module,
}

/// A registrant known as the maker of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maker {
    /// Name in the IEEE registry.
    pub registrant: Text,
    /// The brand, or the maker of the module.
    pub vendor: Text,
    /// Kind of device.
    pub device_class: Text,
    /// Jurisdiction of the vendor's controlling parent.
    pub jurisdiction: Country,
    /// Whether it counts.
    pub status: Status,
    /// What it makes.
    pub product: Product,
    /// Where it is from.
    pub source: Text,
    /// When that was looked at.
    pub date: Text,
    pub(super) owner: OwnerId,
}

/// What a MAC address tells of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device<'a> {
    /// Who registered the prefix.
    pub registrant: &'a str,
    /// Who that is, where known.
    pub maker: Option<&'a Maker>,
}

/// The registry of MAC prefixes and the makers among its registrants.
#[derive(Debug, Default)]
pub struct Makers {
    rows: Vec<Maker>,
    by_registrant: HashMap<Text, u32>,
    review: bool,
    registry: String,
    /// Prefix and length as in [`key`], and start and length of the registrant's name in `registry`; sorted.
    prefixes: Vec<(u64, u32, u32)>,
}

/// What the program ships.
pub(super) fn embedded(review: bool) -> Result<Makers, CatalogueError> {
    let mut rows: Vec<Maker> = Vec::new();
    shipped("geoip/devices.tsv", include_str!("../../geoip/devices.tsv"), &COLUMNS, |row| {
        Maker::read(row).map(|row| rows.push(row))
    })?;
    let registry = zstd::bulk::decompress(REGISTRY, REGISTRY_LIMIT_BYTES).map_err(|_| CatalogueError::Registry)?;
    let registry = String::from_utf8(registry).map_err(|_| CatalogueError::Registry)?;
    let mut prefixes = Vec::with_capacity(60_000);
    let mut start = 0_usize;
    for line in registry.split_inclusive('\n') {
        let (name, listed) = line.trim_end().split_once('\t').ok_or(CatalogueError::Registry)?;
        for prefix in listed.split(' ') {
            let bits = u64::from_str_radix(prefix, 16).map_err(|_| CatalogueError::Registry)?;
            let length = prefix.len() as u8 * 4;
            prefixes.push((
                key(bits << (48_u32.saturating_sub(length.into())), length),
                start as u32,
                name.len() as u32,
            ));
        }
        start += line.len();
    }
    prefixes.sort_unstable();
    let by_registrant = rows.iter().zip(0..).map(|(row, place)| (row.registrant.clone(), place)).collect();
    Ok(Makers { rows, by_registrant, review, registry, prefixes })
}

/// The upper `length` bits of `mac`, and the length.
fn key(mac: u64, length: u8) -> u64 {
    let dropped = 48_u32.saturating_sub(length.into());
    (mac >> dropped << dropped) << 8 | u64::from(length)
}

impl Maker {
    fn read(row: &Row<'_>) -> Result<Self, RowError> {
        Ok(Maker {
            registrant: row.text(0)?,
            vendor: row.text(1)?,
            device_class: row.text(2)?,
            jurisdiction: row.parsed(3)?,
            status: row.parsed(4)?,
            product: row.parsed(5)?,
            source: row.text(6)?,
            date: row.text(7)?,
            owner: OwnerId::default(),
        })
    }
}

impl std::str::FromStr for Product {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "brand" => Ok(Product::Brand),
            "module" => Ok(Product::Module),
            _ => Err("expected brand or module"),
        }
    }
}

impl Makers {
    /// Whose device has address `mac`; `None` for addresses nobody registered, locally administered and group ones.
    #[must_use]
    pub fn of(&self, mac: MacAddr) -> Option<Device<'_>> {
        if mac.is_group() || mac.is_local() {
            return None;
        }
        let bits = mac.0.iter().fold(0_u64, |bits, octet| bits << 8 | u64::from(*octet));
        let registrant = LENGTHS.iter().find_map(|&length| self.registrant(key(bits, length)))?;
        Some(Device { registrant, maker: self.of_registrant(registrant) })
    }

    fn registrant(&self, key: u64) -> Option<&str> {
        let place = self.prefixes.binary_search_by_key(&key, |(key, _, _)| *key).ok()?;
        let (_, start, length) = *self.prefixes.get(place)?;
        self.registry.get(start as usize..start as usize + length as usize)
    }

    /// The maker of that exact name in the registry, as certificates write it too.
    #[must_use]
    pub fn of_registrant(&self, name: &str) -> Option<&Maker> {
        let maker = self.rows.get(*self.by_registrant.get(name)? as usize)?;
        (self.review || maker.status == Status::Listed).then_some(maker)
    }

    /// Every known maker, those that do not count too, by registrant.
    #[must_use]
    pub fn rows(&self) -> &[Maker] {
        &self.rows
    }

    pub(super) fn name_owners(&mut self, id: impl Fn(&str) -> OwnerId) {
        self.rows.iter_mut().for_each(|row| row.owner = id(&row.vendor));
    }
}
