//! Resource records (RFC 1035, section 3.2), as far as they name or locate something.

use super::super::cursor::Cursor;
use super::{CLASS_MASK, Name, RECORDS_MAX};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const TYPE_A: u16 = 1;
const TYPE_CNAME: u16 = 5;
const TYPE_PTR: u16 = 12;
const TYPE_TXT: u16 = 16;
const TYPE_AAAA: u16 = 28;
const TYPE_SRV: u16 = 33;
const TYPE_SVCB: u16 = 64;
const TYPE_HTTPS: u16 = 65;

/// Where in a message a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// It answers the question.
    Answer,
    /// It names who is responsible.
    Authority,
    /// It spares a further question.
    Additional,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Section it stands in.
    pub section: Section,
    /// The name it is about.
    pub owner: Name<'a>,
    /// Its type's number.
    pub kind: u16,
    /// Seconds it is valid.
    pub ttl_s: u32,
    /// What it says.
    pub data: Data<'a>,
}

/// What a record of class Internet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data<'a> {
    /// A, AAAA.
    Address(IpAddr),
    /// CNAME: another name of the owner.
    Cname(Name<'a>),
    /// PTR: name of an address, or in mDNS of an instance of a service.
    Pointer(Name<'a>),
    /// SRV (RFC 2782): where a service runs.
    Host {
        /// The host.
        target: Name<'a>,
        /// Its port.
        port: u16,
    },
    /// HTTPS, SVCB (RFC 9460).
    Service {
        /// Another name; the root means the owner itself.
        target: Name<'a>,
        /// Addresses given along.
        hints: Hints<'a>,
        /// An encrypted ClientHello is offered.
        ech: bool,
    },
    /// TXT: strings with a length byte each, any bytes.
    Text(&'a [u8]),
    /// Another type or class, or content that does not fit its type.
    Other,
}

/// The records of a message, answers first.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a> {
    message: &'a [u8],
    at: usize,
    left: [u16; 3],
    budget: usize,
}

impl<'a> Records<'a> {
    pub(super) fn new(message: &'a [u8], at: usize, left: [u16; 3]) -> Records<'a> {
        Records { message, at, left, budget: RECORDS_MAX }
    }

    /// All were read and nothing follows them, or so many were that the rest was left.
    pub(super) fn is_done(&self) -> bool {
        self.budget == 0 || (self.left == [0; 3] && self.at == self.message.len())
    }

    fn section(&mut self) -> Option<Section> {
        let sections = [Section::Answer, Section::Authority, Section::Additional];
        let (left, section) = self.left.iter_mut().zip(sections).find(|(left, _)| **left > 0)?;
        *left -= 1;
        Some(section)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        self.budget = self.budget.checked_sub(1)?;
        let mut ahead = *self;
        let section = ahead.section()?;
        let (owner, fixed) = Name::read(self.message, self.at)?;
        let mut cursor = Cursor(self.message.get(fixed..)?);
        let (kind, class, ttl_s) = (cursor.be16()?, cursor.be16()?, cursor.be32()?);
        let data = cursor.counted16()?;
        ahead.at = fixed + 10 + data.len();
        *self = ahead;
        let internet = class & CLASS_MASK == 1;
        let data = internet.then(|| Data::read(self.message, ahead.at, kind, data)).flatten().unwrap_or(Data::Other);
        Some(Record { section, owner, kind, ttl_s, data })
    }
}

impl<'a> Data<'a> {
    /// The data of a record, `bytes`, that end at offset `end` of the message.
    fn read(message: &'a [u8], end: usize, kind: u16, bytes: &'a [u8]) -> Option<Data<'a>> {
        let at = end - bytes.len();
        let name = |from: usize| {
            let (name, behind) = Name::read(message, at + from)?;
            (behind <= end).then_some((name, behind))
        };
        Some(match kind {
            TYPE_A => Data::Address(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into()),
            TYPE_AAAA => Data::Address(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()),
            TYPE_CNAME => Data::Cname(name(0)?.0),
            TYPE_PTR => Data::Pointer(name(0)?.0),
            TYPE_TXT => Data::Text(bytes),
            TYPE_SRV => {
                let mut fixed = Cursor(bytes);
                fixed.take(4)?;
                Data::Host { port: fixed.be16()?, target: name(6)?.0 }
            }
            TYPE_SVCB | TYPE_HTTPS => {
                let (target, parameters) = name(2)?;
                let hints = Hints { parameters: Cursor(message.get(parameters..end)?), addresses: &[], v6: false };
                Data::Service { target, hints, ech: hints.has(Hints::ECH) }
            }
            _ => return None,
        })
    }
}

/// The addresses among a service's parameters (RFC 9460, section 7.3).
#[derive(Clone, Copy, Debug)]
pub struct Hints<'a> {
    parameters: Cursor<'a>,
    addresses: &'a [u8],
    v6: bool,
}

impl Hints<'_> {
    const IPV4: u16 = 4;
    const ECH: u16 = 5;
    const IPV6: u16 = 6;

    fn has(&self, key: u16) -> bool {
        let mut parameters = self.parameters;
        std::iter::from_fn(|| parameters.be16().zip(parameters.counted16())).any(|(found, _)| found == key)
    }
}

impl PartialEq for Hints<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.parameters.0 == other.parameters.0 && self.addresses == other.addresses
    }
}

impl Eq for Hints<'_> {}

impl Iterator for Hints<'_> {
    type Item = IpAddr;

    fn next(&mut self) -> Option<IpAddr> {
        loop {
            let mut addresses = Cursor(self.addresses);
            let address = match self.v6 {
                false => addresses.array::<4>().map(IpAddr::from),
                true => addresses.array::<16>().map(IpAddr::from),
            };
            if address.is_some() {
                self.addresses = addresses.0;
                return address;
            }
            let (key, value) = self.parameters.be16().zip(self.parameters.counted16())?;
            let wanted = key == Hints::IPV4 || key == Hints::IPV6;
            (self.addresses, self.v6) = (if wanted { value } else { &[] }, key == Hints::IPV6);
        }
    }
}
