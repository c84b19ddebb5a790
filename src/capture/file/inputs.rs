//! The captures of a run: files, directories of captures and standard input, in the order of their first packets.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{CaptureReader, Delivery};
use crate::capture::{Batch, CaptureError, Loss, PacketSource};
use crate::net::Timestamp;

/// Bytes read of each capture to learn the time of its first packet.
const PROBE_BYTES: usize = 4 * 1024;

/// Captures read one after the other, each opened when its turn comes.
///
/// Inputs whose first packet's time is known are read in its order. The others (standard input, pipes, captures
/// without a packet, files that cannot be read) keep the place they were given.
pub struct CaptureFiles {
    pending: VecDeque<Input>,
    current: Option<CaptureReader<'static>>,
    total_bytes: Option<u64>,
    ignored_files: usize,
    frames: u64,
    /// Of the inputs that are finished.
    bytes_read: u64,
    loss: Loss,
}

#[derive(Debug)]
struct Input {
    origin: Origin,
    first: Option<Timestamp>,
}

#[derive(Debug, PartialEq, Eq)]
enum Origin {
    File(PathBuf),
    /// A file without an end to seek to: read as it comes.
    Pipe(PathBuf),
    Stdin,
}

/// What a look at the start of a file shows.
enum Probe {
    Capture(Option<Timestamp>),
    NotACapture,
}

impl CaptureFiles {
    /// Lists `paths`: captures, directories that are searched for captures, or `-` for standard input. A file that
    /// cannot be read is reported by [`PacketSource::next_batch`] when its turn comes.
    ///
    /// # Errors
    /// A directory without a capture, standard input twice, no path at all.
    pub fn open(paths: &[PathBuf]) -> Result<CaptureFiles, CaptureError> {
        let mut files = CaptureFiles {
            pending: VecDeque::new(),
            current: None,
            total_bytes: Some(0),
            ignored_files: 0,
            frames: 0,
            bytes_read: 0,
            loss: Loss::default(),
        };
        for path in paths {
            files.add(path)?;
        }
        if files.pending.is_empty() {
            return Err(unusable(
                "no input",
                "expected a capture file, a directory of captures, or - for standard input",
            ));
        }
        files.sort_by_first_packet();
        Ok(files)
    }

    /// Size of all inputs in bytes, as they lie on disk; `None` where one is a stream of unknown length.
    #[must_use]
    pub fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }

    /// Files in the given directories that are no captures.
    #[must_use]
    pub fn ignored_files(&self) -> usize {
        self.ignored_files
    }

    /// The files still to be read.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.pending.iter().filter_map(|input| match &input.origin {
            Origin::File(path) | Origin::Pipe(path) => Some(path.as_path()),
            Origin::Stdin => None,
        })
    }

    /// The input being read: a path, or `standard input`.
    #[must_use]
    pub fn current_name(&self) -> Option<&str> {
        self.current.as_ref().map(CaptureReader::name)
    }

    fn add(&mut self, path: &Path) -> Result<(), CaptureError> {
        if path == Path::new("-") {
            if self.pending.iter().any(|input| input.origin == Origin::Stdin) {
                return Err(unusable("standard input", "given twice; it can be read only once"));
            }
            self.total_bytes = None;
            self.pending.push_back(Input { origin: Origin::Stdin, first: None });
            return Ok(());
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.add_directory(path)?,
            Ok(metadata) if metadata.is_file() => {
                let first = match probe(path) {
                    Probe::Capture(first) => first,
                    Probe::NotACapture => None,
                };
                self.add_file(path.to_owned(), metadata.len(), first);
            }
            Ok(_) => {
                self.total_bytes = None;
                self.pending.push_back(Input { origin: Origin::Pipe(path.to_owned()), first: None });
            }
            Err(_) => self.add_file(path.to_owned(), 0, None),
        }
        Ok(())
    }

    fn add_file(&mut self, path: PathBuf, bytes: u64, first: Option<Timestamp>) {
        self.total_bytes = self.total_bytes.map(|total| total.saturating_add(bytes));
        self.pending.push_back(Input { origin: Origin::File(path), first });
    }

    /// Adds the captures below `directory`, by name. Links to directories are not followed, so there is no cycle.
    fn add_directory(&mut self, directory: &Path) -> Result<(), CaptureError> {
        let before = (self.pending.len(), self.ignored_files);
        let mut directories = vec![directory.to_owned()];
        while let Some(directory) = directories.pop() {
            let Ok(entries) = sorted_entries(&directory) else {
                self.add_file(directory, 0, None);
                continue;
            };
            for path in entries {
                let is_link = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink());
                match fs::metadata(&path) {
                    Ok(metadata) if metadata.is_dir() && !is_link => directories.push(path),
                    Ok(metadata) if metadata.is_file() => match probe(&path) {
                        Probe::Capture(first) => self.add_file(path, metadata.len(), first),
                        // Called a capture and being none, it is damaged: reading it will say how.
                        Probe::NotACapture if is_called_capture(&path) => self.add_file(path, metadata.len(), None),
                        Probe::NotACapture => self.ignored_files += 1,
                    },
                    Err(_) if is_called_capture(&path) => self.add_file(path, 0, None),
                    Ok(_) | Err(_) => self.ignored_files += 1,
                }
            }
        }
        if self.pending.len() == before.0 {
            let others = self.ignored_files - before.1;
            let problem = format!(
                "no capture in this directory ({others} other files); expected pcap, pcapng or snoop, optionally compressed"
            );
            return Err(unusable(&directory.display().to_string(), &problem));
        }
        Ok(())
    }

    /// Sorts the inputs with a known first packet among the places they have; the sort is stable.
    fn sort_by_first_packet(&mut self) {
        let (mut dated, mut places) = (Vec::new(), Vec::new());
        for input in self.pending.drain(..) {
            let place = if input.first.is_none() {
                Some(input)
            } else {
                dated.push(input);
                None
            };
            places.push(place);
        }
        dated.sort_by_key(|input| input.first);
        let mut dated = dated.into_iter();
        self.pending = places.into_iter().filter_map(|place| place.or_else(|| dated.next())).collect();
    }

    fn finish_current(&mut self) {
        if let Some(reader) = self.current.take() {
            self.bytes_read += reader.bytes_read();
            self.loss = self.loss + reader.loss();
        }
    }
}

