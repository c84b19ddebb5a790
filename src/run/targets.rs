//! Whether the files a replay writes can be written without harm.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::capture::CaptureFiles;
use crate::config::Config;

use super::{Replay, ReplayError};

/// Refuses to write over a capture that is to be read, and to write two outputs to one file.
///
/// # Errors
/// Names the first such file.
pub(super) fn check(replay: &Replay, config: &Config, source: &CaptureFiles) -> Result<(), ReplayError> {
    let targets = files(replay, config);
    for (index, &path) in targets.iter().enumerate() {
        if source.paths().any(|input| is_same(input, path)) {
            return Err(ReplayError::OverwritesInput(path.to_owned()));
        }
        if targets.iter().skip(index + 1).any(|other| is_same(other, path)) {
            return Err(ReplayError::OutputTwice(path.to_owned()));
        }
    }
    Ok(())
}

/// The files a replay writes.
fn files<'a>(replay: &'a Replay, config: &'a Config) -> Vec<&'a Path> {
    let named = [&replay.alerts, &replay.flows, &replay.summary, &replay.journal].into_iter().flatten();
    let mut files: Vec<&Path> = named.map(PathBuf::as_path).filter(|path| path.as_os_str() != "-").collect();
    files.extend(config.flow_outputs.iter().filter_map(|output| output.target.file()));
    if replay.alerts.is_none() {
        files.extend(config.outputs.iter().filter_map(|output| output.target.file()));
    }
    files
}

/// True where both paths lead to one regular file. Devices such as `/dev/null` take any number of outputs.
fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino()),
        (Err(_), Err(_)) => spelled_out(one) == spelled_out(other),
        _ => false,
    }
}

/// A path to a file that is still to be made: its directory without links, and its name.
fn spelled_out(path: &Path) -> (Option<PathBuf>, Option<&std::ffi::OsStr>) {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    (fs::canonicalize(directory).ok(), path.file_name())
}
