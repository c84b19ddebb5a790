//! Strict readers of what `docs/siem` holds: a subset of YAML, Splunk's .conf files, and XML.

use serde_json::{Map, Value};

/// Reads block mappings, block lists and plain scalars; anything else of YAML is an error.
pub(crate) fn yaml(text: &str) -> Result<Value, String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let lines: Vec<(usize, &str)> = lines.map(|line| (line.len() - line.trim_start().len(), line.trim())).collect();
    let mut rest = lines.as_slice();
    let value = block(&mut rest)?;
    if rest.is_empty() { Ok(value) } else { Err(format!("{:?} stands alone", rest[0].1)) }
}

fn block(rest: &mut &[(usize, &str)]) -> Result<Value, String> {
    let indent = rest.first().ok_or("an empty block")?.0;
    let (mut list, mut map) = (Vec::new(), Map::new());
    while let Some((found, line)) = rest.first().copied().filter(|(found, _)| *found >= indent) {
        if found != indent {
            return Err(format!("{line:?} is indented by {found}"));
        }
        *rest = &rest[1..];
        if let Some(item) = line.strip_prefix("- ") {
            list.push(match entry(item) {
                Some((key, value)) => Value::Object(Map::from_iter([(key.to_owned(), scalar(value)?)])),
                None => scalar(item)?,
            });
        } else {
            let (key, value) = entry(line).ok_or_else(|| format!("{line:?} is no entry"))?;
            let value = if value.is_empty() { block(rest)? } else { scalar(value)? };
            if map.insert(key.to_owned(), value).is_some() {
                return Err(format!("{key} stands twice"));
            }
        }
    }
    match (list.is_empty(), map.is_empty()) {
        (true, _) => Ok(map.into()),
        (false, true) => Ok(list.into()),
        (false, false) => Err("a list and a mapping in one block".to_owned()),
    }
}

/// `key: value`, or `key:` before a block.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(": ").or_else(|| Some((line.strip_suffix(':')?, "")))?;
    key.chars().all(|c| c.is_ascii_alphanumeric() || "._|-".contains(c)).then_some((key, value))
}

fn scalar(text: &str) -> Result<Value, String> {
    if text.starts_with(['"', '\'', '&', '*', '!', '[', '{', '%', '@', '`', '#'])
        || text.contains(" #")
        || text.contains(": ")
    {
        return Err(format!("{text:?} is more than a plain scalar"));
    }
    Ok(text.parse::<u64>().map_or_else(|_| text.into(), Value::from))
}

/// A stanza of a .conf file: its name, and its settings in order.
pub(crate) type Stanza = (String, Vec<(String, String)>);

/// The stanzas of a .conf file, in order.
pub(crate) fn conf(text: &str) -> Result<Vec<Stanza>, String> {
    let mut stanzas: Vec<Stanza> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            stanzas.push((name.to_owned(), Vec::new()));
            continue;
        }
        let (key, value) = line.split_once(" = ").ok_or_else(|| format!("{line:?} is no setting"))?;
        let settings = &mut stanzas.last_mut().ok_or("a setting before the first stanza")?.1;
        if settings.iter().any(|(known, _)| known == key) {
            return Err(format!("{key} stands twice"));
        }
        settings.push((key.to_owned(), value.to_owned()));
    }
    Ok(stanzas)
}

/// The text inside each `element` of a well-formed document.
pub(crate) fn xml(text: &str, element: &str) -> Result<Vec<String>, String> {
    let (mut open, mut found, mut rest) = (Vec::new(), Vec::new(), text.trim());
    while let Some(begin) = rest.find('<') {
        let content = &rest[..begin];
        if content.contains('>') {
            return Err(format!("a bare > in {content:?}"));
        }
        if open.last() == Some(&element) {
            found.push(unescape(content)?);
        } else if open.is_empty() && !content.trim().is_empty() {
            return Err(format!("{content:?} outside of the document"));
        }
        let end = begin + rest[begin..].find('>').ok_or("a tag without an end")?;
        let tag = &rest[begin + 1..end];
        if let Some(name) = tag.strip_prefix('/') {
            let opened = open.pop();
            if opened != Some(name) {
                return Err(format!("</{name}> closes {opened:?}"));
            }
        } else {
            let name = tag.split(' ').next().unwrap_or_default();
            if tag.matches('"').count() % 2 != 0 || name.is_empty() {
                return Err(format!("<{tag}> is no tag"));
            }
            open.push(name);
        }
        rest = &rest[end + 1..];
    }
    if open.is_empty() { Ok(found) } else { Err(format!("{open:?} stay open")) }
}

fn unescape(text: &str) -> Result<String, String> {
    let known = text.replace("&gt;", ">").replace("&lt;", "<").replace("&quot;", "\"");
    let bare = known.replace("&amp;", "");
    if bare.contains('&') { Err(format!("a bare & in {text:?}")) } else { Ok(known.replace("&amp;", "&")) }
}

/// Words with a dot that can only be names of fields.
pub(crate) fn fields(text: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
    let words = text.split(|c: char| !is_part(c)).map(|word| word.trim_matches(|c| c == '.' || c == '-'));
    let is_field = |word: &&str| {
        word.contains('.') && !word.starts_with("logs-") && word.starts_with(|c: char| c.is_ascii_lowercase())
    };
    words.filter(is_field).collect()
}
