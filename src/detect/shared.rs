//! What many findings say alike, held once: names, pieces of evidence, severities with their reasons.
//!
//! A hundred thousand findings have a few hundred networks and a dozen severities between them. Each kind is bounded: when
//! it is full it is emptied and fills again with what is in use; nobody loses what he holds.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher as _;
use std::sync::Arc;

use hashbrown::HashTable;

use super::severity::Weight;
use super::{EvidenceInfo, Severity};
use crate::attribute::{Evidence, OwnerId};
use crate::net::Keyed;

/// Of each kind, held at most.
const MOST: usize = 8_192;

#[derive(Default)]
pub(super) struct Shared {
    texts: HashSet<Arc<str>, Keyed>,
    evidence: HashTable<Known>,
    severities: HashMap<Weight, Arc<Severity>, Keyed>,
    hashes: Keyed,
}

/// A piece of evidence and what it was made of.
struct Known {
    owner: Option<OwnerId>,
    subject: Box<str>,
    asn: Option<u32>,
    info: Arc<EvidenceInfo>,
}

impl Known {
    fn is_of(&self, item: &Evidence<'_>, asn: Option<u32>) -> bool {
        let info = &self.info;
        let owner = item.owner.map(|owner| owner.id);
        (self.owner, self.asn, &*self.subject) == (owner, asn, item.subject)
            && (info.kind, info.jurisdiction, info.strength, info.basis)
                == (item.kind, item.jurisdiction, item.strength, item.basis)
            && info.source == item.source
            && info.date == item.date
    }
}

impl Shared {
    /// A name.
    pub(super) fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        if self.texts.len() >= MOST {
            self.texts.clear();
        }
        let new: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&new));
        new
    }

    /// What `item` says of an address in the autonomous system `asn`.
    pub(super) fn evidence(&mut self, item: &Evidence<'_>, asn: Option<u32>) -> Arc<EvidenceInfo> {
        let owner = |owner: Option<OwnerId>, subject: &str, asn| self.hashes.hash_one((owner, subject, asn));
        let hash = owner(item.owner.map(|owner| owner.id), item.subject, asn);
        if let Some(known) = self.evidence.find(hash, |known| known.is_of(item, asn)) {
            return Arc::clone(&known.info);
        }
        if self.evidence.len() >= MOST {
            self.evidence.clear();
        }
        let known = Known {
            owner: item.owner.map(|owner| owner.id),
            subject: item.subject.into(),
            asn,
            info: Arc::new(EvidenceInfo::of(item, asn)),
        };
        let info = Arc::clone(&known.info);
        self.evidence.insert_unique(hash, known, |known| owner(known.owner, &known.subject, known.asn));
        info
    }

    /// What `weight` comes to.
    pub(super) fn severity(&mut self, weight: Weight) -> Arc<Severity> {
        if let Some(known) = self.severities.get(&weight) {
            return Arc::clone(known);
        }
        if self.severities.len() >= MOST {
            self.severities.clear();
        }
        let severity = Arc::new(Severity::of(&weight.factors()));
        self.severities.insert(weight, Arc::clone(&severity));
        severity
    }

    /// Owners have other numbers from now on.
    pub(super) fn forget(&mut self) {
        self.evidence.clear();
    }
}
