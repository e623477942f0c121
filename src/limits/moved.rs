//! The limits of reading that somebody may have a reason to move: a machine with more memory, logs
//! that another tool put together into larger objects.
//!
//! All others protect an answer's form or the memory of a fixed structure, and stay.

use std::fmt;
use std::str::FromStr;

use super::{
    JSON_BYTES, LINE_BYTES, OBJECT_BYTES, OBJECT_LINES, OBJECT_RATIO, PARQUET_BYTES,
    PARQUET_OPEN_BYTES, REFUSAL_BYTES,
};

/// Where a refusal lies is told by four bytes.
const MOST_REFUSAL_BYTES: usize = 3 << 30;

/// What reading one object may cost, and all that it is kept of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// See [`OBJECT_BYTES`].
    pub object_bytes: u64,
    /// See [`OBJECT_RATIO`].
    pub object_ratio: u64,
    /// See [`OBJECT_LINES`].
    pub object_lines: u64,
    /// See [`LINE_BYTES`].
    pub line_bytes: usize,
    /// See [`JSON_BYTES`].
    pub json_bytes: usize,
    /// See [`PARQUET_BYTES`].
    pub parquet_bytes: usize,
    /// See [`PARQUET_OPEN_BYTES`].
    pub parquet_open_bytes: usize,
    /// See [`REFUSAL_BYTES`].
    pub refusal_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            object_bytes: OBJECT_BYTES,
            object_ratio: OBJECT_RATIO,
            object_lines: OBJECT_LINES,
            line_bytes: LINE_BYTES,
            json_bytes: JSON_BYTES,
            parquet_bytes: PARQUET_BYTES,
            parquet_open_bytes: PARQUET_OPEN_BYTES,
            refusal_bytes: REFUSAL_BYTES,
        }
    }
}

/// The names by which limits are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    ObjectBytes,
    ObjectRatio,
    ObjectLines,
    LineBytes,
    JsonBytes,
    ParquetBytes,
    ParquetOpenBytes,
    RefusalBytes,
}

const NAMES: [(&str, Name); 8] = [
    ("object-bytes", Name::ObjectBytes),
    ("object-ratio", Name::ObjectRatio),
    ("object-lines", Name::ObjectLines),
    ("line-bytes", Name::LineBytes),
    ("json-bytes", Name::JsonBytes),
    ("parquet-bytes", Name::ParquetBytes),
    ("parquet-open-bytes", Name::ParquetOpenBytes),
    ("refusal-bytes", Name::RefusalBytes),
];

/// The names of all limits that can be moved, and where they are.
pub fn movable() -> String {
    let limits = Limits::default();
    let each = NAMES.map(|(text, name)| format!("{text} ({})", short(limits.get(name))));
    each.join(", ")
}

/// One limit and its new value, as `line-bytes=4M`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    name: Name,
    value: u64,
}

/// What is wrong with a limit as somebody wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadMove {
    /// It is not `NAME=VALUE`.
    Form,
    /// There is no limit of this name.
    Name,
    /// Its value is no number above zero.
    Value,
}

impl std::error::Error for BadMove {}

impl fmt::Display for BadMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => write!(f, "a limit is written NAME=VALUE")?,
            Self::Name => write!(f, "there is no limit of this name")?,
            Self::Value => {
                return write!(
                    f,
                    "its value is a number above zero, or one with K, M or G behind it"
                );
            }
        }
        write!(f, "; those that can be moved are {}", movable())
    }
}

impl FromStr for Move {
    type Err = BadMove;

    fn from_str(text: &str) -> Result<Self, BadMove> {
        let (name, value) = text.split_once('=').ok_or(BadMove::Form)?;
        let known = NAMES.iter().find(|(known, _)| *known == name.trim());
        let (_, name) = known.ok_or(BadMove::Name)?;
        Ok(Self { name: *name, value: number(value.trim()).ok_or(BadMove::Value)? })
    }
}

impl Limits {
    /// The limits with some of them moved; the last move of a limit holds.
    pub fn moved(moves: impl IntoIterator<Item = Move>) -> Self {
        let mut limits = Self::default();
        for Move { name, value } in moves {
            let size = usize::try_from(value).unwrap_or(usize::MAX);
            match name {
                Name::ObjectBytes => limits.object_bytes = value,
                Name::ObjectRatio => limits.object_ratio = value,
                Name::ObjectLines => limits.object_lines = value,
                Name::LineBytes => limits.line_bytes = size,
                Name::JsonBytes => limits.json_bytes = size,
                Name::ParquetBytes => limits.parquet_bytes = size,
                Name::ParquetOpenBytes => limits.parquet_open_bytes = size,
                Name::RefusalBytes => limits.refusal_bytes = size.min(MOST_REFUSAL_BYTES),
            }
        }
        limits
    }

    fn get(&self, name: Name) -> u64 {
        match name {
            Name::ObjectBytes => self.object_bytes,
            Name::ObjectRatio => self.object_ratio,
            Name::ObjectLines => self.object_lines,
            Name::LineBytes => self.line_bytes as u64,
            Name::JsonBytes => self.json_bytes as u64,
            Name::ParquetBytes => self.parquet_bytes as u64,
            Name::ParquetOpenBytes => self.parquet_open_bytes as u64,
            Name::RefusalBytes => self.refusal_bytes as u64,
        }
    }

    /// Bytes of the longest line of any kind.
    pub fn longest_line(&self) -> usize {
        self.line_bytes.max(self.json_bytes)
    }
}

const UNITS: [(char, u64); 3] = [('G', 1 << 30), ('M', 1 << 20), ('K', 1 << 10)];

/// `4096`, `4K`, `4k`.
fn number(text: &str) -> Option<u64> {
    let unit = UNITS.iter().find_map(|(letter, unit)| {
        let digits = text.strip_suffix([*letter, letter.to_ascii_lowercase()])?;
        Some((digits, *unit))
    });
    let (digits, unit) = unit.unwrap_or((text, 1));
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let value = plain.then(|| digits.parse::<u64>().ok()).flatten()?.checked_mul(unit)?;
    (value > 0).then_some(value)
}

/// A number in the largest unit that divides it.
fn short(value: u64) -> String {
    match UNITS.iter().find(|(_, unit)| value.is_multiple_of(*unit)) {
        Some((letter, unit)) => format!("{}{letter}", value / unit),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_name_and_takes_what_it_says() {
        for (text, name) in NAMES {
            let default = Limits::default();
            let same = format!("{text}={}", short(default.get(name))).parse().unwrap();
            assert_eq!(Limits::moved([same]), default, "{text}");
            let other = format!(" {text} = 12k ").parse().unwrap();
            assert_eq!(Limits::moved([same, other]).get(name), 12 << 10, "{text}");
        }
    }

    #[test]
    fn what_is_no_limit_is_said_with_those_that_there_are() {
        let wrong = |text: &str| text.parse::<Move>().unwrap_err();
        assert_eq!(wrong("line-bytes"), BadMove::Form);
        assert_eq!(wrong("lines=1"), BadMove::Name);
        for value in ["", "0", "-1", "1.5", "1KB", "K", "99999999999G", "+1", "\u{661}"] {
            assert_eq!(wrong(&format!("line-bytes={value}")), BadMove::Value, "{value}");
        }
        assert!(wrong("x=1").to_string().contains("object-ratio (200), object-lines"));
    }
}
