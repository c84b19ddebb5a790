//! Whether files have changed, by what the file system says of them.
//!
//! A file that is being written changes from look to look; it counts as changed once two looks have found the same. So a
//! database that is replaced in place is not read half-written, and one that could not be used is tried again when it
//! changes again. Symbolic links are followed, so a link that leads elsewhere (as Kubernetes swaps whole directories) is a
//! change. There is no clock here: whoever asks looks every two seconds.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// What tells one content of a file from another: device, inode, size, and when content and inode changed (seconds and
/// nanoseconds); `None` where there is no file.
type Look = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;

/// Watches files.
#[derive(Debug, Default)]
pub(super) struct Watch {
    paths: Vec<PathBuf>,
    known: Vec<Look>,
    /// What the last look found, where that is new.
    new: Option<Vec<Look>>,
}

impl Watch {
    /// As they are now is how they are known.
    pub(super) fn new(paths: Vec<PathBuf>) -> Watch {
        let known = look(&paths);
        Watch { paths, known, new: None }
    }

    /// True once after each change, when it has been the same for two looks.
    pub(super) fn changed(&mut self) -> bool {
        let found = look(&self.paths);
        if found == self.known {
            self.new = None;
            return false;
        }
        if self.new.as_ref() != Some(&found) {
            self.new = Some(found);
            return false;
        }
        (self.known, self.new) = (found, None);
        true
    }

    /// True where nothing has changed since it was known.
    pub(super) fn is_same(&self) -> bool {
        look(&self.paths) == self.known
    }

    /// Watches `paths` from now on. Of a file that was watched before, what was known stays known: what changed while it was
    /// read is still a change.
    pub(super) fn follow(&mut self, paths: Vec<PathBuf>) {
        let known_of = |path: &PathBuf| {
            let place = self.paths.iter().position(|known| known == path)?;
            self.known.get(place).copied()
        };
        let known = paths.iter().map(|path| known_of(path).unwrap_or_else(|| look_at(path))).collect();
        *self = Watch { paths, known, new: None };
    }
}

fn look(paths: &[PathBuf]) -> Vec<Look> {
    paths.iter().map(look_at).collect()
}

fn look_at(path: &PathBuf) -> Look {
    let found = fs::metadata(path).ok()?;
    let (content, inode) = ((found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec()));
    Some((found.dev(), found.ino(), found.size(), content, inode))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_counts_as_changed_when_it_has_stopped_changing_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("asn.mmdb");
        fs::write(&path, "old").unwrap();
        let mut watch = Watch::new(vec![path.clone()]);
        assert!(!watch.changed() && !watch.changed());
        let mut file = fs::OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
        for _ in 0..3 {
            file.write_all(b"half of it").unwrap();
            assert!(!watch.changed(), "still written");
        }
        assert_eq!([watch.changed(), watch.changed(), watch.changed()], [true, false, false]);
        fs::remove_file(&path).unwrap();
        assert_eq!([watch.changed(), watch.changed(), watch.changed()], [false, true, false], "gone");
        fs::write(&path, "back").unwrap();
        assert_eq!([watch.changed(), watch.changed(), watch.changed()], [false, true, false], "back");
    }

    #[test]
    fn a_link_that_leads_to_another_directory_is_a_change_of_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| folder.path().join(name);
        for (directory, text) in [("one", "same"), ("other", "same")] {
            fs::create_dir(of(directory)).unwrap();
            fs::write(of(directory).join("config.toml"), text).unwrap();
        }
        symlink("one", of("data")).unwrap();
        symlink("data/config.toml", of("config.toml")).unwrap();
        let mut watch = Watch::new(vec![of("config.toml")]);
        symlink("other", of("next")).unwrap();
        fs::rename(of("next"), of("data")).unwrap();
        assert_eq!([watch.changed(), watch.changed(), watch.changed()], [false, true, false]);
    }

    #[test]
    fn what_changes_while_a_configuration_is_taken_over_is_not_missed() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| folder.path().join(name);
        fs::write(of("config.toml"), "1").unwrap();
        let mut watch = Watch::new(vec![of("config.toml")]);
        fs::write(of("config.toml"), "22").unwrap();
        watch.follow(vec![of("config.toml"), of("asn.mmdb")]);
        assert_eq!([watch.changed(), watch.changed()], [false, true]);
    }
}
