//! Lines of columns: standard logs under a `#Fields` line, and what has no header.
//!
//! There is no quoting: a quote is a byte like any other.

use super::fault::{Fault, FaultKind};
use super::forms;
use super::layout::Layout;
use super::layouts::{Fit, Layouts};
use super::lines::Line;
use super::row::{Cells, Clock, Row};
use crate::limits::COLUMNS;

/// Splits lines under the layout that holds for them.
#[derive(Default)]
pub struct Splitter {
    /// What the last `#Fields` line says, or a line without one was found to have.
    layout: Option<Layout>,
    /// Whether no header says it. Then nothing says either whether the next line has it.
    found: bool,
    /// Whether no field list of the account says it either.
    told_by_forms: bool,
    /// The lists of the account that are as wide.
    alike: Vec<Layout>,
    /// The layout of a line that the last `#Fields` line does not fit.
    other: Option<Layout>,
    clock: Clock,
    /// Where each column of the present line ends.
    ends: Vec<usize>,
}

/// What a line was.
pub enum Read<'a> {
    /// A line of data.
    Row(Row<'a>),
    /// A comment, a header, an empty line.
    Nothing,
    /// A line that cannot be read.
    Bad(Fault),
}

impl Splitter {
    /// Reads one line.
    pub fn read<'a>(&'a mut self, line: &Line<'a>, layouts: &Layouts) -> Read<'a> {
        let bad = |kind, reason: &str| Read::Bad(Fault::new(line.place(), kind, reason));
        if line.bytes.is_empty() {
            return Read::Nothing;
        }
        // Header lines stand in mid-file where files were concatenated.
        // See: matomo-org/matomo-log-analytics#27.
        if line.bytes.starts_with(b"#") {
            if line.bytes.starts_with(b"#Fields") {
                self.layout = Layout::of_header(line.bytes);
                (self.found, self.told_by_forms) = (false, false);
                if self.layout.is_none() {
                    let reason = "this #Fields line is not one of an access log";
                    return bad(FaultKind::NoHeader, reason);
                }
            }
            return Read::Nothing;
        }
        let fits = match &self.layout {
            Some(layout) if layout.delimiter.split(line.bytes, &mut self.ends) => {
                self.ends.len() == layout.width && (!self.found || self.is_only(layout, line.bytes))
            }
            _ => false,
        };
        if !fits && let Err((kind, reason)) = self.find_layout(line.bytes, layouts) {
            return bad(kind, &reason);
        }
        let Some(layout) = (if fits { &self.layout } else { &self.other }) else {
            return bad(FaultKind::NoHeader, "a line of data before any #Fields line");
        };
        let cells = Cells::Line { layout, line: line.bytes, ends: &self.ends };
        match Row::new(cells, layout.dialect, &mut self.clock) {
            Ok(row) => Read::Row(row),
            Err((kind, reason)) => bad(kind, reason),
        }
    }

    /// Whether what stands in them is all that tells what the columns are.
    pub fn is_told_by_forms(&self) -> bool {
        self.told_by_forms
    }

    /// Whether a line that was split has the forms of this layout, and of none that is as wide.
    fn is_only(&self, layout: &Layout, line: &[u8]) -> bool {
        let has = |layout: &Layout| forms::has_its_forms(layout, line, &self.ends);
        has(layout) && !self.alike.iter().any(has)
    }

    /// Finds the layout of a line that does not fit the one that holds, and splits it.
    #[cold]
    fn find_layout(&mut self, line: &[u8], layouts: &Layouts) -> Result<(), (FaultKind, String)> {
        let found = match &self.layout {
            None => match layouts.fit(line) {
                Fit::Layout(layout) => {
                    self.alike = layouts.like(&layout);
                    self.layout = Some(layout.clone());
                    self.found = true;
                    self.told_by_forms = !layouts.knows(&layout);
                    layout
                }
                Fit::Refused(reason) => return Err((FaultKind::NoHeader, reason.to_owned())),
                Fit::Foreign => {
                    let reason = "a line of data before any #Fields line";
                    return Err((FaultKind::NoHeader, reason.to_owned()));
                }
            },
            // Two formats stand in one object where files were concatenated, and records that
            // were written before a change of their configuration come after it.
            Some(header) => match layouts.fit_known(line) {
                Some(Fit::Layout(layout)) => layout,
                Some(Fit::Refused(reason)) => {
                    return Err((FaultKind::NoHeader, reason.to_owned()));
                }
                _ => match layouts.with_other_delimiter(header, line) {
                    Some(layout) => {
                        self.layout = Some(layout.clone());
                        layout
                    }
                    None => return Err(wrong_columns(header, self.ends.len())),
                },
            },
        };
        if !found.delimiter.split(line, &mut self.ends) || self.ends.len() != found.width {
            return Err(wrong_columns(&found, self.ends.len()));
        }
        self.other = Some(found);
        Ok(())
    }
}

