//! What could not be read, and where.

use std::fmt;

/// Where in an object something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A line, counted from one, and the offset of its first byte in the unpacked text.
    Line {
        /// The line's number.
        line: u64,
        /// The offset of its first byte after unpacking.
        byte: u64,
    },
    /// A row of an object that has no lines, counted from one.
    Row(u64),
    /// An offset in the object as it is stored.
    Byte(u64),
    /// The object as a whole.
    Whole,
}

/// Kinds of faults, in words that stay: they are what the dead-letter queue's `reason` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum FaultKind {
    /// The gzip stream ends before its end.
    #[error("truncated")]
    Truncated,
    /// The gzip stream is damaged.
    #[error("corrupt")]
    Corrupt,
    /// More bytes than a limit of ours allows.
    #[error("over-limit")]
    OverLimit,
    /// A line is longer than a limit of ours allows.
    #[error("line-too-long")]
    LineTooLong,
    /// A line does not have the columns that its header promises.
    #[error("wrong-columns")]
    WrongColumns,
    /// A line of data came before any `#Fields` line.
    #[error("no-header")]
    NoHeader,
    /// A value that must be a number, a date or a status is none.
    #[error("bad-value")]
    BadValue,
    /// A time that lies later than the object can have been written.
    #[error("time-ahead")]
    TimeAhead,
    /// A line that should be JSON is not.
    #[error("bad-json")]
    BadJson,
    /// The object is no log that we know.
    #[error("not-a-log")]
    NotALog,
    /// The object could not be opened or read.
    #[error("unreadable")]
    Unreadable,
}

/// One thing that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What kind.
    pub kind: FaultKind,
    /// The reason in a few words, without viewers' bytes.
    pub reason: String,
}

impl Fault {
    /// A fault with its place, kind and reason.
    pub fn new(place: Place, kind: FaultKind, reason: impl Into<String>) -> Self {
        Self { place, kind, reason: reason.into() }
    }

    /// Whether the object's bytes, not just one line of it, are affected.
    pub fn is_of_the_object(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::Truncated
                | FaultKind::Corrupt
                | FaultKind::OverLimit
                | FaultKind::NotALog
                | FaultKind::Unreadable
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Line { line, byte } => write!(f, "line {line}, byte {byte}: ")?,
            Place::Row(row) => write!(f, "row {row}: ")?,
            Place::Byte(byte) => write!(f, "byte {byte}: ")?,
            Place::Whole => {}
        }
        write!(f, "{}: {}", self.kind, self.reason)
    }
}

/// The faults of one object: the first few with their places, and how many there were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    kept: Vec<Fault>,
    count: u64,
    lines: u64,
}

impl Faults {
    /// Notes one fault.
    pub fn push(&mut self, fault: Fault) {
        self.count += 1;
        if !fault.is_of_the_object() {
            self.lines += 1;
        }
        // A fault of the whole object must not be pushed out by a thousand bad lines before it.
        if self.kept.len() < crate::limits::FAULTS_KEPT || fault.is_of_the_object() {
            self.kept.push(fault);
        }
    }

    /// The faults that were kept, in the order in which they were found.
    pub fn kept(&self) -> &[Fault] {
        &self.kept
    }

    /// How many faults there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many of them were faults of one line.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Whether nothing was wrong.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The first fault that concerns the object as a whole.
    pub fn of_the_object(&self) -> Option<&Fault> {
        self.kept.iter().find(|fault| fault.is_of_the_object())
    }
}
