//! Whether a login by SSH was granted, by the sizes of the server's first encrypted messages.
//!
//! The server's first answer after the keys are taken into use accepts the authentication service (RFC 4253, section 10).
//! Each refusal after it (RFC 4252, section 5.1) lists methods and is longer than that answer; the success (section 5.1)
//! is a single byte, so it is shorter. Ciphers pad all of them alike. It is an inference: nothing is decrypted, and no
//! time between messages is looked at.

use super::Speaker;
use super::message::Login;

/// Beginning of the message that takes new keys into use, in the clear: length 12, padding 10 (RFC 4253, section 7.3).
const NEW_KEYS: [u8; 6] = [0, 0, 0, 12, 10, 21];

/// Messages of the server after which a login that was not granted is given up.
const PATIENCE: u8 = 40;

/// How far a login has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SshLogin {
    /// Whether the client has taken its keys into use, and spoken after that.
    keys: bool,
    asked: bool,
    /// Length of the server's first answer.
    accepted: Option<usize>,
    answers: u8,
    granted: bool,
}

impl SshLogin {
    /// Takes a segment that carries new bytes, and says what it tells.
    pub(super) fn segment(&mut self, speaker: Speaker, segment: &[u8]) -> Option<Login> {
        match speaker {
            Speaker::Client if !self.keys => {
                // Some clients say their first encrypted message in the same segment.
                self.keys = segment.starts_with(&NEW_KEYS);
                self.asked = self.keys && segment.len() > 4 + 12;
                None
            }
            Speaker::Client => {
                self.asked = true;
                None
            }
            Speaker::Server if !self.asked => None,
            Speaker::Server => self.answer(segment.len()),
        }
    }

    fn answer(&mut self, length: usize) -> Option<Login> {
        self.answers = self.answers.saturating_add(1);
        let Some(accepted) = self.accepted else {
            self.accepted = Some(length);
            return None;
        };
        self.granted |= length < accepted;
        Some(if self.granted { Login::Granted } else { Login::Tried })
    }

    /// True where nothing more can be told.
    pub(super) const fn is_over(self) -> bool {
        self.granted || self.answers >= PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Speaker::{Client, Server};

    fn login(rest: &[(Speaker, usize)]) -> Option<Login> {
        let mut watch = SshLogin::default();
        let keys = [&NEW_KEYS[..], &[0; 10]].concat();
        let before = [(Client, vec![0; 1104]), (Server, vec![0; 1088]), (Client, vec![0; 48]), (Server, vec![0; 544])];
        let all = before.into_iter().chain([(Client, keys)]).chain(rest.iter().map(|(end, len)| (*end, vec![7; *len])));
        all.filter_map(|(end, bytes)| watch.segment(end, &bytes)).last()
    }

    /// Lengths as OpenSSH 10 sends them.
    const ASKED: [(Speaker, usize); 4] = [(Client, 44), (Server, 44), (Client, 68), (Server, 52)];

    #[test]
    fn a_shorter_answer_than_the_first_is_the_grant() {
        assert_eq!(login(&[&ASKED[..], &[(Client, 308), (Server, 28), (Client, 112)]].concat()), Some(Login::Granted));
    }

    #[test]
    fn refusals_stay_tries() {
        let refused: Vec<_> = (0..3).flat_map(|_| [(Client, 148), (Server, 52)]).collect();
        assert_eq!(login(&[&ASKED[..], &refused].concat()), Some(Login::Tried));
        assert_eq!(login(&[]), None);
    }
}
