//! A strict reader of CEF 0, written from the Implementation Standard and not from our writer.

use std::collections::BTreeMap;

/// A parsed event: the six fields of the header after the version, and the extension.
#[derive(Debug)]
pub(crate) struct Cef {
    pub(crate) header: [String; 6],
    pub(crate) extension: BTreeMap<String, String>,
}

/// Reads one event; an error says what is wrong with it.
pub(crate) fn parse(line: &str) -> Result<Cef, String> {
    if let Some(bad) = line.chars().find(|c| c.is_control() || ('\u{2028}'..='\u{2029}').contains(c)) {
        return Err(format!("{bad:?} ends or hides a line"));
    }
    let rest = line.strip_prefix("CEF:0|").ok_or("does not begin with CEF:0|")?;
    let mut header: Vec<String> = vec![String::new()];
    let mut characters = rest.chars();
    while header.len() < 7 {
        let field = header.last_mut().unwrap();
        match characters.next().ok_or("the header has fewer than seven bars")? {
            '\\' => match characters.next() {
                Some(escaped @ ('\\' | '|')) => field.push(escaped),
                other => return Err(format!("\\{other:?} in the header")),
            },
            '|' => header.push(String::new()),
            plain => field.push(plain),
        }
    }
    header.pop();
    if header.iter().any(String::is_empty) {
        return Err(format!("an empty field in the header {header:?}"));
    }
    header[5].parse::<u8>().ok().filter(|severity| *severity <= 10).ok_or("severity is not 0 to 10")?;
    let header = header.try_into().map_err(|_| "the header has not six fields")?;
    Ok(Cef { header, extension: extension(characters.as_str())? })
}

/// `key=value key=value`: a key is the word before an unescaped `=`, its value all up to the blank before the next key.
fn extension(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut marks = Vec::new();
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '=' => marks.push(at),
            _ => {}
        }
    }
    let begin_of_key = |mark: usize| text[..mark].rfind(' ').map_or(0, |blank| blank + 1);
    let mut fields = BTreeMap::new();
    for (index, mark) in marks.iter().enumerate() {
        let key = &text[begin_of_key(*mark)..*mark];
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(format!("{key:?} is no key"));
        }
        let end = marks.get(index + 1).map_or(text.len(), |next| begin_of_key(*next).max(mark + 2) - 1);
        let value = unescape(&text[mark + 1..end])?;
        if fields.insert(key.to_owned(), value).is_some() {
            return Err(format!("{key} stands twice"));
        }
    }
    Ok(fields)
}

fn unescape(value: &str) -> Result<String, String> {
    let (mut plain, mut characters) = (String::new(), value.chars());
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some(escaped @ ('\\' | '=')) => plain.push(escaped),
                Some('n') => plain.push('\n'),
                Some('r') => plain.push('\r'),
                other => return Err(format!("\\{other:?} in a value")),
            },
            '=' => return Err(format!("an unescaped = in {value:?}")),
            c => plain.push(c),
        }
    }
    Ok(plain)
}
