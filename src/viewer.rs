//! What a viewer sent.
//!
//! A path, a host, a query, a user agent: bytes that anybody on the internet may choose. They are a
//! type of their own until they are shown, and showing them escapes them, so that nothing a viewer
//! sent can become a terminal escape, markup, a link or a line of its own.

use std::fmt;

use crate::limits::SHOWN_BYTES;

/// Bytes that a viewer sent, as the log wrote them (percent-encoded once by CloudFront on top of
/// whatever the viewer encoded).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Viewer(Box<[u8]>);

impl Viewer {
    /// Takes the bytes of a log column.
    pub fn new(logged: &[u8]) -> Self {
        Self(logged.into())
    }

    /// The bytes as the log wrote them.
    pub fn logged(&self) -> &[u8] {
        &self.0
    }

    /// What the viewer sent: the log's encoding undone once.
    pub fn sent(&self) -> Vec<u8> {
        decode_once(&self.0)
    }

    /// What the viewer meant: its own encoding undone as well.
    pub fn meant(&self) -> Vec<u8> {
        decode_once(&self.sent())
    }

    /// The text that may be shown: printable ASCII, everything else percent-encoded, cut at
    /// [`SHOWN_BYTES`].
    pub fn shown(&self) -> String {
        show(&self.sent())
    }
}

impl fmt::Debug for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Viewer({})", self.shown())
    }
}

/// Undoes percent-encoding once; a `%` that starts no escape stays.
pub fn decode_once(bytes: &[u8]) -> Vec<u8> {
    percent_encoding::percent_decode(bytes).collect()
}

/// Bytes as printable ASCII; all else becomes `%HH`, and long text is cut.
pub fn show(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().min(SHOWN_BYTES));
    for &byte in bytes {
        if text.len() >= SHOWN_BYTES {
            text.push_str("...");
            break;
        }
        match byte {
            0x21..=0x7e => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// A word from outside that is not a viewer's (a rule name, a key, what an error said): printable,
/// on one line, without direction marks.
pub fn plain(text: &str) -> String {
    text.chars().take(SHOWN_BYTES).map(visible).collect()
}

/// The same for a sentence of ours that holds such words, which is not cut.
pub fn printable(text: &str) -> String {
    text.chars().map(visible).collect()
}

fn visible(c: char) -> char {
    match c {
        c if c.is_control() => '\u{fffd}',
        c if is_unseen(c) => '\u{fffd}',
        c => c,
    }
}

/// Whether a character has no width or turns the direction of what follows.
pub fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logs_encoding_is_undone_once_and_the_viewers_kept() {
        let path = Viewer::new(b"/a%2520b");
        assert_eq!(path.shown(), "/a%20b");
        assert_eq!(path.meant(), b"/a b");
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_shown() {
        let path = Viewer::new("/%1B[31m\u{202e}\n<b>".as_bytes());
        assert_eq!(path.shown(), "/%1B[31m%E2%80%AE%0A<b>");
        assert_eq!(plain("a\u{1b}[0m\u{202e}b"), "a\u{fffd}[0m\u{fffd}b");
    }
}
