//! Alerts and flows as bytes: one format per file, pure functions.

pub mod ecs;
pub mod human;
pub mod text;

/// How an alert is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Elastic Common Schema 9, JSON lines.
    Ecs,
    /// A line for people, and a table at the end.
    Text(Style),
}

/// Whether text may carry colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Plain text.
    Plain,
    /// ANSI colours.
    Coloured,
}
