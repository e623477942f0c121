//! The columns of lines that have no header.
//!
//! Real-time records and the plain and raw deliveries of version 2 do not say what their columns
//! are; the account does. Where it was not asked, the columns of standard logs are told by what
//! stands in them. A line that fits no list, or two that mean different things, is refused: a
//! guess here would be a wrong verdict later.

use super::layout::{Columns, Delimiter, Layout};
use super::names::{self, Dialect, Name};
use super::row::{Cells, Clock, Row, address};
use crate::limits::FIELD_LISTS;

/// The columns of one real-time configuration or delivery, as the account names them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldList {
    /// The names in their order.
    pub fields: Vec<String>,
    /// Whether it is that of a real-time configuration.
    pub realtime: bool,
    /// What a delivery writes between two columns; `None` where it says nothing.
    pub delimiter: Option<String>,
}

/// The field lists that are known of an account, and those that every account has.
#[derive(Clone, Debug, Default)]
pub struct Layouts {
    known: Vec<Layout>,
    delimiters: Vec<Delimiter>,
}

/// Which layout a line without a header has.
pub enum Fit {
    /// This one.
    Layout(Layout),
    /// It is one of CloudFront's, and nobody can say which; why.
    Refused(&'static str),
    /// It is none of CloudFront's.
    Foreign,
}

impl Layouts {
    /// Takes the field lists of an account.
    pub fn new(lists: impl IntoIterator<Item = FieldList>) -> Self {
        let mut layouts = Self::default();
        for list in lists.into_iter().take(FIELD_LISTS) {
            let dialect = if list.realtime { Dialect::Realtime } else { Dialect::Standard };
            let delimiter = Delimiter::named(list.delimiter.as_deref().unwrap_or_default());
            if !layouts.delimiters.contains(&delimiter) && delimiter != Delimiter::default() {
                layouts.delimiters.push(delimiter.clone());
            }
            let fields = if list.realtime { in_order(&list.fields) } else { list.fields };
            let words = fields.iter().map(String::as_bytes);
            if let Some(layout) = Layout::new(words, dialect, delimiter)
                && !layouts.known.contains(&layout)
            {
                layouts.known.push(layout);
            }
        }
        layouts
    }

    /// The layout of a line that has no header.
    pub fn fit(&self, line: &[u8]) -> Fit {
        let mut columns = Columns::default();
        if let Some(fit) = choose(self.known.iter(), line, &mut columns) {
            return fit;
        }
        let standard = standard();
        if let Some(fit) = choose(standard.iter(), line, &mut columns) {
            return fit;
        }
        if looks_like_cloudfront(line, &mut columns) {
            return Fit::Refused(
                "no header, and no field list that fits: ask cloudfront get-realtime-log-config \
                 and logs describe-deliveries",
            );
        }
        Fit::Foreign
    }

    /// The layout among the account's own that a line has which its header does not fit.
    pub fn fit_known(&self, line: &[u8]) -> Option<Layout> {
        match choose(self.known.iter(), line, &mut Columns::default()) {
            Some(Fit::Layout(layout)) => Some(layout),
            _ => None,
        }
    }

    /// The columns of a header between the delimiter that some delivery writes, where the line
    /// does not have them between tabs. The header itself never says its delimiter.
    pub fn with_other_delimiter(&self, header: &Layout, line: &[u8]) -> Option<Layout> {
        let mut columns = Columns::default();
        self.delimiters
            .iter()
            .map(|delimiter| header.with_delimiter(delimiter))
            .find(|layout| is_plausible(layout, line, &mut columns))
    }
}

/// Real-time columns arrive in their own order, whatever order the configuration lists them in.
/// Names of later years come last, where AWS has added all new ones so far.
fn in_order(fields: &[String]) -> Vec<String> {
    let mut fields = fields.to_vec();
    fields.sort_by_key(|field| {
        names::REALTIME.iter().position(|known| known == field).unwrap_or(usize::MAX)
    });
    fields
}

/// The one layout that fits; `None` if none does.
fn choose<'a>(
    layouts: impl Iterator<Item = &'a Layout>,
    line: &[u8],
    columns: &mut Columns,
) -> Option<Fit> {
    let mut fitting = layouts.filter(|layout| is_plausible(layout, line, columns));
    let first = fitting.next()?;
    // Two lists of equal width differ in columns that have the same form (two result types, two
    // hosts); nothing in the line tells them apart.
    if fitting.any(|other| other != first) {
        return Some(Fit::Refused("no header, and more than one field list of the account fits"));
    }
    Some(Fit::Layout(first.clone()))
}

/// The widths of standard logs that were ever written.
fn standard() -> Vec<Layout> {
    let tabs = |words: &[&str]| {
        let words = words.iter().map(|word| word.as_bytes());
        Layout::new(words, Dialect::Standard, Delimiter::default())
    };
    let v2: Vec<&str> = names::LEGACY.iter().chain(&names::V2_DEFAULT).copied().collect();
    let legacy = names::LEGACY_WIDTHS.iter().filter_map(|width| names::LEGACY.get(..*width));
    std::iter::once(v2.as_slice()).chain(legacy).filter_map(tabs).collect()
}

