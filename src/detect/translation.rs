//! From the numbers of one configuration to those of the next: the same assets, owners and exceptions by their names.

use std::collections::HashMap;

use super::ledger::LedgerKey;
use super::saved::Names;
use super::{AssetKey, Entity, Policy, Relation};
use crate::attribute::Attributor;

/// Leads from the places of the former policy and catalogues to those of the new.
pub(super) struct Translation<'a> {
    former: Names<'a>,
    names: Names<'a>,
    /// By the former place.
    assets: Vec<Option<AssetKey>>,
    exceptions: Vec<Option<u32>>,
    is_same_catalogue: bool,
}

impl<'a> Translation<'a> {
    pub(super) fn new(former: &'a Policy, before: &'a Attributor, policy: &'a Policy, now: &'a Attributor) -> Self {
        let declared = policy.assets.declared().iter().map(|asset| asset.name.as_str());
        let assets: HashMap<&str, u32> = declared.zip(0..).collect();
        let exceptions: HashMap<&str, u32> = policy.exceptions.iter().map(|it| it.name.as_str()).zip(0..).collect();
        let formerly = former.assets.declared().iter();
        Translation {
            assets: formerly.map(|it| assets.get(it.name.as_str()).map(|place| AssetKey::Declared(*place))).collect(),
            exceptions: former.exceptions.iter().map(|it| exceptions.get(it.name.as_str()).copied()).collect(),
            is_same_catalogue: std::ptr::eq(before, now),
            former: Names { policy: former, attributor: before },
            names: Names { policy, attributor: now },
        }
    }

    /// `None` where its asset, owner or exception is no longer known.
    pub(super) fn relation(&self, relation: &Relation) -> Option<Relation> {
        let asset = match relation.asset {
            Some(asset) => Some(self.asset(asset)?),
            None => None,
        };
        let accepted = match relation.accepted {
            Some(place) => Some((*self.exceptions.get(place as usize)?)?),
            None => None,
        };
        Some(Relation { asset, accepted, entity: self.entity(relation.entity)?, ..*relation })
    }

    /// `None` as in [`Translation::relation`].
    pub(super) fn ledger(&self, key: &LedgerKey) -> Option<LedgerKey> {
        Some(LedgerKey { asset: self.asset(key.asset)?, entity: self.entity(key.entity)?, ..*key })
    }

    /// The names of the new policy and catalogues.
    pub(super) const fn names(&self) -> &Names<'a> {
        &self.names
    }

    /// How a ledger was kept.
    pub(super) fn former_ledger(&self, key: &LedgerKey) -> Option<String> {
        self.former.ledger_key(key)
    }

    fn asset(&self, asset: AssetKey) -> Option<AssetKey> {
        match asset {
            AssetKey::Declared(place) => *self.assets.get(place as usize)?,
            AssetKey::Address(address) => self.names.asset_at(address),
        }
    }

    fn entity(&self, entity: Entity) -> Option<Entity> {
        match entity {
            Entity::Owner(_) if self.is_same_catalogue => Some(entity),
            Entity::Owner(owner) => {
                self.names.attributor.owner_named(self.former.attributor.owner_name(owner)).map(Entity::Owner)
            }
            Entity::Network(_) | Entity::UnknownNetwork | Entity::Many => Some(entity),
        }
    }
}
