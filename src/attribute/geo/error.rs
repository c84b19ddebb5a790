//! Why a database cannot be used.

use std::path::PathBuf;

use super::Role;

/// Why a database cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// The file is missing or may not be read.
    #[error("cannot read the {role} database {}: {error}", path.display())]
    Read {
        /// What it was to be used for.
        role: Role,
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file holds nothing.
    #[error("the database {} is empty; copy or download it again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is larger than any database this program reads.
    #[error("the database {} has {bytes} bytes, more than the {limit_bytes} this program reads into memory; use a country or ASN database instead", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// The file has no MaxMind metadata at its end.
    #[error("{} is no MaxMind database (.mmdb), or its end is missing: no metadata found in its {bytes} bytes; download it again, and unpack it if it is an archive", path.display())]
    NotMmdb {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The file is a MaxMind database that contradicts itself.
    #[error("the database {} is corrupt: {reason}; download it again", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong, where.
        reason: String,
    },
    /// The file answers for IPv4 only.
    #[error("the database {} holds IPv4 only, so IPv6 addresses could not be looked up; use the edition that holds both IPv4 and IPv6", path.display())]
    Ipv4Only {
        /// The file.
        path: PathBuf,
    },
    /// No record of the file has the fields of the role.
    #[error("{} is no {role} database: {found}; give it a {role} database, or leave the key out to use the shipped one", path.display())]
    WrongRole {
        /// What it was to be used for.
        role: Role,
        /// The file.
        path: PathBuf,
        /// What its records do hold.
        found: String,
    },
    /// The data shipped in the binary does not unpack.
    #[error("the {role} data inside the program is damaged: {reason}; install the program again")]
    Shipped {
        /// What it is used for.
        role: Role,
        /// What is wrong.
        reason: String,
    },
}
