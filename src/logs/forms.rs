//! What stands in columns: whether a line has the forms of a layout's columns.

use super::layout::{Delimiter, Layout};
use super::names::Name;
use super::row::{Cells, Clock, Row, address, thousandths};

/// Whether every column of a line that has a form has it.
pub fn is_plausible(layout: &Layout, line: &[u8], ends: &mut Vec<usize>) -> bool {
    is_written_so(layout, line, ends) && has_viewers_forms(layout, line, ends)
}

/// Whether every column has its form in which no viewer has a hand.
pub fn is_written_so(layout: &Layout, line: &[u8], ends: &mut Vec<usize>) -> bool {
    layout.delimiter.split(line, ends)
        && ends.len() == layout.width
        && has_its_forms(layout, line, ends)
}

/// Columns, and what tells whether a value has their form.
type Forms = [(Name, fn(&[u8]) -> bool)];

fn holds(layout: &Layout, line: &[u8], ends: &[usize], forms: &Forms) -> bool {
    forms.iter().all(|(name, form)| {
        layout.cell(*name, line, ends).is_none_or(|value| value == b"-" || form(value))
    })
}

/// Whether what CloudFront itself writes has its form in a line that was split. No viewer can
/// make it another one, and so none can make a line unreadable.
pub fn has_its_forms(layout: &Layout, line: &[u8], ends: &[usize]) -> bool {
    let cells = Cells::Line { layout, line, ends };
    let Ok(row) = Row::new(cells, layout.dialect, &mut Clock::default()) else { return false };
    const FORMS: &Forms = &[
        (Name::Edge, is_edge),
        (Name::ClientIp, |value| address(value).is_some()),
        (Name::Path, |value| value.starts_with(b"/") || value == b"*"),
        (Name::Protocol, |value| value.iter().all(u8::is_ascii_lowercase)),
        (Name::ProtocolVersion, |value| value.starts_with(b"HTTP/")),
        (Name::DistributionDomain, |value| value.contains(&b'.') && !value.contains(&b'/')),
        (Name::TimeTaken, is_decimal),
        (Name::FirstByte, is_decimal),
        (Name::OriginFirstByte, is_decimal),
        (Name::ContentLength, is_integer),
        (Name::ReceivedBytes, is_integer),
        (Name::ResultType, |value| is_word(value) && !is_detailed(value)),
        (Name::ResponseResultType, |value| is_word(value) && !is_detailed(value)),
        (Name::DetailedResultType, is_word),
        (Name::Country, |value| value.len() == 2 && value.iter().all(u8::is_ascii_alphanumeric)),
    ];
    layout.since.is_none_or(|since| row.time.as_second() >= since)
        && holds(layout, line, ends, FORMS)
        && is_in_time(layout, line, ends)
}

/// Whether the columns that a viewer has a hand in have the form that almost all have.
fn has_viewers_forms(layout: &Layout, line: &[u8], ends: &[usize]) -> bool {
    const FORMS: &Forms = &[
        (Name::Method, |value| value.iter().all(u8::is_ascii_uppercase)),
        (Name::ContentType, |value| value.contains(&b'/')),
        (Name::Host, |value| !value.contains(&b'/')),
    ];
    holds(layout, line, ends, FORMS)
}

/// The first byte of an answer does not come after its last.
fn is_in_time(layout: &Layout, line: &[u8], ends: &[usize]) -> bool {
    let seconds = |name| thousandths(layout.cell(name, line, ends)?);
    match (seconds(Name::FirstByte), seconds(Name::TimeTaken)) {
        // Both are rounded.
        (Some(first), Some(taken)) => first <= taken + 1,
        _ => true,
    }
}

/// Whether a line that fits no list is still one of CloudFront's: it has an edge and a request id,
/// which no other log has side by side.
pub fn looks_like_cloudfront(line: &[u8], delimiter: &Delimiter, ends: &mut Vec<usize>) -> bool {
    if !delimiter.split(line, ends) || ends.len() < 4 {
        return false;
    }
    let (mut edge, mut id, mut start) = (false, false, 0);
    for end in ends.iter() {
        let cell = line.get(start..*end).unwrap_or_default();
        edge |= is_edge(cell);
        id |= is_request_id(cell);
        start = end + delimiter.width();
    }
    edge && id
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

/// As result types are, those of later years too: `Hit`, `ClientGeoBlocked`. A country and a method
/// have no small letters.
fn is_word(value: &[u8]) -> bool {
    value.first().is_some_and(u8::is_ascii_uppercase)
        && value.iter().any(u8::is_ascii_lowercase)
        && value.iter().all(u8::is_ascii_alphanumeric)
}

/// What only `x-edge-detailed-result-type` says: who was at fault.
fn is_detailed(value: &[u8]) -> bool {
    [&b"Aborted"[..], b"Client", b"Invalid", b"Origin", b"SlowReader"]
        .iter()
        .any(|start| value.starts_with(start) && value != b"OriginShieldHit")
}

fn is_decimal(value: &[u8]) -> bool {
    thousandths(value).is_some()
}
