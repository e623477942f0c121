//! The columns of lines that have no header.
//!
//! Real-time records and the plain and raw deliveries of version 2 do not say what their columns
//! are; the account does. Where it was not asked, the columns of standard logs are told by what
//! stands in them. A line that fits no list, or two that mean different things, is refused: a
//! guess here would be a wrong verdict later.
//!
//! A list may have changed since a line was written, and nothing in the line says so. Each line is
//! therefore held against the forms of its columns, which shows a shift, and against the time of
//! the last change where CloudTrail tells it, which shows the rest.

use jiff::Timestamp;

use super::forms::{is_plausible, is_written_so, looks_like_cloudfront};
use super::layout::{Delimiter, Layout};
use super::names::{self, Dialect};
use crate::limits::{FIELD_LIST_SECONDS, FIELD_LISTS};

/// The columns of one real-time configuration or delivery, as the account names them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldList {
    /// The names in their order.
    pub fields: Vec<String>,
    /// Whether it is that of a real-time configuration.
    pub realtime: bool,
    /// What a delivery writes between two columns; `None` where it says nothing.
    pub delimiter: Option<String>,
    /// When the list was last changed, where that is known. Earlier lines may have another.
    pub changed: Option<Timestamp>,
}

/// The field lists that are known of an account, and those that every account has.
#[derive(Clone, Debug, Default)]
pub struct Layouts {
    known: Vec<Layout>,
    delimiters: Vec<Delimiter>,
}