/// Whether every column of a line that has a form has it.
fn is_plausible(layout: &Layout, line: &[u8], columns: &mut Columns) -> bool {
    if !layout.delimiter.split(line, columns) || columns.count() != layout.width {
        return false;
    }
    let cells = Cells::Line { layout, line, columns };
    if Row::new(cells, layout.dialect, &mut Clock::default()).is_err() {
        return false;
    }
    let holds = |name, form: fn(&[u8]) -> bool| {
        layout.cell(name, line, columns).is_none_or(|value| value == b"-" || form(value))
    };
    holds(Name::Edge, is_edge)
        && holds(Name::Method, |value| value.iter().all(u8::is_ascii_uppercase))
        && holds(Name::ClientIp, |value| address(value).is_some())
        && holds(Name::Path, |value| value.starts_with(b"/") || value == b"*")
        && holds(Name::Protocol, |value| value.iter().all(u8::is_ascii_lowercase))
        && holds(Name::ProtocolVersion, |value| value.starts_with(b"HTTP/"))
        && holds(Name::DistributionDomain, |value| value.contains(&b'.'))
        && holds(Name::TimeTaken, is_decimal)
        && holds(Name::FirstByte, is_decimal)
        && holds(Name::OriginFirstByte, is_decimal)
        && holds(Name::ContentLength, is_integer)
        && holds(Name::ReceivedBytes, is_integer)
        && holds(Name::ContentType, |value| value.contains(&b'/'))
        && holds(Name::ResultType, is_word)
        && holds(Name::ResponseResultType, is_word)
        && holds(Name::DetailedResultType, is_word)
        && holds(Name::Host, |value| !value.contains(&b'/'))
        && holds(Name::Country, |value| value.len() == 2)
}

/// Whether a line that fits no list is still one of CloudFront's: it has an edge and a request id,
/// which no other log has side by side.
fn looks_like_cloudfront(line: &[u8], columns: &mut Columns) -> bool {
    let tabs = Delimiter::default();
    if !tabs.split(line, columns) || columns.count() < 4 {
        return false;
    }
    let mut cells = line.split(|byte| *byte == b'\t');
    let edge = cells.any(is_edge);
    edge && line.split(|byte| *byte == b'\t').any(is_request_id)
}

/// `DFW3`, `SEA19-C1`, `SOF50-P2`.
fn is_edge(value: &[u8]) -> bool {
    let (Some(airport), Some(rest)) = (value.get(..3), value.get(3..)) else { return false };
    airport.iter().all(u8::is_ascii_uppercase)
        && rest.first().is_some_and(u8::is_ascii_digit)
        && rest.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || *b == b'-')
}

/// 56 characters that end in `==`.
fn is_request_id(value: &[u8]) -> bool {
    value.len() == 56
        && value.ends_with(b"==")
        && value.iter().all(|b| b.is_ascii_alphanumeric() || b"-_=".contains(b))
}

fn is_integer(value: &[u8]) -> bool {
    value.iter().all(u8::is_ascii_digit)
}

/// As result types are: `ClientGeoBlocked`.
fn is_word(value: &[u8]) -> bool {
    value.iter().all(u8::is_ascii_alphabetic)
}

fn is_decimal(value: &[u8]) -> bool {
    super::row::thousandths(value).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(width: usize) -> String {
        let all = [
            "2026-03-10",
            "14:00:01",
            "FRA56-P3",
            "300",
            "192.0.2.1",
            "GET",
            "d1.cloudfront.net",
            "/a",
            "403",
            "-",
            "x",
            "-",
            "-",
            "Error",
            "uou6Ljhoc34wyRb55wNDXeO836E8CqkfsxLhvhNGrR_447xMT10PNA==",
            "www.example.com",
            "https",
            "50",
            "0.001",
            "-",
            "TLSv1.3",
            "X",
            "Error",
            "HTTP/2.0",
            "-",
            "-",
            "443",
            "0.001",
            "Error",
            "text/html",
            "919",
            "-",
            "-",
            "DE",
            "*",
        ];
        all[..width].join("\t")
    }

    fn list(fields: &[&str], realtime: bool) -> FieldList {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        FieldList { fields, realtime, delimiter: None }
    }

    #[test]
    fn every_width_that_was_ever_written_is_told_by_its_columns() {
        for width in names::LEGACY_WIDTHS.into_iter().chain([35]) {
            let Fit::Layout(layout) = Layouts::default().fit(line(width).as_bytes()) else {
                panic!("{width}");
            };
            assert_eq!(layout.width, width);
        }
        assert!(matches!(Layouts::default().fit(line(20).as_bytes()), Fit::Refused(_)));
        assert!(matches!(Layouts::default().fit(b"a line of\tsomething else"), Fit::Foreign));
    }

    #[test]
    fn two_lists_that_mean_different_things_are_no_list() {
        let fields = ["timestamp", "sc-status", "cs-host", "cs-uri-stem", "x-host-header"];
        let other = ["timestamp", "sc-status", "cs-host", "cs-uri-stem", "cs-referer"];
        let line = b"1684226820.937\t403\twww.example.com\t/\td1.cloudfront.net";
        let one = Layouts::new([list(&fields, true), list(&fields, true)]);
        assert!(matches!(one.fit(line), Fit::Layout(_)));
        let two = Layouts::new([list(&fields, true), list(&other, true)]);
        assert!(matches!(two.fit(line), Fit::Refused(_)));
        // With another number of columns the list is known again.
        let shorter = Layouts::new([list(&fields, true), list(&fields[..4], true)]);
        let Fit::Layout(layout) = shorter.fit(b"1684226820.937\t403\twww.example.com\t/") else {
            panic!("no layout");
        };
        assert_eq!(layout.width, 4);
    }

    #[test]
    fn real_time_columns_come_in_their_own_order() {
        let fields = ["cs-host", "sc-status", "cs-uri-stem", "timestamp"];
        let layouts = Layouts::new([list(&fields, true)]);
        let Fit::Layout(layout) = layouts.fit(b"1684226820.937\t403\twww.example.com\t/") else {
            panic!("no layout");
        };
        assert_eq!(layout.at(Name::Host), Some(2));
    }
}
