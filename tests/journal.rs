//! The journal under everything that befalls a file: kill, full disk, read-only disk, damage, a second process, and
//! outputs that are slow or dead. What must hold is in the module docs of `borderflow::journal`.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test says where it fails")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says why")]

#[path = "journal/commands.rs"]
mod commands;
#[path = "journal/damage.rs"]
mod damage;
#[path = "journal/disk.rs"]
mod disk;
#[path = "journal/kit.rs"]
mod kit;
#[path = "journal/model.rs"]
mod model;
#[path = "journal/moved.rs"]
mod moved;
#[path = "journal/outbox.rs"]
mod outbox;
#[path = "journal/retention.rs"]
mod retention;
