//! The table of fields in `docs/siem/fields.md`: what users read is what records are held to.

use std::collections::BTreeMap;
use std::net::IpAddr;

use borderflow::encode::Format;
use serde_json::Value;

pub(crate) const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/siem/fields.md");

/// The columns.
pub(crate) const FORMATS: [Format; 4] = [Format::Ocsf, Format::Cef, Format::Leef, Format::Eve];

/// The table as the library has it.
pub(crate) fn of_library() -> String {
    let mut fields: BTreeMap<&str, [Vec<&str>; 4]> = BTreeMap::new();
    for (column, format) in FORMATS.into_iter().enumerate() {
        for (field, key) in format.fields() {
            let keys = &mut fields.entry(field).or_default()[column];
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    let mut text = "| ECS | OCSF | CEF | LEEF | EVE |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for (field, columns) in fields {
        let cells = columns.map(|keys| keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "));
        text.push_str(&format!("| `{field}` | {} |\n", cells.join(" | ").replace("  ", " ")));
    }
    text
}

/// The rows of one format as the document has them: ECS field and key.
pub(crate) fn of_document(format: Format) -> Vec<(String, String)> {
    let column = 1 + FORMATS.iter().position(|known| *known == format).unwrap();
    let text = std::fs::read_to_string(PATH).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let cells = |line: &str| line.split('|').skip(1).map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let pairs = |cells: Vec<String>| {
        let keys = cells[column].split(", ").filter(|key| !key.is_empty()).map(|key| key.trim_matches('`').to_owned());
        keys.map(|key| (cells[0].trim_matches('`').to_owned(), key)).collect::<Vec<_>>()
    };
    rows.flat_map(|line| pairs(cells(line))).collect()
}

/// The ECS value at a path.
pub(crate) fn at<'a>(record: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(record, |value, name| value.get(name))
}

/// Milliseconds since the epoch of a time in November 2025, which all our captures are of.
pub(crate) fn millis(value: &Value) -> Option<u64> {
    let text = value.as_str()?;
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let days = number(8, 10)?.checked_sub(12)?;
    let seconds = (days * 24 + number(11, 13)?) * 3_600 + number(14, 16)? * 60 + number(17, 19)?;
    Some((1_762_905_600 + seconds) * 1_000 + number(20, 23).unwrap_or_default())
}

/// What CEF or LEEF must say under `key`, where the ECS value is `value`; `None`: nothing.
pub(crate) fn as_text(format: Format, key: &str, value: &Value) -> Option<String> {
    let address = || value.as_str().and_then(|text| text.parse::<IpAddr>().ok());
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(|value| value.as_str().unwrap()).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    };
    match (format, key) {
        (_, "rt" | "start" | "end" | "devTime") => millis(value).map(|millis| millis.to_string()),
        (Format::Cef, "src" | "dst") => address().filter(IpAddr::is_ipv4).map(|_| text),
        (Format::Cef, "c6a2" | "c6a3") => address().filter(IpAddr::is_ipv6).map(|_| text),
        (_, "smac" | "dmac" | "srcMAC" | "dstMAC") => Some(clean(format, &text.replace('-', ":"))),
        (_, "deviceDirection") => {
            ["inbound", "outbound"].iter().position(|known| *known == text).map(|n| n.to_string())
        }
        _ => Some(clean(format, &text)),
    }
}

/// What is left of a text: in CEF line breaks are escaped, whatever else ends a line or reorders text is replaced.
pub(crate) fn clean(format: Format, text: &str) -> String {
    let replace = |c: char| match c {
        '\n' | '\r' if format == Format::Cef => c,
        c if c.is_control() => '\u{fffd}',
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => '\u{fffd}',
        c => c,
    };
    text.chars().map(replace).collect()
}
