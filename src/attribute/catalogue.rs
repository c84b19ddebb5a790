//! The catalogues: operators, services, tools and device makers, as `geoip/` ships them and as the user adds to them.
//!
//! A catalogue is tab-separated text with a line that names its columns; lines that begin with `#` are comments. Each row
//! has its source and date. Rows under review are read but count only where the user says so.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::device::{self, Makers};
use super::operator::{self, Operator, Operators};
use super::service::{self, Service, Services};
use super::tool::{self, Tool, Tools};

/// Text of a row: shipped text is borrowed from the program.
pub type Text = Cow<'static, str>;

/// Whether a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It counts.
    Listed,
    /// To call it so is a decision of policy: it counts only with `geoip.review = true`.
    Review,
}

impl FromStr for Status {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "listed" => Ok(Status::Listed),
            "review" => Ok(Status::Review),
            _ => Err("expected listed or review"),
        }
    }
}

/// How sure a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A guess, a bulk list, or a number that changed hands.
    Low,
    /// One good source.
    Medium,
    /// Seen in independent sources, or evident.
    High,
}

impl FromStr for Confidence {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "low" => Ok(Confidence::Low),
            "medium" => Ok(Confidence::Medium),
            "high" => Ok(Confidence::High),
            _ => Err("expected low, medium or high"),
        }
    }
}

/// Why a catalogue cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The file is missing or may not be read.
    #[error("cannot read the catalogue {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A line does not fit the columns.
    #[error("{file}:{line}: {problem}")]
    Line {
        /// The file.
        file: String,
        /// Line number from 1.
        line: usize,
        /// What was found and what is expected.
        problem: String,
    },
    /// The registry of MAC prefixes shipped in the binary does not unpack.
    #[error("the registry of MAC prefixes inside the program is damaged; install the program again")]
    Registry,
}

/// A group or vendor: an owner of endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerId(u32);

/// What a catalogue is made of besides what the program ships.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Rows under review count too.
    pub review: bool,
    /// A further file with the columns of `geoip/operators.tsv`.
    pub operators: Option<PathBuf>,
    /// A further file with the columns of `geoip/services.tsv`.
    pub services: Option<PathBuf>,
    /// A further file with the columns of `geoip/tools.tsv`.
    pub tools: Option<PathBuf>,
    /// The user's own rows; they stand above any file.
    pub operator_rows: Vec<Operator>,
    /// See `operator_rows`.
    pub service_rows: Vec<Service>,
}

/// Operators, services, tools and makers, ready for look-ups.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// By AS number.
    pub operators: Operators,
    /// By host name and address.
    pub services: Services,
    /// By host name, ALPN protocol, certificate and protocol.
    pub tools: Tools,
    /// By MAC prefix.
    pub makers: Makers,
    /// Sorted.
    owners: Vec<Text>,
}

impl Catalogue {
    /// What the program ships, without the rows under review.
    ///
    /// # Errors
    /// As [`Catalogue::open`].
    pub fn embedded() -> Result<Self, CatalogueError> {
        Self::open(Options::default())
    }

    /// What the program ships with what the user adds above it.
    ///
    /// # Errors
    /// A file that cannot be read, or the first line of it that does not fit: see [`CatalogueError`].
    pub fn open(options: Options) -> Result<Self, CatalogueError> {
        let mut operators: Vec<Operator> = Vec::new();
        shipped("geoip/operators.tsv", include_str!("../../geoip/operators.tsv"), &operator::COLUMNS, |row| {
            Operator::read(row).map(|row| operators.push(row))
        })?;
        let mut services: Vec<Service> = service::bulk()?;
        shipped("geoip/services.tsv", include_str!("../../geoip/services.tsv"), &service::COLUMNS, |row| {
            Service::read(row).map(|row| services.push(row))
        })?;
        if let Some(path) = &options.operators {
            user(path, &operator::COLUMNS, |row| Operator::read(row).map(|row| operators.push(row)))?;
        }
        if let Some(path) = &options.services {
            user(path, &service::COLUMNS, |row| Service::read(row).map(|row| services.push(row)))?;
        }
        let mut tools = tools(options.tools.as_deref())?;
        operators.extend(options.operator_rows);
        services.extend(options.service_rows);
        let mut makers = device::embedded(options.review)?;
        let mut owners: Vec<Text> = operators.iter().map(|row| row.group.clone()).collect();
        owners.extend(services.iter().map(|row| row.vendor.clone()));
        owners.extend(tools.iter().map(|row| row.vendor.clone()));
        owners.extend(makers.rows().iter().map(|row| row.vendor.clone()));
        owners.sort_unstable();
        owners.dedup();
        operators.iter_mut().for_each(|row| row.owner = owner_id(&owners, &row.group));
        services.iter_mut().for_each(|row| row.owner = owner_id(&owners, &row.vendor));
        tools.iter_mut().for_each(|row| row.owner = owner_id(&owners, &row.vendor));
        makers.name_owners(|vendor| owner_id(&owners, vendor));
        let operators = Operators::new(operators, options.review);
        let services = Services::new(services, options.review);
        Ok(Catalogue { operators, services, tools: Tools::new(tools), makers, owners })
    }

