//! DNS messages (RFC 1035, section 4).

use std::net::IpAddr;

/// The type of a question or record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An IPv4 address.
    A = 1,
    /// An IPv6 address (RFC 3596).
    Aaaa = 28,
}

/// The data of an answer record.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    /// The address of the name asked, or of the last alias before it.
    Address(IpAddr),
    /// The name asked, or the last alias before it, is an alias of this one.
    Alias(&'a str),
}

/// A recursive query with one question.
#[must_use]
pub fn query(id: u16, name: &str, kind: Kind) -> Vec<u8> {
    let mut message = header(id, 0x0100, 0);
    question(&mut message, name, kind);
    message
}

/// A successful answer to [`query`]; the records follow each other as an alias chain.
#[must_use]
pub fn answer(id: u16, name: &str, kind: Kind, records: &[Data<'_>]) -> Vec<u8> {
    let mut message = header(id, 0x8180, records.len() as u16);
    question(&mut message, name, kind);
    let mut owner: u16 = 12;
    for record in records {
        message.extend((0xc000 | owner).to_be_bytes());
        match record {
            Data::Address(IpAddr::V4(address)) => address_record(&mut message, Kind::A, &address.octets()),
            Data::Address(IpAddr::V6(address)) => address_record(&mut message, Kind::Aaaa, &address.octets()),
            Data::Alias(target) => {
                let encoded = encode_name(target);
                record_header(&mut message, 5, encoded.len());
                owner = message.len() as u16;
                message.extend(encoded);
            }
        }
    }
    message
}

/// "No such name".
#[must_use]
pub fn no_such_name(id: u16, name: &str, kind: Kind) -> Vec<u8> {
    let mut message = header(id, 0x8183, 0);
    question(&mut message, name, kind);
    message
}

/// The question asked for an address of the family of `address`.
#[must_use]
pub fn kind_of(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(_) => Kind::A,
        IpAddr::V6(_) => Kind::Aaaa,
    }
}

/// The message with the length that precedes it over TCP (RFC 7766, section 8).
#[must_use]
pub fn over_tcp(message: &[u8]) -> Vec<u8> {
    let mut framed = (message.len() as u16).to_be_bytes().to_vec();
    framed.extend(message);
    framed
}

fn header(id: u16, flags: u16, answers: u16) -> Vec<u8> {
    [id, flags, 1, answers, 0, 0].iter().flat_map(|field| field.to_be_bytes()).collect()
}

fn question(message: &mut Vec<u8>, name: &str, kind: Kind) {
    message.extend(encode_name(name));
    message.extend((kind as u16).to_be_bytes());
    message.extend([0, 1]);
}

fn address_record(message: &mut Vec<u8>, kind: Kind, address: &[u8]) {
    record_header(message, kind as u16, address.len());
    message.extend(address);
}

fn record_header(message: &mut Vec<u8>, kind: u16, len: usize) {
    message.extend(kind.to_be_bytes());
    message.extend([0, 1]);
    message.extend(300u32.to_be_bytes());
    message.extend((len as u16).to_be_bytes());
}

fn encode_name(name: &str) -> Vec<u8> {
    let mut encoded = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        encoded.push(label.len() as u8);
        encoded.extend(label.as_bytes());
    }
    encoded.push(0);
    encoded
}

#[cfg(test)]
mod tests {
    use super::{Data, Kind, answer};

    #[test]
    fn each_record_belongs_to_the_alias_before_it() {
        let records = [Data::Alias("b.cz"), Data::Address([192, 0, 2, 1].into())];
        let message = answer(1, "a.cz", Kind::A, &records);
        let alias_at = 12 + 10 + 12;
        assert_eq!(&message[alias_at..alias_at + 6], b"\x01b\x02cz\x00");
        assert_eq!(message[alias_at + 6..alias_at + 8], [0xc0, alias_at as u8]);
    }
}
