//! The style that a machine can hold: which room may know which, who owns which dependency, how long a file and a
//! function may be. Every finding names file and line.

#![expect(clippy::unwrap_used, reason = "a test says where it fails")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, in the direction data moves; each imports only rooms before it.
const ROOMS: [&str; 15] = [
    "net",
    "capture",
    "decode",
    "inspect",
    "flow",
    "attribute",
    "detect",
    "journal",
    "encode",
    "deliver",
    "report",
    "pipeline",
    "config",
    "run",
    "cli",
];

/// Whose each dependency is. An empty list: anybody's.
const OWNERS: [(&str, &[&str]); 44] = [
    ("anstyle", &["encode"]),
    ("anyhow", &["run", "cli"]),
    ("async_nats", &["deliver"]),
    ("axum", &["run"]),
    ("base64", &["flow", "deliver"]),
    ("bzip2", &["capture"]),
    ("caps", &["run"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("etherparse", &["decode"]),
    ("flate2", &["capture", "deliver"]),
    ("foldhash", &["net"]),
    ("gethostname", &["deliver", "run"]),
    ("hashbrown", &["detect"]),
    ("indicatif", &["run"]),
    ("landlock", &["run"]),
    ("libc", &["capture", "flow", "run"]),
    ("liblzma", &["capture"]),
    ("lz4_flex", &["capture"]),
    ("maxminddb", &["attribute"]),
    ("nix", &["capture", "run"]),
    ("pcap", &["capture"]),
    ("prometheus_client", &["run"]),
    ("rdkafka", &["deliver"]),
    ("reqwest", &["deliver"]),
    ("ring", &["inspect", "deliver"]),
    ("rusqlite", &["journal"]),
    ("rustls", &["deliver"]),
    ("rustls_native_certs", &["deliver"]),
    ("seccompiler", &["run"]),
    ("serde", &[]),
    ("serde_json", &["detect", "journal", "encode", "deliver", "run", "cli"]),
    ("sha1", &["flow", "detect"]),
    ("sha2", &["inspect"]),
    ("thiserror", &[]),
    ("tokio", &["deliver", "run"]),
    ("tokio_rustls", &["deliver"]),
    ("toml", &["config"]),
    ("tracing", &["deliver", "run", "cli"]),
    ("tracing_journald", &["run", "cli"]),
    ("tracing_subscriber", &["run", "cli"]),
    ("x509_parser", &["inspect"]),
    ("zstd", &["capture", "attribute"]),
];

const MOST_LINES_OF_A_FILE: usize = 500;
const MOST_LINES_OF_A_FUNCTION: usize = 70;

#[test]
fn a_room_imports_only_rooms_before_it() {
    check(sources("src"), |file, report| {
        let Some(room) = file.room() else { return };
        let rank = rank(room);
        for (line, other) in file.rooms_named() {
            if self::rank(other) > rank {
                report(line, format!("{room} imports {other}, which comes after it"));
            }
        }
    });
}

#[test]
fn every_room_has_its_place_in_the_order() {
    check(sources("src"), |file, report| {
        if let Some(room) = file.room()
            && !ROOMS.contains(&room)
        {
            report(1, format!("{room} has no place in the order of rooms"));
        }
    });
}

#[test]
fn a_dependency_is_used_only_by_its_owner() {
    check(sources("src"), |file, report| {
        let Some(room) = file.room() else { return };
        for (dependency, owners) in OWNERS {
            if owners.is_empty() || owners.contains(&room) {
                continue;
            }
            for line in file.lines_naming(dependency) {
                report(line, format!("{dependency} belongs to {}, not to {room}", owners.join(" and ")));
            }
        }
    });
}

#[test]
fn every_dependency_has_an_owner() {
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let declared: BTreeSet<String> =
        manifest["dependencies"].as_table().unwrap().keys().map(|name| name.replace('-', "_")).collect();
    let owned: BTreeSet<String> = OWNERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(declared, owned, "Cargo.toml and the owners named in this test differ");
}

#[test]
fn clocks_are_read_in_run_only() {
    check(sources("src"), |file, report| {
        if file.room() == Some("run") {
            return;
        }
        for clock in ["SystemTime::now", "Instant::now"] {
            for line in file.lines_with(clock) {
                report(line, format!("{clock} outside run; time is an argument"));
            }
        }
    });
}

#[test]
fn files_stay_short_enough_to_read() {
    check(everything(), |file, report| {
        let lines = file.text.lines().count();
        if lines > MOST_LINES_OF_A_FILE {
            report(lines, format!("{lines} lines; split it, {MOST_LINES_OF_A_FILE} are too many for one idea"));
        }
    });
}

#[test]
fn functions_stay_short_enough_to_read() {
    check(everything(), |file, report| {
        for function in file.functions() {
            if function.lines > MOST_LINES_OF_A_FUNCTION {
                let Function { name, lines, .. } = &function;
                report(function.line, format!("fn {name} has {lines} lines, at most {MOST_LINES_OF_A_FUNCTION}"));
            }
        }
    });
}

#[test]
fn lints_are_expected_with_a_reason_and_never_just_allowed() {
    check(everything(), |file, report| {
        for attribute in ["#[allow(", "#![allow("] {
            for line in file.lines_with(attribute) {
                report(line, "allow; write #[expect(…, reason = \"…\")]".to_owned());
            }
        }
    });
}

#[test]
fn nothing_is_left_to_do() {
    check(everything(), |file, report| {
        for stub in ["todo!", "unimplemented!"] {
            for line in file.lines_with(stub) {
                report(line, format!("{stub} is no answer to a user"));
            }
        }
    });
}

#[test]
fn every_file_says_what_it_is_for() {
    check(everything(), |file, report| {
        if !file.text.starts_with("//! ") {
            report(1, "does not begin with a //! line".to_owned());
        }
    });
}

#[test]
fn every_test_can_fail() {
    check(everything(), |file, report| {
        let functions = file.functions();
        let mut asserting: BTreeSet<&str> = BTreeSet::new();
        let asserts = |body: &str, known: &BTreeSet<&str>| {
            let words = || body.split(|c: char| !c.is_alphanumeric() && c != '_');
            let is_sign = |word: &str| ["assert", "check", "withstands"].iter().any(|sign| word.starts_with(sign));
            words().any(|word| is_sign(word) || known.contains(word))
                || ["panic!", "prop_assert", "expect_err", ".unwrap()"].iter().any(|sign| body.contains(sign))
        };
        loop {
            let before = asserting.len();
            for function in &functions {
                if asserts(&function.body, &asserting) {
                    asserting.insert(&function.name);
                }
            }
            if asserting.len() == before {
                break;
            }
        }
        for function in functions.iter().filter(|function| function.is_test) {
            // A test that nothing panics asserts by running.
            if !asserting.contains(function.name.as_str()) && !function.name.contains("panic") {
                report(function.line, format!("test {} asserts nothing", function.name));
            }
        }
    });
}

/// Runs `rule` over files and fails with everything it reported.
fn check(files: Vec<Source>, rule: impl Fn(&Source, &mut dyn FnMut(usize, String))) {
    assert!(files.len() > 5, "only {} files found", files.len());
    let mut broken = String::new();
    for file in &files {
        rule(file, &mut |line, problem| {
            let _ = writeln!(broken, "{}:{line}: {problem}", file.path.display());
        });
    }
    assert!(broken.is_empty(), "\n{broken}");
}

fn rank(room: &str) -> usize {
    ROOMS.iter().position(|name| *name == room).unwrap_or(usize::MAX)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn everything() -> Vec<Source> {
    ["src", "tests", "benches", "examples"].into_iter().flat_map(sources).collect()
}

/// Every Rust file under a folder of the package.
fn sources(folder: &str) -> Vec<Source> {
    let (mut waiting, mut files) = (vec![root().join(folder)], Vec::new());
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(Source::read(&path));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

struct Source {
    /// From the root of the package.
    path: PathBuf,
    text: String,
    /// The text with comments and the contents of literals blanked, line for line.
    code: String,
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
    body: String,
    is_test: bool,
}

impl Source {
    fn read(path: &Path) -> Source {
        let text = fs::read_to_string(path).unwrap();
        let code = blanked(&text);
        Source { path: path.strip_prefix(root()).unwrap().to_owned(), text, code }
    }

    /// The room a file of `src` lies in; `None` for `lib.rs`, `main.rs` and everything outside of `src`.
    fn room(&self) -> Option<&str> {
        let below = self.path.strip_prefix("src").ok()?.to_str()?;
        let (room, rest) = below.split_once('/').unwrap_or((below, ""));
        let room = room.strip_suffix(".rs").unwrap_or(room);
        (!rest.is_empty() || !matches!(room, "lib" | "main")).then_some(room)
    }

    fn line_of(&self, offset: usize) -> usize {
        1 + self.code[..offset].matches('\n').count()
    }

    fn lines_with(&self, text: &str) -> Vec<usize> {
        self.code.match_indices(text).map(|(offset, _)| self.line_of(offset)).collect()
    }

    /// Lines with a path that begins with the crate `name`, or with an import of it.
    fn lines_naming(&self, name: &str) -> Vec<usize> {
        let is_whole = |offset: usize| {
            let (before, after) = (&self.code[..offset], &self.code[offset + name.len()..]);
            let joined = before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '.'))
                && !before.ends_with(" ::");
            let imported = before.ends_with("use ") && after.starts_with([';', ' ']);
            !joined && (after.starts_with("::") || imported)
        };
        let places = self.code.match_indices(name).filter(|(offset, _)| is_whole(*offset));
        places.map(|(offset, _)| self.line_of(offset)).collect()
    }

    /// The rooms named by `crate::…`, also in a group, and by `super::…` in a room's own `mod.rs`.
    fn rooms_named(&self) -> Vec<(usize, &str)> {
        let mut named = Vec::new();
        let at_top = self.path.components().count() == 3 && self.path.ends_with("mod.rs");
        let roots: &[&str] = if at_top { &["crate::", "super::"] } else { &["crate::"] };
        for start in roots {
            for (offset, _) in self.code.match_indices(start) {
                let rest = &self.code[offset + start.len()..];
                let line = self.line_of(offset);
                named.extend(first_segments(rest).into_iter().filter(|name| ROOMS.contains(name)).map(|n| (line, n)));
            }
        }
        named
    }

    fn functions(&self) -> Vec<Function> {
        let starts = self
            .code
            .match_indices("fn ")
            .filter(|(offset, _)| !self.code[..*offset].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
        starts.filter_map(|(offset, _)| self.function(offset)).collect()
    }

    /// The function whose `fn` stands at `offset`; `None` for a type, or a declaration without a body.
    fn function(&self, offset: usize) -> Option<Function> {
        let rest = &self.code[offset + 3..];
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let brackets = |c: &char| matches!(c, '(' | ')' | '[' | ']' | '{' | '}' | ';');
        let (mut depth, mut begun) = (0usize, None);
        for (at, c) in rest.char_indices().filter(|(_, c)| brackets(c)) {
            match c {
                ';' if depth == 0 => return None,
                ';' => {}
                '{' if depth == 0 && begun.is_none() => (begun, depth) = (Some(at), 1),
                '(' | '[' | '{' => depth += 1,
                _ => depth = depth.checked_sub(1)?,
            }
            if let (0, Some(begun), '}') = (depth, begun, c) {
                let before = self.code[..offset].trim_end();
                let attributes = before.rsplit(['}', ';', '{']).next().unwrap_or_default();
                return (!name.is_empty()).then(|| Function {
                    name,
                    line: self.line_of(offset),
                    lines: 1 + rest[..at].matches('\n').count(),
                    body: rest[begun..at].to_owned(),
                    is_test: attributes.contains("#[test]"),
                });
            }
        }
        None
    }
}

/// `a` of `a::b`, or `a` and `c` of `{a::b, c}`.
fn first_segments(path: &str) -> Vec<&str> {
    let name = |text: &'_ str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let Some(group) = path.strip_prefix('{') else { return vec![&path[..name(path)]] };
    let (mut depth, mut names, mut expecting) = (1, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => expecting = true,
            c if expecting && c.is_alphabetic() => {
                names.push(&group[at..at + name(&group[at..])]);
                expecting = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// Rust without comments and without what literals say; line breaks stay.
fn blanked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (kept, skipped) = token(rest);
        out.push_str(&rest[..kept]);
        out.extend(rest[kept..kept + skipped].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[(kept + skipped).max(c.len_utf8())..];
    }
    out
}

/// Bytes to keep and bytes to blank at the start of `rest`.
fn token(rest: &str) -> (usize, usize) {
    let until = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at);
    if rest.starts_with("//") {
        (0, until("\n", 0))
    } else if rest.starts_with("/*") {
        (0, (until("*/", 2) + 2).min(rest.len()))
    } else if rest.starts_with("r\"") || rest.starts_with("r#") && rest[1..].trim_start_matches('#').starts_with('"') {
        let hashes = rest[1..].len() - rest[1..].trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        (0, (until(&end, hashes + 2) + end.len()).min(rest.len()))
    } else if rest.starts_with('"') {
        (0, literal(rest, '"'))
    } else if let Some(after) = rest.strip_prefix('\'') {
        let is_char = after.starts_with('\\') || after.chars().nth(1) == Some('\'');
        if is_char { (0, literal(rest, '\'')) } else { (1, 0) }
    } else {
        // An identifier whole, so that its last letter is no prefix of a literal.
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let prefix = matches!(&rest[..word], "r" | "b" | "br") && rest[word..].starts_with(['"', '\'']);
        (if prefix { 1 } else { word.max(rest.chars().next().map_or(1, char::len_utf8)) }, 0)
    }
}

/// Length of a literal with escapes that begins and ends with `quote`.
fn literal(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[test]
fn the_reader_of_these_rules_sees_code_and_nothing_else() {
    let text = "/// crate::cli\nuse crate::{net::{Prefix, cli}, run};\nfn f<'a>(s: &'a str) { g('{', \"crate::cli }\", r#\"}\"#) }\nfn g();\n";
    let file = Source { path: "src/flow/mod.rs".into(), text: text.to_owned(), code: blanked(text) };
    assert_eq!(file.room(), Some("flow"));
    assert_eq!(file.rooms_named(), [(2, "net"), (2, "run")]);
    let functions = file.functions();
    assert_eq!(functions.len(), 1);
    assert_eq!((functions[0].name.as_str(), functions[0].line, functions[0].lines), ("f", 3, 1));
}
