//! Assets: the monitored hosts, and who of two hosts is one of them.
//!
//! A host is *home* where its address lies in a home network or in a declared asset, or is link-local (which is on the
//! monitored link by definition). A home host belongs to the asset that declares its address, else to the one that
//! declares its MAC, else it is an asset of its own, known by its address. Prefixes of different assets never
//! overlap. A MAC names a home host only: behind a router every remote address has the router's MAC.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use crate::net::{MacAddr, Map, Prefix, PrefixMap, Scope};

/// How much depends on an asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Criticality {
    /// Its loss or disclosure would hardly matter.
    Low,
    /// The default, also for hosts nobody declared.
    #[default]
    Medium,
    /// A service would suffer.
    High,
    /// A regulated service would fail.
    Critical,
}

impl Criticality {
    /// Its name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Criticality::Low => "low",
            Criticality::Medium => "medium",
            Criticality::High => "high",
            Criticality::Critical => "critical",
        }
    }
}

impl fmt::Display for Criticality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A monitored host, or several that are one thing to its owner, as declared in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asset {
    /// Unique among the assets; what alerts call it.
    pub name: String,
    /// Its addresses.
    pub prefixes: Vec<Prefix>,
    /// Its hardware addresses.
    pub macs: Vec<MacAddr>,
    /// Sector of the regulated service, such as `energy`.
    pub sector: Option<String>,
    /// How much depends on it.
    pub criticality: Criticality,
    /// Who made or maintains it.
    pub supplier: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
}

/// Identity of an asset within one configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssetKey {
    /// A declared asset, by its place in the configuration (from 0).
    Declared(u32),
    /// A home host nobody declared.
    Address(IpAddr),
}

/// Who of a flow's two ends is home; `network.direction` of ECS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// A remote host began it with a home host.
    Inbound,
    /// A home host began it with a remote host.
    Outbound,
    /// Between home hosts, or a home host and a group or broadcast address.
    Internal,
    /// Neither end is home.
    External,
}

impl Direction {
    /// The ECS value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
            Direction::Internal => "internal",
            Direction::External => "external",
        }
    }
}

/// A prefix of a declared asset by its place: the asset's, and the prefix's within the asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixRef {
    /// Index of the asset.
    pub asset: usize,
    /// Index in [`Asset::prefixes`].
    pub prefix: usize,
}

/// Why a set of assets is ambiguous.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssetConflict {
    /// Two assets (by index) have one name.
    Name(usize, usize),
    /// Prefixes of two assets have an address in common.
    Prefix(PrefixRef, PrefixRef),
    /// Two assets (by index) declare one hardware address.
    Mac(usize, usize, MacAddr),
}

/// The home networks and the declared assets.
#[derive(Clone, Debug, Default)]
pub struct Assets {
    home: PrefixMap<()>,
    declared: Vec<Asset>,
    by_address: PrefixMap<u32>,
    by_mac: Map<MacAddr, u32>,
}

impl Assets {
    /// From the home networks and the declared assets, which must not be ambiguous.
    pub fn new(home: &[Prefix], declared: Vec<Asset>) -> Result<Self, AssetConflict> {
        let mut assets = Assets::default();
        for &prefix in home {
            assets.home.insert(prefix, ());
        }
        check_names(&declared)?;
        check_prefixes(&declared)?;
        for (number, asset) in (0u32..).zip(&declared) {
            for &prefix in &asset.prefixes {
                assets.by_address.insert(prefix, number);
            }
            for &mac in &asset.macs {
                match assets.by_mac.insert(mac, number) {
                    Some(other) if other != number => {
                        return Err(AssetConflict::Mac(other as usize, number as usize, mac));
                    }
                    _ => {}
                }
            }
        }
        assets.declared = declared;
        Ok(assets)
    }

    /// True where the host at `address` is monitored.
    #[must_use]
    pub fn is_home(&self, address: IpAddr) -> bool {
        let scope = Scope::of(address);
        scope.is_host()
            && (scope == Scope::LinkLocal
                || self.home.longest(address).is_some()
                || self.by_address.longest(address).is_some())
    }

