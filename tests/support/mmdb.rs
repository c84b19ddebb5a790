//! Writes small MaxMind databases (file format 2.0) for tests.

use std::collections::BTreeMap;

/// A value of a record.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// UTF-8 text.
    Text(&'static str),
    /// Unsigned 16-bit number.
    Short(u16),
    /// Unsigned 32-bit number.
    Number(u32),
    /// Unsigned 64-bit number.
    Long(u64),
    /// Names and values.
    Map(Vec<(&'static str, Value)>),
}

/// What a search tree's record points at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// Another node.
    Node(u32),
    /// No data.
    Nothing,
    /// A byte of the data section.
    Data(u32),
}

/// A database of IP version 6 whose record for each prefix (first bits, length; IPv4 below `::/96`) is the value.
pub(crate) fn database(networks: &[(u128, u8, Value)]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut nodes = vec![[Target::Nothing; 2]];
    for (bits, length, value) in networks {
        let offset = data.len() as u32;
        write(value, &mut data);
        let mut node = 0;
        for depth in 0..*length {
            let side = (bits >> (127 - depth) & 1) as usize;
            if depth + 1 == *length {
                nodes[node][side] = Target::Data(offset);
            } else if let Target::Node(next) = nodes[node][side] {
                node = next as usize;
            } else {
                nodes[node][side] = Target::Node(nodes.len() as u32);
                node = nodes.len();
                nodes.push([Target::Nothing; 2]);
            }
        }
    }
    file(&nodes, &data, 6)
}

/// A database of the nodes and data given, whatever they are.
pub(crate) fn file(nodes: &[[Target; 2]], data: &[u8], ip_version: u16) -> Vec<u8> {
    let count = nodes.len() as u32;
    let mut bytes = Vec::new();
    for target in nodes.iter().flatten() {
        let record = match target {
            Target::Node(node) => *node,
            Target::Nothing => count,
            Target::Data(offset) => count + 16 + offset,
        };
        bytes.extend_from_slice(&record.to_be_bytes());
    }
    bytes.extend_from_slice(&[0; 16]);
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    let metadata = BTreeMap::from([
        ("binary_format_major_version", Value::Short(2)),
        ("binary_format_minor_version", Value::Short(0)),
        ("build_epoch", Value::Long(1_780_345_978)),
        ("database_type", Value::Text("test")),
        ("description", Value::Map(vec![])),
        ("ip_version", Value::Short(ip_version)),
        ("node_count", Value::Number(count)),
        ("record_size", Value::Short(32)),
    ]);
    header(7, metadata.len() + 1, &mut bytes);
    for (name, value) in &metadata {
        write(&Value::Text(name), &mut bytes);
        write(value, &mut bytes);
    }
    write(&Value::Text("languages"), &mut bytes);
    header(11, 0, &mut bytes);
    bytes
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) => {
            header(2, text.len(), out);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Number(number) => {
            header(6, 4, out);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Short(number) => {
            header(5, 2, out);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Long(number) => {
            header(9, 8, out);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Map(pairs) => {
            header(7, pairs.len(), out);
            for (name, value) in pairs {
                write(&Value::Text(name), out);
                write(value, out);
            }
        }
    }
}

/// Control byte; types beyond 7 take a second one, sizes from 29 too.
fn header(kind: u8, size: usize, out: &mut Vec<u8>) {
    let short = size.min(29) as u8;
    if kind <= 7 {
        out.push(kind << 5 | short);
    } else {
        out.extend_from_slice(&[short, kind - 7]);
    }
    if size >= 29 {
        out.push((size - 29) as u8);
    }
}
