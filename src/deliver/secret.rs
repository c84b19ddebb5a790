//! Secrets: where they are kept is configured, what they are is read at the start and never shown.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;

use super::StartError;

/// More than any token or key has.
const MOST_BYTES: u64 = 64 << 10;

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In a file; white space at its end does not count.
    File(PathBuf),
    /// In a variable of the environment.
    Environment(String),
}

impl SecretSource {
    /// Reads it. `key` is the configuration's name for it, without `_file` or `_env`.
    ///
    /// # Errors
    /// It is not there, is empty, or is no text.
    pub fn read(&self, key: &'static str) -> Result<Secret, StartError> {
        let text = match self {
            SecretSource::File(path) => {
                let problem = |error: &dyn fmt::Display| StartError::of_file(key, path, error);
                let size = std::fs::metadata(path).map_err(|error| problem(&error))?.len();
                if size > MOST_BYTES {
                    return Err(problem(&format_args!("{size} bytes; expected a secret of at most {MOST_BYTES}")));
                }
                let bytes = std::fs::read(path).map_err(|error| problem(&error))?;
                String::from_utf8(bytes).map_err(|_| problem(&"no text"))?
            }
            SecretSource::Environment(name) => std::env::var(name)
                .map_err(|_| StartError::new(key, format!("the environment has no variable {name} with text")))?,
        };
        let text = text.trim_end();
        if text.is_empty() {
            return Err(StartError::new(key, format!("{self} is empty")));
        }
        Ok(Secret(text.to_owned()))
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretSource::File(path) => write!(f, "file {}", path.display()),
            SecretSource::Environment(name) => write!(f, "environment variable {name}"),
        }
    }
}

/// A secret; printing it in any way shows nothing.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// User name and password as HTTP's Basic scheme presents them (RFC 7617).
    pub(super) fn basic(user: &str, password: &Secret) -> Secret {
        Secret(base64::engine::general_purpose::STANDARD.encode(format!("{user}:{}", password.0)))
    }

    /// What it is.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