    /// The asset of a home host, or `None` for any other address. `mac` is its hardware address, where known.
    #[must_use]
    pub fn identify(&self, address: IpAddr, mac: Option<MacAddr>) -> Option<AssetKey> {
        if !self.is_home(address) {
            return None;
        }
        let by_address = self.by_address.longest(address).map(|(_, number)| number);
        let declared = by_address.or_else(|| self.by_mac.get(&mac?));
        Some(declared.map_or(AssetKey::Address(address), |&number| AssetKey::Declared(number)))
    }

    /// The direction of a flow. Addresses that name no single host (multicast, broadcast, none yet) take the side of
    /// the other end.
    #[must_use]
    pub fn direction(&self, initiator: IpAddr, responder: IpAddr) -> Direction {
        let side = |address| Scope::of(address).is_host().then(|| self.is_home(address));
        match (side(initiator), side(responder)) {
            (Some(true) | None, Some(true)) | (Some(true), None) | (None, None) => Direction::Internal,
            (Some(false), Some(true)) => Direction::Inbound,
            (Some(true), Some(false)) => Direction::Outbound,
            (Some(false), Some(false) | None) | (None, Some(false)) => Direction::External,
        }
    }

    /// What was declared of an asset; `None` for a host known by its address.
    #[must_use]
    pub fn declaration(&self, key: AssetKey) -> Option<&Asset> {
        match key {
            AssetKey::Declared(number) => self.declared.get(number as usize),
            AssetKey::Address(_) => None,
        }
    }

    /// The declared name, or the address.
    #[must_use]
    pub fn name(&self, key: AssetKey) -> Cow<'_, str> {
        match (self.declaration(key), key) {
            (Some(asset), _) => Cow::Borrowed(&asset.name),
            (None, AssetKey::Address(address)) => Cow::Owned(address.to_string()),
            (None, AssetKey::Declared(number)) => Cow::Owned(format!("asset {number}")),
        }
    }

    /// The declared criticality; medium for a host known by its address.
    #[must_use]
    pub fn criticality(&self, key: AssetKey) -> Criticality {
        self.declaration(key).map_or(Criticality::default(), |asset| asset.criticality)
    }

    /// The declared assets; an asset's index is the number in [`AssetKey::Declared`].
    #[must_use]
    pub fn declared(&self) -> &[Asset] {
        &self.declared
    }
}

fn check_names(declared: &[Asset]) -> Result<(), AssetConflict> {
    let mut seen = HashMap::new();
    for (index, asset) in declared.iter().enumerate() {
        if let Some(other) = seen.insert(asset.name.as_str(), index) {
            return Err(AssetConflict::Name(other, index));
        }
    }
    Ok(())
}

