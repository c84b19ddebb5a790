//! Lines appended to a file that rotates by size, by the time of the records, or by somebody else.
//!
//! A batch counts as taken once it is on the disk (`fdatasync`). What a crash can leave is one torn last line: it was never
//! acknowledged, so it is cut off when the file is opened, and comes again. The same is done with the part of a batch that
//! a full disk took. A file that was moved away (logrotate) is noticed before the next batch and made anew.
//!
//! Rotation renames `path` to `path.1` (`path.1.gz`), that to `path.2`, and deletes what is beyond `keep`. The time that
//! counts is that of the records, in periods since 1970 (UTC); of a file that is there at the start, its last change.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::transport::Step;
use super::{Answer, Limits, Message, Reopen, Transport, Trouble};
use crate::net::Timestamp;

/// The owner writes, the group reads.
const MODE: u32 = 0o640;
/// A torn line longer than this is not ours to cut.
const MOST_TORN_BYTES: u64 = 2 << 20;

/// A file output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The file.
    pub path: PathBuf,
    /// Rotates before the file would grow beyond this; `None`: never by size.
    pub rotate_bytes: Option<u64>,
    /// Rotates when records of another period come; `None`: never by time.
    pub rotate_every: Option<Duration>,
    /// Rotated files kept.
    pub keep: u32,
    /// Whether rotated files are compressed (gzip).
    pub compress: bool,
}

/// Appends to a file.
pub(super) struct FileTransport {
    state: Option<Writer>,
    options: Options,
    reopen: Reopen,
}

impl FileTransport {
    pub(super) fn new(options: &Options, reopen: &Reopen) -> Self {
        FileTransport { state: None, options: options.clone(), reopen: reopen.clone() }
    }
}

impl Transport for FileTransport {
    fn limits(&self) -> Limits {
        Limits::STREAM
    }

    fn send<'a>(&'a mut self, batch: &'a [Message]) -> Step<'a, Result<Answer, Trouble>> {
        Box::pin(async {
            let requests = self.reopen.requests();
            let mut writer = self.state.take().unwrap_or_else(|| Writer::new(self.options.clone(), requests));
            let lines = Lines::of(batch);
            let (writer, written) = tokio::task::spawn_blocking(move || {
                let written = writer.write(&lines, requests);
                (writer, written)
            })
            .await
            .map_err(Trouble::later)?;
            self.state = Some(writer);
            let path = self.options.path.display();
            let bytes = written.map_err(|error| Trouble::later(format_args!("{path}: {error}")))?;
            Ok(Answer::taken(format!("{bytes} bytes are on the disk in {path}")))
        })
    }
}

/// Lines one after the other, and where each ends.
struct Lines {
    bytes: Vec<u8>,
    ends: Vec<(Timestamp, usize)>,
}

impl Lines {
    fn of(batch: &[Message]) -> Lines {
        let mut lines = Lines { bytes: Vec::new(), ends: Vec::with_capacity(batch.len()) };
        for message in batch {
            lines.bytes.extend_from_slice(&message.bytes);
            lines.bytes.push(b'\n');
            lines.ends.push((message.at, lines.bytes.len()));
        }
        lines
    }
}

/// The file, written to by one thread at a time.
struct Writer {
    options: Options,
    open: Option<Open>,
    /// Requests to reopen that were followed.
    requests: u64,
}

struct Open {
    file: File,
    /// `None`: no regular file, which neither rotates nor can be torn.
    regular: Option<Regular>,
}

#[derive(Clone, Copy)]
struct Regular {
    bytes: u64,
    identity: (u64, u64),
    /// Number of the period of its latest record; `None`: it is empty.
    period: Option<u64>,
}

impl Writer {
    fn new(options: Options, requests: u64) -> Writer {
        Writer { options, open: None, requests }
    }

    /// Appends and syncs all lines; says how many bytes.
    fn write(&mut self, lines: &Lines, requests: u64) -> io::Result<usize> {
        if std::mem::replace(&mut self.requests, requests) != requests || self.is_moved() {
            self.open = None;
        }
        let written = self.append_all(lines);
        if written.is_err() {
            // To be opened anew, which repairs what is torn.
            self.open = None;
        }
        written.map(|()| lines.bytes.len())
    }

    /// True where the path leads to another file by now, or to none.
    fn is_moved(&self) -> bool {
        let Some(regular) = self.open.as_ref().and_then(|open| open.regular) else { return false };
        fs::metadata(&self.options.path).map_or(true, |found| (found.dev(), found.ino()) != regular.identity)
    }

