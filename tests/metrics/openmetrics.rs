//! A strict reader of OpenMetrics 1.0 text (prometheus/OpenMetrics, specification/OpenMetrics.md, 2020-11): the ABNF of
//! names, labels and values, and what the text demands of families, counters and histograms.

use std::collections::{BTreeMap, BTreeSet};

/// A family of metrics with its samples in their order.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) unit: String,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// Every family by its name.
///
/// # Errors
/// The first line that breaks a rule, and which.
pub(crate) fn read(text: &str) -> Result<BTreeMap<String, Family>, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("does not end with # EOF")?;
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    let mut series = BTreeSet::new();
    for line in body.split_terminator('\n') {
        let wrong = |why: &str| format!("{why}: {line}");
        if let Some(rest) = line.strip_prefix("# ") {
            let [what, name, value] = rest.splitn(3, ' ').collect::<Vec<_>>()[..] else {
                return Err(wrong("metadata"));
            };
            if name != current {
                if families.contains_key(name) {
                    return Err(wrong("a family in two places"));
                }
                families.insert(check_name(name).map(str::to_owned)?, Family::default());
                current = name.to_owned();
            }
            let family = families.get_mut(name).unwrap();
            if !family.samples.is_empty() {
                return Err(wrong("metadata after samples"));
            }
            let slot = match what {
                "TYPE" => &mut family.kind,
                "UNIT" => &mut family.unit,
                "HELP" => &mut family.help,
                _ => return Err(wrong("unknown metadata")),
            };
            if !slot.is_empty() || value.is_empty() {
                return Err(wrong("empty or repeated metadata"));
            }
            *slot = value.to_owned();
            continue;
        }
        let sample = read_sample(line).map_err(|why| wrong(&why))?;
        let family = families.get_mut(&current).ok_or_else(|| wrong("a sample before any family"))?;
        if !series.insert((sample.name.clone(), sample.labels.clone())) {
            return Err(wrong("a series twice"));
        }
        check_sample(&current, family, &sample).map_err(|why| wrong(&why))?;
        family.samples.push(sample);
    }
    families
        .iter()
        .try_for_each(|(name, family)| check_family(name, family).map_err(|why| format!("{name}: {why}")))?;
    Ok(families)
}

fn check_name(name: &str) -> Result<&str, String> {
    let is_fine = |(at, c): (usize, char)| c.is_ascii_alphabetic() || "_:".contains(c) || at > 0 && c.is_ascii_digit();
    if name.is_empty() || !name.char_indices().all(is_fine) { Err(format!("name {name:?}")) } else { Ok(name) }
}

fn read_sample(line: &str) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            if labels.is_empty() && rest.starts_with('}') {
                rest = &rest[1..];
                break;
            }
            let (label, after) = rest.split_once("=\"").ok_or("a label without a value")?;
            check_name(label).and_then(|label| if label.contains(':') { Err(label.to_owned()) } else { Ok(()) })?;
            let (value, after) = read_value(after)?;
            if labels.insert(label.to_owned(), value).is_some() {
                return Err(format!("label {label} twice"));
            }
            rest = match after.strip_prefix(',') {
                Some(next) => next,
                None => {
                    rest = after.strip_prefix('}').ok_or("labels do not end")?;
                    break;
                }
            };
        }
    }
    // No timestamps, no exemplars: nothing else may follow.
    let number = rest.strip_prefix(' ').ok_or("no space before the value")?;
    let value = match number {
        "+Inf" => f64::INFINITY,
        _ if number.starts_with(|c: char| c.is_ascii_digit() || c == '-') => number.parse().map_err(|_| "the value")?,
        _ => return Err("the value".to_owned()),
    };
    Ok(Sample { name: check_name(name)?.to_owned(), labels, value })
}

/// The value of a label, and what follows its quote.
fn read_value(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, c @ ('"' | '\\'))) => value.push(c),
                other => return Err(format!("escape {other:?}")),
            },
            c => value.push(c),
        }
    }
    Err("a value does not end".to_owned())
}