/// Prefixes nest or are apart, so in address order each can only overlap the last one not inside another.
fn check_prefixes(declared: &[Asset]) -> Result<(), AssetConflict> {
    let mut ordered: Vec<(Prefix, PrefixRef)> = declared
        .iter()
        .enumerate()
        .flat_map(|(asset, declaration)| {
            declaration.prefixes.iter().enumerate().map(move |(prefix, &value)| (value, PrefixRef { asset, prefix }))
        })
        .collect();
    ordered.sort_by_key(|(prefix, _)| (prefix.version(), prefix.first_bits(), prefix.length()));
    let mut outer: Option<(Prefix, PrefixRef)> = None;
    for (prefix, place) in ordered {
        match outer {
            Some((around, holder)) if around.overlaps(prefix) => {
                if holder.asset != place.asset {
                    let in_order = holder.asset < place.asset;
                    let (first, second) = if in_order { (holder, place) } else { (place, holder) };
                    return Err(AssetConflict::Prefix(first, second));
                }
            }
            _ => outer = Some((prefix, place)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn asset(name: &str, prefixes: &[&str], macs: &[&str]) -> Asset {
        Asset {
            name: name.into(),
            prefixes: prefixes.iter().map(|text| text.parse().unwrap()).collect(),
            macs: macs.iter().map(|text| text.parse().unwrap()).collect(),
            ..Asset::default()
        }
    }

    fn plant() -> Assets {
        let home = ["10.0.0.0/8".parse().unwrap()];
        let declared =
            vec![asset("pump", &["10.1.0.0/16", "147.32.1.1"], &[]), asset("camera", &[], &["00:11:22:33:44:55"])];
        Assets::new(&home, declared).unwrap()
    }

    #[test]
    fn a_host_belongs_to_the_asset_of_its_address_then_of_its_mac_then_to_itself() {
        let assets = plant();
        let camera = "00:11:22:33:44:55".parse().ok();
        assert_eq!(assets.identify(ip("10.1.2.3"), camera), Some(AssetKey::Declared(0)));
        assert_eq!(assets.identify(ip("147.32.1.1"), None), Some(AssetKey::Declared(0)));
        assert_eq!(assets.identify(ip("10.2.0.1"), camera), Some(AssetKey::Declared(1)));
        assert_eq!(assets.identify(ip("fe80::1"), camera), Some(AssetKey::Declared(1)));
        let key = assets.identify(ip("10.2.0.1"), None).unwrap();
        assert_eq!((assets.name(key).as_ref(), assets.criticality(key)), ("10.2.0.1", Criticality::Medium));
    }

    #[test]
    fn a_remote_host_is_no_asset_even_behind_the_mac_of_one() {
        let camera = "00:11:22:33:44:55".parse().ok();
        assert_eq!(plant().identify(ip("1.2.3.4"), camera), None);
        assert_eq!(plant().identify(ip("224.0.0.1"), camera), None);
    }

    #[test]
    fn direction_follows_who_is_home() {
        let assets = plant();
        for (initiator, responder, expected) in [
            ("10.2.0.1", "1.2.3.4", Direction::Outbound),
            ("1.2.3.4", "147.32.1.1", Direction::Inbound),
            ("10.2.0.1", "147.32.1.1", Direction::Internal),
            ("1.2.3.4", "8.8.8.8", Direction::External),
            ("10.2.0.1", "239.255.255.250", Direction::Internal),
            ("10.2.0.1", "255.255.255.255", Direction::Internal),
            ("0.0.0.0", "255.255.255.255", Direction::Internal),
            ("1.2.3.4", "224.0.0.5", Direction::External),
            ("fe80::1", "ff02::fb", Direction::Internal),
        ] {
            assert_eq!(assets.direction(ip(initiator), ip(responder)), expected, "{initiator} to {responder}");
        }
    }

    #[test]
    fn ambiguous_assets_are_refused() {
        let refuse = |assets: Vec<Asset>| Assets::new(&[], assets).unwrap_err();
        let place = |asset, prefix| PrefixRef { asset, prefix };
        assert_eq!(
            refuse(vec![
                asset("a", &["192.168.0.0/24", "10.0.5.0/24"], &[]),
                asset("b", &["11.0.0.0/8", "10.0.0.0/16"], &[])
            ]),
            AssetConflict::Prefix(place(0, 1), place(1, 1))
        );
        assert_eq!(
            refuse(vec![asset("a", &["10.0.0.0/8", "10.1.0.0/16"], &[]), asset("b", &["10.2.0.0/16"], &[])]),
            AssetConflict::Prefix(place(0, 0), place(1, 0))
        );
        assert_eq!(refuse(vec![asset("a", &["::1"], &[]), asset("a", &["::2"], &[])]), AssetConflict::Name(0, 1));
        let mac = "00:11:22:33:44:55";
        assert_eq!(
            refuse(vec![asset("a", &[], &[mac]), asset("b", &[], &[mac])]),
            AssetConflict::Mac(0, 1, mac.parse().unwrap())
        );
        assert!(Assets::new(&[], vec![asset("a", &["10.0.0.0/8", "10.1.0.0/16"], &[mac, mac])]).is_ok());
    }
}
