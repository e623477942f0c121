//! Where each column of a line stands.

use super::names::{self, Dialect, Name};
use super::split;
use crate::limits::COLUMNS;

/// What stands between two columns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delimiter(Box<[u8]>);

impl Default for Delimiter {
    fn default() -> Self {
        Self(b"\t".as_slice().into())
    }
}

impl Delimiter {
    /// A delimiter as a delivery names it. An empty one is what AWS shows for deliveries that say
    /// nothing, and stands for a tab.
    pub fn named(text: &str) -> Self {
        match text {
            "" | "\\t" => Self::default(),
            other => Self(other.as_bytes().into()),
        }
    }

    /// Finds the end of every column of a line; `false` if there are more than any log has.
    pub fn split(&self, line: &[u8], ends: &mut Vec<usize>) -> bool {
        ends.clear();
        match self.0.as_ref() {
            [byte] => {
                if !split::places(*byte, line, COLUMNS, ends) {
                    return false;
                }
            }
            bytes => {
                for end in memchr::memmem::find_iter(line, bytes) {
                    if ends.len() >= COLUMNS {
                        return false;
                    }
                    ends.push(end);
                }
            }
        }
        ends.push(line.len());
        ends.len() <= COLUMNS
    }

    /// How many bytes stand between two columns.
    pub fn width(&self) -> usize {
        self.0.len()
    }
}

/// The columns of a line in their order: those of a `#Fields` line, of a real-time configuration,
/// of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How many columns a line has.
    pub width: usize,
    /// What their names mean.
    pub dialect: Dialect,
    /// What stands between them.
    pub delimiter: Delimiter,
    /// The second from which on lines are known to have these columns, where there is one.
    pub since: Option<i64>,
    position: [Option<u16>; names::COUNT],
}

impl Layout {
    /// The layout of a `#Fields:` line; `None` if it lacks a column that a log needs or names more
    /// than any log has.
    pub fn of_header(line: &[u8]) -> Option<Self> {
        let words = line.strip_prefix(b"#Fields:")?;
        let words = words.split(|byte| b" \t".contains(byte)).filter(|word| !word.is_empty());
        Self::new(words, Dialect::Standard, Delimiter::default())
    }

    /// A layout of named columns; `None` as above.
    pub fn new<'a>(
        words: impl Iterator<Item = &'a [u8]>,
        dialect: Dialect,
        delimiter: Delimiter,
    ) -> Option<Self> {
        let position = [None; names::COUNT];
        let mut layout = Self { width: 0, dialect, delimiter, since: None, position };
        for (column, word) in words.enumerate() {
            if column >= COLUMNS {
                return None;
            }
            layout.width = column + 1;
            if let Some(name) = names::of(word, dialect)
                && let Some(slot) = layout.position.get_mut(name as usize)
            {
                slot.get_or_insert(column as u16);
            }
        }
        let has = |name: Name| layout.at(name).is_some();
        let timed = (has(Name::Date) && has(Name::Time))
            || has(Name::TimestampMs)
            || has(Name::TimestampSeconds);
        (timed && has(Name::Status) && has(Name::Path)).then_some(layout)
    }

    /// Whether lines of both have the same columns.
    pub fn has_columns_of(&self, other: &Self) -> bool {
        *self == Self { since: self.since, ..other.clone() }
    }

    /// The same columns between other delimiters.
    pub fn with_delimiter(&self, delimiter: &Delimiter) -> Self {
        Self { delimiter: delimiter.clone(), ..self.clone() }
    }

    /// Where a column stands.
    pub fn at(&self, name: Name) -> Option<usize> {
        self.position.get(name as usize).copied().flatten().map(usize::from)
    }

    /// The bytes of a column in a line that was split.
    pub fn cell<'a>(&self, name: Name, line: &'a [u8], ends: &[usize]) -> Option<&'a [u8]> {
        let at = self.at(name)?;
        let start = match at.checked_sub(1) {
            Some(before) => ends.get(before)? + self.delimiter.width(),
            None => 0,
        };
        line.get(start..*ends.get(at)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        // The plain way to read such a line is the csv crate with tabs and without quoting; it
        // takes a byte order mark away, which no log of CloudFront has.
        #[test]
        fn columns_are_those_of_a_plain_reader(
            fields in proptest::collection::vec("[^\t\r\n\u{feff}]{1,12}", 2..40)
        ) {
            let line = fields.join("\t");
            let names = (0..fields.len()).map(|n| format!("column-{n}")).collect::<Vec<_>>();
            let mut ends = Vec::new();
            proptest::prop_assert!(Delimiter::default().split(line.as_bytes(), &mut ends));
            let mut plain = csv::ReaderBuilder::new()
                .delimiter(b'\t')
                .quoting(false)
                .has_headers(false)
                .from_reader(line.as_bytes());
            let record = plain.byte_records().next().unwrap().unwrap();
            proptest::prop_assert_eq!(ends.len(), record.len());
            // Every column in turn is the one that is looked up.
            for (at, theirs) in record.iter().enumerate() {
                let words = names.iter().enumerate().map(|(n, name)| match n {
                    n if n == at => "sc-status",
                    n if n == (at + 1) % names.len() => "timestamp(ms)",
                    _ => name.as_str(),
                });
                let words = words.chain(["cs-uri-stem"]).map(str::as_bytes);
                let layout = Layout::new(words, Dialect::Standard, Delimiter::default()).unwrap();
                let mine = layout.cell(Name::Status, line.as_bytes(), &ends);
                proptest::prop_assert_eq!(mine, Some(theirs));
            }
        }
    }
}