fn check_sample(family: &str, metadata: &Family, sample: &Sample) -> Result<(), String> {
    let suffix = sample.name.strip_prefix(family).ok_or("of another family")?;
    let (suffixes, can_be_negative): (&[&str], bool) = match metadata.kind.as_str() {
        "counter" => (&["_total"], false),
        "gauge" => (&[""], true),
        "histogram" => (&["_bucket", "_count", "_sum"], false),
        "info" => (&["_info"], false),
        kind => return Err(format!("type {kind:?}")),
    };
    if !suffixes.contains(&suffix) {
        return Err(format!("suffix {suffix:?} of a {}", metadata.kind));
    }
    if sample.value.is_nan() || sample.value < 0.0 && !can_be_negative {
        return Err("a value that cannot be".to_owned());
    }
    if metadata.kind == "info" && sample.value != 1.0 {
        return Err("an info that is not 1".to_owned());
    }
    if sample.labels.contains_key("le") != (suffix == "_bucket") {
        return Err("le belongs to buckets".to_owned());
    }
    Ok(())
}

fn check_family(name: &str, family: &Family) -> Result<(), String> {
    if family.help.is_empty() || family.kind.is_empty() {
        return Err("no HELP or TYPE".to_owned());
    }
    if !family.unit.is_empty() && !name.ends_with(&format!("_{}", family.unit)) {
        return Err(format!("its unit is {} and its name does not say so", family.unit));
    }
    if ["_total", "_bucket", "_count", "_sum", "_info", "_created"].iter().any(|suffix| name.ends_with(suffix)) {
        return Err("its name ends like a sample's".to_owned());
    }
    if family.kind != "histogram" {
        return Ok(());
    }
    let buckets = family.samples.iter().filter(|sample| sample.name.ends_with("_bucket"));
    let buckets: Vec<(f64, f64)> = buckets
        .map(|sample| match sample.labels["le"].as_str() {
            "+Inf" => (f64::INFINITY, sample.value),
            bound => (bound.parse().unwrap(), sample.value),
        })
        .collect();
    let is_ascending = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
    let count = family.samples.iter().find(|sample| sample.name.ends_with("_count")).ok_or("no _count")?;
    let last = buckets.last().ok_or("no buckets")?;
    if !is_ascending || *last != (f64::INFINITY, count.value) {
        return Err("buckets do not add up".to_owned());
    }
    Ok(())
}

#[test]
fn the_reader_refuses_what_the_grammar_does() {
    let good =
        "# HELP a_bytes Size.\n# TYPE a_bytes gauge\n# UNIT a_bytes bytes\na_bytes{l=\"q\\\"\\\\\\n\"} 1.5\n# EOF\n";
    let families = read(good).unwrap();
    assert_eq!(families["a_bytes"].samples[0].labels["l"], "q\"\\\n");
    for (from, to) in [
        ("# EOF\n", ""),
        ("# TYPE a_bytes gauge\n", ""),
        ("# HELP a_bytes Size.\n", ""),
        ("# UNIT a_bytes bytes", "# UNIT a_bytes seconds"),
        ("gauge", "counter"),
        ("\\\"", "\""),
        ("\\n", "\\t"),
        ("\\n", "\n"),
        ("} 1.5", "}  1.5"),
        ("1.5", "NaN"),
        ("1.5", "1.5\na_bytes{l=\"q\\\"\\\\\\n\"} 2"),
        ("1.5", "1.5\na_bytes{l=\"\",l=\"\"} 2"),
        ("1.5", "1.5\nb_bytes 2"),
        ("1.5", "1.5 # forged"),
        ("# EOF", "\n# EOF"),
        ("# EOF", "# EOF\n# EOF"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        assert!(read(&bad).is_err(), "{bad}");
    }
}