/// What deliveries write between columns beside tabs, as far as people choose it.
const OTHER_DELIMITERS: [&str; 4] = [";", ",", "|", " "];

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
            if let Some(mut layout) = Layout::new(words, dialect, delimiter) {
                layout.since = list.changed.map(|at| at.as_second() + FIELD_LIST_SECONDS);
                match layouts.known.iter_mut().find(|known| known.has_columns_of(&layout)) {
                    // One that has always had these columns may have written a line.
                    Some(known) => known.since = known.since.min(layout.since),
                    None => layouts.known.push(layout),
                }
            }
        }
        layouts
    }

    /// The layout of a line that has no header.
    pub fn fit(&self, line: &[u8]) -> Fit {
        let mut ends = Vec::new();
        let standard = standard();
        // A viewer may send any method, which must not make its line another's.
        for fits in [is_plausible, is_written_so] {
            for layouts in [&self.known, &standard] {
                if let Some(fit) = choose(layouts, line, &mut ends, fits) {
                    return fit;
                }
            }
        }
        // A delivery may write another delimiter, which only its forms can show where nobody knows
        // the delivery.
        for delimiter in OTHER_DELIMITERS.map(Delimiter::named) {
            let layouts: Vec<Layout> =
                standard.iter().map(|layout| layout.with_delimiter(&delimiter)).collect();
            if let Some(fit) = choose(&layouts, line, &mut ends, is_plausible) {
                return fit;
            }
        }
        let ever = |layout: &Layout| {
            let mut layout = layout.clone();
            layout.since = None;
            is_plausible(&layout, line, &mut ends)
        };
        if self.known.iter().any(ever) {
            return Fit::Refused(
                "no header, and older than the last change of the field list that fits: nobody \
                 can say what it was before",
            );
        }
        let tabs = std::iter::once(Delimiter::default());
        let mut delimiters = tabs.chain(OTHER_DELIMITERS.map(Delimiter::named));
        if delimiters.any(|delimiter| looks_like_cloudfront(line, &delimiter, &mut ends)) {
            return Fit::Refused(
                "no header, and no field list that fits: ask cloudfront get-realtime-log-config \
                 and logs describe-deliveries",
            );
        }
        Fit::Foreign
    }

    /// Whether a field list of the account says so.
    pub fn knows(&self, layout: &Layout) -> bool {
        self.known.contains(layout)
    }

    /// The layout among the account's own that a line has which its header does not fit.
    pub fn fit_known(&self, line: &[u8]) -> Option<Fit> {
        let mut ends = Vec::new();
        choose(&self.known, line, &mut ends, is_plausible)
            .or_else(|| choose(&self.known, line, &mut ends, is_written_so))
    }

    /// The lists that mean something else and whose lines cannot be told by their width from
    /// those of `layout`.
    pub fn like(&self, layout: &Layout) -> Vec<Layout> {
        let alike = |other: &&Layout| {
            other.width == layout.width && other.delimiter == layout.delimiter && *other != layout
        };
        self.known.iter().filter(alike).cloned().collect()
    }

    /// The columns of a header between the delimiter that some delivery writes, where the line
    /// does not have them between tabs. The header itself never says its delimiter.
    pub fn with_other_delimiter(&self, header: &Layout, line: &[u8]) -> Option<Layout> {
        let mut ends = Vec::new();
        self.delimiters
            .iter()
            .map(|delimiter| header.with_delimiter(delimiter))
            .find(|layout| is_plausible(layout, line, &mut ends))
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
fn choose(
    layouts: &[Layout],
    line: &[u8],
    ends: &mut Vec<usize>,
    fits: fn(&Layout, &[u8], &mut Vec<usize>) -> bool,
) -> Option<Fit> {
    let mut fitting = layouts.iter().filter(|layout| fits(layout, line, ends));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::names::Name;

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
        FieldList { fields, realtime, delimiter: None, changed: None }
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
    fn another_delimiter_is_told_by_the_forms_of_its_columns_or_its_line_is_refused() {
        for delimiter in OTHER_DELIMITERS {
            let raw = line(35).replace('\t', delimiter);
            let Fit::Layout(layout) = Layouts::default().fit(raw.as_bytes()) else {
                panic!("{delimiter}");
            };
            assert_eq!((layout.width, layout.at(Name::Status)), (35, Some(8)));
            // A viewer's own delimiter shifts what is behind it, and a list of one's own is not known.
            for doubtful in
                [raw.replace("/a", &format!("/a{delimiter}b")), line(20).replace('\t', delimiter)]
            {
                assert!(matches!(Layouts::default().fit(doubtful.as_bytes()), Fit::Refused(_)));
            }
        }
        for foreign in
            ["a line; of; something, else | of, no; log", "2026-03-10;14:00:01;FRA56-P3;x"]
        {
            assert!(
                matches!(Layouts::default().fit(foreign.as_bytes()), Fit::Foreign),
                "{foreign}"
            );
        }
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
    fn a_line_of_an_earlier_list_is_told_by_the_forms_of_its_columns_or_by_its_time() {
        let now = ["timestamp", "c-ip", "sc-status", "cs-uri-stem", "sc-content-len", "c-country"];
        let known = Layouts::new([list(&now, true)]);
        let fits = |line: &str| matches!(known.fit(line.as_bytes()), Fit::Layout(_));
        assert!(fits("1684226820.937\t192.0.2.1\t403\t/\t919\tDE"));
        for earlier in [
            // With `time-taken` in the place of the length.
            "1684226820.937\t192.0.2.1\t403\t/\t0.001\tDE",
            // With a result type in the place of the country.
            "1684226820.937\t192.0.2.1\t403\t/\t919\tError",
            // With `cs-method` before the path, and all behind it shifted.
            "1684226820.937\t192.0.2.1\t403\tGET\t/\t919",
        ] {
            assert!(!fits(earlier), "{earlier}");
        }
        // Two columns of one form are told by nothing in a line, and by CloudTrail alone.
        let at = "2023-05-16T08:47:00Z".parse().unwrap();
        let changed = FieldList { changed: Some(at), ..list(&now, true) };
        let changed = Layouts::new([changed.clone(), changed]);
        let line = b"1684226821.937\t192.0.2.1\t403\t/\t919\tDE";
        let Fit::Refused(reason) = changed.fit(line) else { panic!("not refused") };
        assert!(reason.contains("older than the last change"), "{reason}");
        // The change takes a while to reach every edge.
        let line = b"1684226880.937\t192.0.2.1\t403\t/\t919\tDE";
        assert!(matches!(changed.fit(line), Fit::Refused(_)));
        let line = b"1684227820.937\t192.0.2.1\t403\t/\t919\tDE";
        assert!(matches!(changed.fit(line), Fit::Layout(_)));
        // Another configuration has always had these columns.
        let both = FieldList { changed: Some(at), ..list(&now, true) };
        let both = Layouts::new([both, list(&now, true)]);
        assert!(matches!(both.fit(b"1684226821.937\t192.0.2.1\t403\t/\t919\tDE"), Fit::Layout(_)));
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