impl PacketSource for CaptureFiles {
    fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, CaptureError> {
        batch.frames.clear();
        loop {
            let reader = match &mut self.current {
                Some(reader) => reader,
                None => match self.pending.pop_front() {
                    Some(input) => self.current.insert(open(input.origin)?),
                    None => {
                        batch.clear();
                        return Ok(false);
                    }
                },
            };
            match reader.next_batch(batch) {
                Ok(true) => {
                    batch.first_frame = self.frames;
                    self.frames += batch.frames.len() as u64;
                    return Ok(true);
                }
                Ok(false) => self.finish_current(),
                Err(error) => {
                    self.finish_current();
                    return Err(error);
                }
            }
        }
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read + self.current.as_ref().map_or(0, PacketSource::bytes_read)
    }

    fn loss(&self) -> Loss {
        self.loss + self.current.as_ref().map(PacketSource::loss).unwrap_or_default()
    }
}

fn open(origin: Origin) -> Result<CaptureReader<'static>, CaptureError> {
    let (path, delivery) = match origin {
        Origin::Stdin => return Ok(CaptureReader::new("standard input", io::stdin(), Delivery::Prompt)),
        Origin::File(path) => (path, Delivery::Full),
        Origin::Pipe(path) => (path, Delivery::Prompt),
    };
    let name = path.display().to_string();
    match File::open(&path) {
        Ok(file) => Ok(CaptureReader::new(name, file, delivery)),
        Err(error) => Err(CaptureError::Io { input: name, error }),
    }
}

/// Looks at the start of the file. One that cannot be read counts as a capture, so that it is reported.
fn probe(path: &Path) -> Probe {
    let Ok(file) = File::open(path) else { return Probe::Capture(None) };
    let mut batch = Batch::default();
    match CaptureReader::new("", file, Delivery::Prompt).with_block_bytes(PROBE_BYTES).next_batch(&mut batch) {
        Ok(_) => Probe::Capture(batch.frames.first().map(|frame| frame.timestamp)),
        Err(CaptureError::Format { .. }) => Probe::NotACapture,
        Err(CaptureError::Io { .. } | CaptureError::Damaged { .. }) => Probe::Capture(None),
    }
}

/// True where the name says that the file is a capture, compressed or not.
fn is_called_capture(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let plain = [".gz", ".zst", ".xz", ".bz2", ".lz4"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    [".pcap", ".pcapng", ".cap"].iter().any(|end| plain.ends_with(end))
}

fn sorted_entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}

