//! A strict reader of LEEF 2.0, written from IBM's description of its components and not from our writer.

use std::collections::BTreeMap;

/// A parsed event: vendor, product, version and event id, and the attributes.
#[derive(Debug)]
pub(crate) struct Leef {
    pub(crate) header: [String; 4],
    pub(crate) attributes: BTreeMap<String, String>,
}

/// Reads one event; an error says what is wrong with it.
pub(crate) fn parse(line: &str) -> Result<Leef, String> {
    let parts: Vec<&str> = line.splitn(7, '|').collect();
    let [version, header @ .., delimiter, attributes] = parts.as_slice() else {
        return Err("the header has fewer than six bars".to_owned());
    };
    if *version != "LEEF:2.0" {
        return Err(format!("{version:?} is not LEEF:2.0"));
    }
    let code = delimiter.strip_prefix('x').or(delimiter.strip_prefix("0x")).unwrap_or_default();
    let delimiter = u32::from_str_radix(code, 16).ok().and_then(char::from_u32).ok_or("no delimiter")?;
    let ends_line = |c: char| c.is_control() && c != delimiter || ('\u{2028}'..='\u{2029}').contains(&c);
    if let Some(bad) = line.chars().find(|c| ends_line(*c)) {
        return Err(format!("{bad:?} ends or hides a line"));
    }
    let header: Vec<String> = header.iter().map(|&field| field.to_owned()).collect();
    let header = header.try_into().map_err(|_| "the header has not four fields")?;
    let mut found = BTreeMap::new();
    for attribute in attributes.split(delimiter) {
        let (key, value) = attribute.split_once('=').ok_or_else(|| format!("{attribute:?} has no ="))?;
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(format!("{key:?} is no key"));
        }
        if found.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(format!("{key} stands twice"));
        }
    }
    let severity = found.get("sev").and_then(|severity| severity.parse::<u8>().ok());
    severity.filter(|severity| (1..=10).contains(severity)).ok_or("sev is not 1 to 10")?;
    Ok(Leef { header, attributes: found })
}
