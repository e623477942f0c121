//! Where each column of a line stands.

use super::names::{self, Dialect, Name};
use super::split;
use crate::limits::COLUMNS;

/// Where each column of a line begins, and where one more would.
#[derive(Clone, Debug, Default)]
pub struct Columns(Vec<usize>);

impl Columns {
    /// How many columns there are.
    pub fn count(&self) -> usize {
        self.0.len().saturating_sub(1)
    }
}

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

    /// Finds every column of a line; `false` if there are more than any log has.
    pub fn split(&self, line: &[u8], columns: &mut Columns) -> bool {
        let starts = &mut columns.0;
        starts.clear();
        starts.push(0);
        match self.0.as_ref() {
            [byte] => {
                if !split::behind(*byte, line, COLUMNS, starts) {
                    return false;
                }
            }
            bytes => {
                for end in memchr::memmem::find_iter(line, bytes) {
                    if starts.len() > COLUMNS {
                        return false;
                    }
                    starts.push(end + bytes.len());
                }
            }
        }
        starts.push(line.len() + self.width());
        columns.count() <= COLUMNS
    }

    /// How many bytes stand between two columns.
    fn width(&self) -> usize {
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
        let mut layout = Self { width: 0, dialect, delimiter, position: [None; names::COUNT] };
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

    /// The same columns between other delimiters.
    pub fn with_delimiter(&self, delimiter: &Delimiter) -> Self {
        Self { delimiter: delimiter.clone(), ..self.clone() }
    }

    /// Where a column stands.
    pub fn at(&self, name: Name) -> Option<usize> {
        self.position.get(name as usize).copied().flatten().map(usize::from)
    }

    /// The bytes of a column in a line that was split.
    #[inline]
    pub fn cell<'a>(&self, name: Name, line: &'a [u8], columns: &Columns) -> Option<&'a [u8]> {
        let at = self.at(name)?;
        let &[start, next] = columns.0.get(at..)?.first_chunk()?;
        line.get(start..next.checked_sub(self.delimiter.width())?)
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
            let mut columns = Columns::default();
            proptest::prop_assert!(Delimiter::default().split(line.as_bytes(), &mut columns));
            let mut plain = csv::ReaderBuilder::new()
                .delimiter(b'\t')
                .quoting(false)
                .has_headers(false)
                .from_reader(line.as_bytes());
            let record = plain.byte_records().next().unwrap().unwrap();
            proptest::prop_assert_eq!(columns.count(), record.len());
            // Every column in turn is the one that is looked up.
            for (at, theirs) in record.iter().enumerate() {
                let words = names.iter().enumerate().map(|(n, name)| match n {
                    n if n == at => "sc-status",
                    n if n == (at + 1) % names.len() => "timestamp(ms)",
                    _ => name.as_str(),
                });
                let words = words.chain(["cs-uri-stem"]).map(str::as_bytes);
                let layout = Layout::new(words, Dialect::Standard, Delimiter::default()).unwrap();
                let mine = layout.cell(Name::Status, line.as_bytes(), &columns);
                proptest::prop_assert_eq!(mine, Some(theirs));
            }
        }
    }
}
