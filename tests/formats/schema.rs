//! OCSF and EVE events against the distilled schemas of `tests/contract`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A row of `ocsf.tsv`.
struct Attribute {
    kind: &'static str,
    is_required: bool,
    values: &'static str,
}

/// The attributes and constraints of every class and object.
pub(crate) struct Ocsf {
    attributes: BTreeMap<(&'static str, &'static str), Attribute>,
    constraints: Vec<(&'static str, &'static str)>,
}

fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().filter(|line| !line.starts_with('#')).skip(1).map(|line| line.split('\t').collect())
}

impl Ocsf {
    pub(crate) fn read() -> Ocsf {
        let (mut attributes, mut constraints) = (BTreeMap::new(), Vec::new());
        for row in rows(include_str!("../contract/ocsf.tsv")) {
            let [object, name, kind, requirement, values] = row[..] else { panic!("{row:?} has not five columns") };
            if name == "(constraint)" {
                constraints.push((object, values));
            } else {
                attributes.insert((object, name), Attribute { kind, is_required: requirement == "required", values });
            }
        }
        Ocsf { attributes, constraints }
    }

    /// Everything that is wrong with `event`.
    pub(crate) fn check(&self, event: &Map<String, Value>) -> Vec<String> {
        let mut wrong = Vec::new();
        let class = event.get("class_uid").and_then(Value::as_u64);
        match class {
            Some(2004) => self.object("detection_finding", event, &mut wrong),
            Some(4001) => self.object("network_activity", event, &mut wrong),
            _ => wrong.push(format!("class {class:?}")),
        }
        let number = |name: &str| event.get(name).and_then(Value::as_u64);
        if number("type_uid") != number("activity_id").zip(class).map(|(activity, class)| class * 100 + activity) {
            wrong.push("type_uid is not class_uid * 100 + activity_id".to_owned());
        }
        wrong
    }

    fn object(&self, object: &'static str, fields: &Map<String, Value>, wrong: &mut Vec<String>) {
        let is_class = matches!(object, "detection_finding" | "network_activity");
        let find = |name: &str| {
            let own = self.attributes.iter().find(|((of, known), _)| *of == object && *known == name);
            own.or_else(|| {
                self.attributes.iter().find(|((of, known), _)| is_class && *of == "base_event" && *known == name)
            })
        };
        for (name, value) in fields {
            match find(name) {
                None => wrong.push(format!("{object}.{name} is not in the schema")),
                Some((_, attribute)) => self.value(&format!("{object}.{name}"), attribute, value, fields, wrong),
            }
        }
        for ((of, name), attribute) in &self.attributes {
            let applies = *of == object || is_class && *of == "base_event";
            if applies && attribute.is_required && !fields.contains_key(*name) {
                wrong.push(format!("{object}.{name} is required"));
            }
        }
        for (_, names) in self.constraints.iter().filter(|(of, _)| *of == object) {
            if !names.split(',').any(|name| fields.contains_key(name)) {
                wrong.push(format!("{object} has none of {names}"));
            }
        }
    }

    fn value(
        &self,
        path: &str,
        attribute: &Attribute,
        value: &Value,
        fields: &Map<String, Value>,
        wrong: &mut Vec<String>,
    ) {
        if let Some(kind) = attribute.kind.strip_suffix("[]") {
            match value.as_array() {
                Some(values) => values.iter().for_each(|value| self.one(path, kind, value, wrong)),
                None => wrong.push(format!("{path} is no array")),
            }
        } else {
            self.one(path, attribute.kind, value, wrong);
        }
        if attribute.values.is_empty() {
            return;
        }
        let id = value.to_string();
        let caption = attribute.values.split(',').find_map(|known| known.strip_prefix(&format!("{id}=")));
        let name = path.rsplit('.').next().unwrap();
        let stem = name.strip_suffix("_id").or(name.strip_suffix("_uid")).unwrap_or(name);
        let sibling = fields.get(stem).or_else(|| fields.get(&format!("{stem}_name"))).and_then(Value::as_str);
        match caption {
            None => wrong.push(format!("{path} may not be {id}")),
            Some("") if sibling.is_none() => wrong.push(format!("{path} is Other and its sibling does not say what")),
            Some(caption) => {
                if !caption.is_empty() && sibling.is_some_and(|sibling| sibling != caption) {
                    wrong.push(format!("{path} is {caption}, its sibling {sibling:?}"));
                }
            }
        }
    }

    fn one(&self, path: &str, kind: &str, value: &Value, wrong: &mut Vec<String>) {
        let is_right = match kind {
            "string_t" | "hostname_t" | "ip_t" | "mac_t" => value.is_string(),
            "integer_t" | "long_t" => value.is_u64(),
            "timestamp_t" => value.as_u64().is_some_and(|millis| millis < 1 << 53),
            "port_t" => value.as_u64().is_some_and(|port| port < 65_536),
            "boolean_t" => value.is_boolean(),
            "json_t" => true,
            "object" => value.is_object(),
            object => match (value.as_object(), self.attributes.keys().find(|(known, _)| *known == object)) {
                (Some(fields), Some((known, _))) => {
                    self.object(known, fields, wrong);
                    true
                }
                _ => false,
            },
        };
        if !is_right {
            wrong.push(format!("{path} is no {kind}: {value}"));
        }
    }
}

/// Everything that is wrong with an EVE event.
pub(crate) fn check_eve(event: &Map<String, Value>) -> Vec<String> {
    let mut wrong = Vec::new();
    let known: BTreeMap<&str, Vec<&str>> =
        rows(include_str!("../contract/eve.tsv")).map(|row| (row[0], row[1..].to_vec())).collect();
    let kind = event.get("event_type").and_then(Value::as_str).unwrap_or_default();
    let mut found = BTreeMap::new();
    for (name, value) in event.iter().filter(|(name, _)| *name != "borderflow") {
        leaves(name, value, &mut found);
    }
    for (path, value) in &found {
        let Some(row) = known.get(path.as_str()) else {
            wrong.push(format!("{path} is not in the schema"));
            continue;
        };
        if !has_type(row[0], value) {
            wrong.push(format!("{path} is no {}: {value}", row[0]));
        }
        let values: Vec<&str> = row[2].split(',').filter(|value| !value.is_empty()).collect();
        if !values.is_empty() && !value.as_str().is_some_and(|value| values.contains(&value)) {
            wrong.push(format!("{path} may not be {value}"));
        }
    }
    for (path, row) in known.iter().filter(|(_, row)| row[1] == "true" || row[1] == kind) {
        if !found.contains_key(*path) {
            wrong.push(format!("{path} is required of {kind}: {}", row[0]));
        }
    }
    wrong
}

fn leaves<'a>(path: &str, value: &'a Value, found: &mut BTreeMap<String, &'a Value>) {
    match value.as_object() {
        Some(fields) => fields.iter().for_each(|(name, value)| leaves(&format!("{path}.{name}"), value, found)),
        None => {
            found.insert(path.to_owned(), value);
        }
    }
}

fn has_type(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" | "number" => value.is_u64(),
        // ^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+[+\-]\d+$
        "timestamp" => value.as_str().is_some_and(|text| {
            let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            shape == "0000-00-00T00:00:00.000000+0000"
        }),
        list => {
            let kind = list.strip_suffix("[]").unwrap_or_else(|| panic!("{list} is no type"));
            value.as_array().is_some_and(|values| values.iter().all(|value| has_type(kind, value)))
        }
    }
}