fn unusable(input: &str, problem: &str) -> CaptureError {
    CaptureError::Format { input: input.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::file::bytes::Order;
    use crate::capture::file::tests::{Writer, drain, pcap_of};

    /// Writes a capture of one frame, whose only byte is its second.
    fn write_capture(path: &Path, second: u8) {
        let mut writer = Writer::pcap(Order::Little, 0xa1b2_c3d4, (2, 4), 1);
        writer.record(u32::from(second), 0, &[second]);
        fs::write(path, writer.bytes).unwrap();
    }

    fn seconds(files: &mut CaptureFiles) -> Vec<u8> {
        let (frames, error) = drain(files);
        assert!(error.is_none(), "{error:?}");
        frames.iter().map(|(_, data)| data[0]).collect()
    }

    #[test]
    fn captures_are_read_in_the_order_of_their_first_packets_wherever_they_lie() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir(root.join("day2")).unwrap();
        write_capture(&root.join("a.pcap"), 3);
        write_capture(&root.join("day2/b"), 1);
        write_capture(&root.join("c.pcap"), 2);
        let zipped = zstd::encode_all(fs::File::open(root.join("c.pcap")).unwrap(), 1).unwrap();
        fs::write(root.join("c.pcap"), zipped).unwrap();
        fs::write(root.join("notes.txt"), "no capture").unwrap();
        let mut files = CaptureFiles::open(&[root.to_owned()]).unwrap();
        assert_eq!(files.ignored_files(), 1);
        assert_eq!(seconds(&mut files), [1, 2, 3]);
        assert_eq!(Some(files.bytes_read()), files.total_bytes());
    }

    #[test]
    fn a_bad_file_is_reported_by_name_and_the_next_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        write_capture(&path("late"), 2);
        write_capture(&path("early"), 1);
        fs::write(path("cut"), &pcap_of(&[5])[..30]).unwrap();
        fs::write(path("text"), "hello").unwrap();
        let inputs = ["late", "missing", "text", "cut", "early"].map(path);
        let mut files = CaptureFiles::open(&inputs).unwrap();
        let mut batch = Batch::default();
        let mut seen = Vec::new();
        loop {
            match files.next_batch(&mut batch) {
                Ok(true) => seen.push(format!("frame {} of {}", batch.first_frame, files.current_name().unwrap())),
                Ok(false) => break,
                Err(error) => seen.push(error.to_string()),
            }
        }
        let starts =
            ["frame 0 of .early", "missing: No such file", "text: not a capture", "cut: cut off", "frame 1 of .late"];
        assert_eq!(seen.len(), starts.len(), "{seen:?}");
        for (seen, expected) in seen.iter().zip(starts) {
            let shortened = seen.replace(&format!("{}/", directory.path().display()), ".");
            assert!(shortened.trim_start_matches('.').starts_with(expected), "{shortened} is not {expected}");
        }
    }

    #[test]
    fn a_directory_without_a_capture_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("readme"), "text").unwrap();
        let error = CaptureFiles::open(&[directory.path().to_owned()]).err().unwrap().to_string();
        assert!(error.contains("no capture in this directory (1 other files)"), "{error}");
    }

    #[test]
    fn a_reader_can_run_in_its_own_thread() {
        let directory = tempfile::tempdir().unwrap();
        write_capture(&directory.path().join("a"), 9);
        let mut files = CaptureFiles::open(&[directory.path().to_owned()]).unwrap();
        let mut filter = crate::capture::Filter::new("less 1").unwrap();
        let matching = std::thread::spawn(move || {
            let mut batch = Batch::default();
            files.next_batch(&mut batch).unwrap() && filter.matches(&batch.frame(0).unwrap())
        });
        assert!(matching.join().unwrap());
    }

    /// A named pipe, as `<(zcat …)` in a shell makes one.
    #[test]
    fn a_named_pipe_is_read_without_a_look_ahead() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut files = CaptureFiles::open(std::slice::from_ref(&pipe)).unwrap();
        assert_eq!(files.total_bytes(), None);
        let writer = std::thread::spawn(move || fs::write(pipe, pcap_of(&[1, 2])).unwrap());
        let (frames, error) = drain(&mut files);
        writer.join().unwrap();
        assert!(error.is_none(), "{error:?}");
        assert_eq!(frames.len(), 2);
    }

    #[test]
    fn standard_input_can_be_given_once() {
        let dash = PathBuf::from("-");
        assert!(CaptureFiles::open(std::slice::from_ref(&dash)).unwrap().total_bytes().is_none());
        assert!(CaptureFiles::open(&[dash.clone(), dash]).is_err());
        assert!(CaptureFiles::open(&[]).is_err());
    }
}