    /// The owner of this name.
    #[must_use]
    pub fn owner_named(&self, name: &str) -> Option<OwnerId> {
        Some(owner_id(&self.owners, name)).filter(|owner| owner.0 != u32::MAX)
    }

    /// What an owner is called.
    #[must_use]
    pub fn owner(&self, id: OwnerId) -> &str {
        self.owners.get(id.0 as usize).map_or("", |name| name)
    }
}

/// What the program ships with what the user's file adds above it.
fn tools(path: Option<&Path>) -> Result<Vec<Tool>, CatalogueError> {
    let mut rows: Vec<Tool> = Vec::new();
    shipped("geoip/tools.tsv", include_str!("../../geoip/tools.tsv"), &tool::COLUMNS, |row| {
        Tool::read(row).map(|row| rows.push(row))
    })?;
    if let Some(path) = path {
        user(path, &tool::COLUMNS, |row| Tool::read(row).map(|row| rows.push(row)))?;
    }
    Ok(rows)
}

fn owner_id(owners: &[Text], name: &str) -> OwnerId {
    OwnerId(owners.binary_search_by(|known| known.as_ref().cmp(name)).map_or(u32::MAX, |place| place as u32))
}

/// Reads rows of text inside the program.
pub(super) fn shipped(
    file: &str,
    text: &'static str,
    columns: &[&str],
    take: impl FnMut(&Row<'_>) -> Result<(), RowError>,
) -> Result<(), CatalogueError> {
    read(file, text, columns, Cow::Borrowed, take)
}

fn user(
    path: &Path,
    columns: &[&str],
    take: impl FnMut(&Row<'_>) -> Result<(), RowError>,
) -> Result<(), CatalogueError> {
    let text = std::fs::read_to_string(path).map_err(|error| CatalogueError::Read { path: path.to_owned(), error })?;
    read(&path.display().to_string(), &text, columns, |cell| Cow::Owned(cell.to_owned()), take)
}

fn read<'t>(
    file: &str,
    text: &'t str,
    columns: &[&str],
    keep: fn(&'t str) -> Text,
    mut take: impl FnMut(&Row<'_>) -> Result<(), RowError>,
) -> Result<(), CatalogueError> {
    let failed = |line: usize, problem: String| CatalogueError::Line { file: file.to_owned(), line, problem };
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let header = columns.join("\t");
    match lines.next() {
        Some((_, line)) if line == header => {}
        found => {
            let line = found.map_or(1, |(line, _)| line);
            return Err(failed(line, format!("expected the columns, separated by tabs: {}", columns.join(" "))));
        }
    }
    for (line, text) in lines {
        let cells: Vec<Text> = text.split('\t').map(keep).collect();
        if cells.len() != columns.len() {
            let problem = format!("{} columns where {} are expected, separated by tabs", cells.len(), columns.len());
            return Err(failed(line, problem));
        }
        take(&Row { cells, columns }).map_err(|error| failed(line, error.0))?;
    }
    Ok(())
}

/// What is wrong with a row.
#[derive(Debug)]
pub(super) struct RowError(String);

/// The cells of one line.
pub(super) struct Row<'c> {
    cells: Vec<Text>,
    columns: &'c [&'c str],
}

impl Row<'_> {
    fn cell(&self, column: usize) -> &Text {
        const EMPTY: &Text = &Cow::Borrowed("");
        self.cells.get(column).unwrap_or(EMPTY)
    }

    fn wrong(&self, column: usize, expected: &dyn fmt::Display) -> RowError {
        let name = self.columns.get(column).unwrap_or(&"");
        RowError(format!("column {name}: {:?}: {expected}", self.cell(column)))
    }

    /// A cell that says something.
    pub(super) fn text(&self, column: usize) -> Result<Text, RowError> {
        let cell = self.cell(column);
        if cell.trim().is_empty() || cell.chars().any(char::is_control) {
            return Err(self.wrong(column, &"expected text"));
        }
        Ok(cell.clone())
    }

    /// A cell that may be empty.
    pub(super) fn optional(&self, column: usize) -> Text {
        self.cell(column).clone()
    }

    /// A cell that reads as `T`.
    pub(super) fn parsed<T: FromStr<Err: fmt::Display>>(&self, column: usize) -> Result<T, RowError> {
        self.cell(column).parse().map_err(|error: T::Err| self.wrong(column, &error))
    }

    /// `yes` or `no`.
    pub(super) fn is_yes(&self, column: usize) -> Result<bool, RowError> {
        match self.cell(column).as_ref() {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err(self.wrong(column, &"expected yes or no")),
        }
    }
}