fn wrong_columns(layout: &Layout, columns: usize) -> (FaultKind, String) {
    let reason = if columns >= COLUMNS {
        "more columns than any log has".to_owned()
    } else if columns == layout.width {
        "its columns are not those of the field list that fits the lines before: was the list \
         changed in between?"
            .to_owned()
    } else {
        format!("{columns} columns where {} are named", layout.width)
    };
    (FaultKind::WrongColumns, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::layouts::FieldList;
    use crate::logs::record::{Column, Refusal};
    use crate::viewer::Viewer;

    const FIELDS: &[u8] = b"#Fields: date time cs-uri-stem sc-status cs(Host) x-host-header \
        sc-content-type sc-content-len time-taken c-ip a-column-of-2031";

    fn refusal(line: &[u8]) -> Result<Refusal, FaultKind> {
        let mut splitter = Splitter::default();
        let layouts = Layouts::default();
        let header = Line { number: 1, byte: 0, bytes: FIELDS };
        assert!(matches!(splitter.read(&header, &layouts), Read::Nothing));
        match splitter.read(&Line { number: 2, byte: 9, bytes: line }, &layouts) {
            Read::Row(row) => Ok(row.refusal()),
            Read::Bad(fault) => Err(fault.kind),
            Read::Nothing => panic!("nothing"),
        }
    }

    // See: aws-solutions/aws-waf-security-automations#188: a release broke on an added column.
    // See: elastic/integrations#15677: a quote inside a field broke the parser.
    #[test]
    fn columns_are_found_by_name_and_quotes_are_bytes() {
        let line = b"2026-03-10\t14:00:01\t/a\"b\t403\tD1.cloudfront.net\tShop.example:443\t\
            text/html;%20charset=utf-8\t-\t0.0505\t2001:db8:0:0:0:0:0:1\tx";
        let row = refusal(line).unwrap();
        assert_eq!(row.path.shown(), "/a\"b");
        assert_eq!(row.host, Column::Value(Viewer::new(b"shop.example")));
        assert_eq!(row.distribution_domain.as_deref(), Some("d1.cloudfront.net"));
        assert_eq!(row.content_type, Column::Value("text/html".into()));
        assert_eq!(row.content_length, Column::Dash);
        assert_eq!(row.first_byte_ms, Column::Missing);
        assert_eq!(row.time_taken_ms, Some(50));
        assert_eq!(row.client_ip, Column::Value("2001:db8::1".into()));
        assert_eq!(row.time.to_string(), "2026-03-10T14:00:01Z");
    }

    #[test]
    fn what_cannot_be_read_is_a_fault_of_its_line() {
        assert_eq!(refusal(b"2026-03-10\t14:00:01\t/a").unwrap_err(), FaultKind::WrongColumns);
        let line = b"2026-13-10\t14:00:01\t/a\t403\td\th\t-\t-\t-\t-\t-";
        assert_eq!(refusal(line).unwrap_err(), FaultKind::BadValue);
        let line = b"2026-03-10\t14:00:01\t/a\t4x3\td\th\t-\t-\t-\t-\t-";
        assert_eq!(refusal(line).unwrap_err(), FaultKind::BadValue);
    }

    /// Reads lines under field lists of real-time configurations: the status of each, or the fault.
    fn statuses(lists: &[&[&str]], lines: &[&str]) -> Vec<Result<u16, FaultKind>> {
        let list = |fields: &&[&str]| FieldList {
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            realtime: true,
            delimiter: None,
            changed: None,
        };
        let layouts = Layouts::new(lists.iter().map(list));
        let mut splitter = Splitter::default();
        let read = |line: &&str| {
            let line = Line { number: 1, byte: 0, bytes: line.as_bytes() };
            match splitter.read(&line, &layouts) {
                Read::Row(row) => Ok(row.status),
                Read::Bad(fault) => Err(fault.kind),
                Read::Nothing => panic!("nothing"),
            }
        };
        lines.iter().map(read).collect()
    }

    #[test]
    fn every_line_without_a_header_has_the_forms_of_its_list() {
        let old = ["timestamp", "sc-status", "cs-method", "cs-uri-stem", "time-taken"];
        let new = ["timestamp", "sc-status", "cs-method", "cs-uri-stem", "x-edge-result-type"];
        let of_new = "1684226820.937\t403\tGET\t/\tError";
        let of_old = "1684226820.937\t403\tGET\t/\t0.001";
        let wrong = Err(FaultKind::WrongColumns);
        // The list changed in mid-file, and only the new one is known.
        assert_eq!(statuses(&[&new], &[of_new, of_old, of_new]), [Ok(403), wrong, Ok(403)]);
        assert_eq!(statuses(&[&new, &old], &[of_new, of_old, of_new]), [Ok(403); 3]);
        // A viewer may choose any method, and is not lost for it.
        let odd = "1684226820.937\t403\tget\t/\tError";
        assert_eq!(statuses(&[&new], &[of_new, odd]), [Ok(403), Ok(403)]);
        assert_eq!(statuses(&[&new], &[odd, of_new]), [Ok(403), Ok(403)]);
        // A line that has the forms of two lists is read by neither, wherever it stands.
        let other = ["timestamp", "sc-status", "cs-method", "cs-uri-stem", "sc-content-len"];
        let both = "1684226820.937\t403\tGET\t/\t919";
        let refused = Err(FaultKind::NoHeader);
        assert_eq!(statuses(&[&old, &other], &[of_old, both, of_old]), [Ok(403), refused, Ok(403)]);
    }
}