    fn append_all(&mut self, lines: &Lines) -> io::Result<()> {
        let (mut begin, mut end) = (0, 0);
        for &(at, line_end) in &lines.ends {
            let waiting = (end - begin) as u64;
            if self.is_due(at, waiting, (line_end - end) as u64)? {
                self.append(lines.bytes.get(begin..end).unwrap_or_default())?;
                self.rotate()?;
                begin = end;
            }
            let period = self.period(at);
            if let Some(regular) = &mut self.opened()?.regular {
                regular.period = regular.period.max(period);
            }
            end = line_end;
        }
        self.append(lines.bytes.get(begin..end).unwrap_or_default())?;
        let open = self.opened()?;
        if open.regular.is_some() { open.file.sync_data() } else { Ok(()) }
    }

    /// True where a line of `next` bytes at `at` belongs to the next file; `waiting` bytes are still to be written to this.
    fn is_due(&mut self, at: Timestamp, waiting: u64, next: u64) -> io::Result<bool> {
        let (limit, period) = (self.options.rotate_bytes, self.period(at));
        let Some(regular) = self.opened()?.regular else { return Ok(false) };
        let bytes = regular.bytes + waiting;
        let by_size = limit.is_some_and(|limit| bytes + next > limit);
        let by_time = period.is_some() && regular.period.is_some_and(|last| Some(last) < period);
        Ok(bytes > 0 && (by_size || by_time))
    }

    fn period(&self, at: Timestamp) -> Option<u64> {
        let length = self.options.rotate_every?.as_nanos().max(1);
        u64::try_from(u128::from(at.as_nanos()) / length).ok()
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let open = self.opened()?;
        let result = open.file.write_all(bytes);
        if let Some(regular) = &mut open.regular {
            match &result {
                Ok(()) => regular.bytes += bytes.len() as u64,
                // Best done at once: nobody should read half a line while the disk is full.
                Err(_) => drop(open.file.set_len(regular.bytes)),
            }
        }
        result
    }

    fn opened(&mut self) -> io::Result<&mut Open> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.reopened()?,
        };
        Ok(self.open.insert(open))
    }

    fn reopened(&self) -> io::Result<Open> {
        let path = &self.options.path;
        let mut file = match OpenOptions::new().read(true).append(true).create_new(true).mode(MODE).open(path) {
            Ok(file) => {
                file.set_permissions(fs::Permissions::from_mode(MODE))?;
                sync_directory(path)?;
                file
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let is_regular = fs::metadata(path)?.is_file();
                OpenOptions::new().read(is_regular).append(true).open(path)?
            }
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(Open { file, regular: None });
        }
        let bytes = repair(&mut file, metadata.len())?;
        let changed = Timestamp::from_parts(u64::try_from(metadata.mtime()).unwrap_or(0), 0);
        let period = if bytes > 0 { self.period(changed) } else { None };
        Ok(Open { file, regular: Some(Regular { bytes, identity: (metadata.dev(), metadata.ino()), period }) })
    }

    fn rotate(&mut self) -> io::Result<()> {
        if let Some(open) = self.open.take() {
            open.file.sync_data()?;
        }
        let (path, keep) = (&self.options.path, self.options.keep);
        for number in (1..=keep).rev() {
            for suffix in ["", ".gz"] {
                let rotated = numbered(path, number, suffix);
                if number == keep {
                    absent_is_fine(fs::remove_file(&rotated))?;
                } else {
                    absent_is_fine(fs::rename(&rotated, numbered(path, number + 1, suffix)))?;
                }
            }
        }
        let first = numbered(path, 1, "");
        fs::rename(path, &first)?;
        if self.options.compress {
            compress(&first, &numbered(path, 1, ".gz"))?;
        }
        sync_directory(path)
    }
}

/// Cuts off a torn last line; says how long the file is then.
fn repair(file: &mut File, bytes: u64) -> io::Result<u64> {
    let tail = bytes.min(MOST_TORN_BYTES);
    let mut read = Vec::new();
    file.seek(SeekFrom::Start(bytes - tail))?;
    (&*file).take(tail).read_to_end(&mut read)?;
    let torn = read.iter().rev().take_while(|&&byte| byte != b'\n').count() as u64;
    if torn == 0 {
        return Ok(bytes);
    }
    if torn == tail && tail < bytes {
        // Nothing of ours is that long: kept, and ended.
        file.write_all(b"\n")?;
        return Ok(bytes + 1);
    }
    file.set_len(bytes - torn)?;
    Ok(bytes - torn)
}

fn numbered(path: &Path, number: u32, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}{suffix}"));
    PathBuf::from(name)
}

/// Leaves either the plain or the whole compressed file, whenever it is cut off.
fn compress(plain: &Path, compressed: &Path) -> io::Result<()> {
    let mut unfinished = OsString::from(compressed);
    unfinished.push(".part");
    let unfinished = PathBuf::from(unfinished);
    let target = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&unfinished)?;
    let mut encoder = GzEncoder::new(target, Compression::default());
    io::copy(&mut File::open(plain)?, &mut encoder)?;
    encoder.finish()?.sync_all()?;
    fs::rename(&unfinished, compressed)?;
    fs::remove_file(plain)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
