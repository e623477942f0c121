//! One line of an access log, whatever format it came in, with its bytes still where they lie.
//!
//! Most lines are not refusals and only a few of their columns are ever looked at. So a row
//! borrows, and becomes a [`Refusal`] that owns only where it is one.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::fault::FaultKind;
use super::layout::Layout;
use super::names::{self, Dialect, Name};
use super::record::{Column, Refusal};
use crate::limits::{EARLIEST_SECOND, LATEST_SECOND, REALTIME_CUT_BYTES, TOKEN_BYTES};
use crate::viewer::{Viewer, decode_once};

/// The values of one record, by name. A name that the record does not have is `None`.
pub type Named<'a> = [Option<Cow<'a, [u8]>>; names::COUNT];

/// Where the values of a row lie.
#[derive(Clone, Copy)]
pub enum Cells<'a> {
    /// In a line that was split under a layout.
    Line {
        /// The layout.
        layout: &'a Layout,
        /// The line.
        line: &'a [u8],
        /// The end of each column.
        ends: &'a [usize],
    },
    /// Each under its name (JSON, Parquet).
    Named(&'a Named<'a>),
}

impl<'a> Cells<'a> {
    #[inline]
    fn get(&self, name: Name) -> Option<&'a [u8]> {
        match self {
            Self::Line { layout, line, ends } => layout.cell(name, line, ends),
            Self::Named(values) => values.get(name as usize)?.as_deref(),
        }
    }
}

/// A row whose basic values were checked.
pub struct Row<'a> {
    cells: Cells<'a>,
    dialect: Dialect,
    /// When the answer was finished.
    pub time: Timestamp,
    /// The status that the viewer got; 0 where the viewer left before an answer.
    pub status: u16,
}

/// Reads the moments of rows, and of a run of equal dates or seconds the first alone.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// A day and the second in which it begins.
    day: Option<([u8; 10], i64)>,
    /// A second of that day and its moment.
    second: Option<([u8; 8], Timestamp)>,
}

impl Clock {
    /// The moment of a row, by whichever columns it has for it; the finest one first.
    fn moment(&mut self, cells: &Cells<'_>) -> Option<Timestamp> {
        let ms = cells.get(Name::TimestampMs).and_then(number);
        if let Some(ms) = ms {
            return Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok();
        }
        if let Some(seconds) = cells.get(Name::TimestampSeconds) {
            return Timestamp::from_millisecond(i64::try_from(thousandths(seconds)?).ok()?).ok();
        }
        self.day(cells.get(Name::Date)?, cells.get(Name::Time)?)
    }

    /// `YYYY-MM-DD` and `HH:MM:SS` in UTC.
    fn day(&mut self, date: &[u8], time: &[u8]) -> Option<Timestamp> {
        let (date, time): ([u8; 10], [u8; 8]) = (date.try_into().ok()?, time.try_into().ok()?);
        let midnight = match (self.day, self.second) {
            (Some((day, _)), Some((second, moment))) if day == date && second == time => {
                return Some(moment);
            }
            (Some((day, midnight)), _) if day == date => midnight,
            _ => {
                let day: Date = std::str::from_utf8(&date).ok()?.parse().ok()?;
                let midnight = TimeZone::UTC.to_timestamp(day.into()).ok()?.as_second();
                (self.day, self.second) = (Some((date, midnight)), None);
                midnight
            }
        };
        let moment = Timestamp::from_second(midnight + second_of_day(time)?).ok()?;
        self.second = Some((time, moment));
        Some(moment)
    }
}

/// `HH:MM:SS`. A leap second counts as the one before it.
fn second_of_day(time: [u8; 8]) -> Option<i64> {
    let [a, b, b':', c, d, b':', e, f] = time else { return None };
    let two = |tens: u8, ones: u8| {
        let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
        digits.then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    };
    let (hour, minute, second) = (two(a, b)?, two(c, d)?, two(e, f)?);
    (hour < 24 && minute < 60 && second <= 60).then(|| hour * 3600 + minute * 60 + second.min(59))
}

impl<'a> Row<'a> {
    /// Takes the values of a record; what is wrong with them, if they have no status or no moment.
    pub fn new(
        cells: Cells<'a>,
        dialect: Dialect,
        clock: &mut Clock,
    ) -> Result<Self, (FaultKind, &'static str)> {
        let status = match cells.get(Name::Status) {
            Some(b"-") => 0,
            Some(digits) => match number(digits) {
                Some(status) if status <= 999 => status as u16,
                _ => return Err((FaultKind::BadValue, "sc-status is not a status")),
            },
            None => return Err((FaultKind::WrongColumns, "no sc-status")),
        };
        let Some(time) = clock.moment(&cells) else {
            return Err((FaultKind::BadValue, "its time is not a moment"));
        };
        if !(EARLIEST_SECOND..LATEST_SECOND).contains(&time.as_second()) {
            return Err((FaultKind::BadValue, "its time is not one of CloudFront's"));
        }
        Ok(Self { cells, dialect, time, status })
    }

    /// Its values under the names of standard logs.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &'a [u8])> {
        names::all().filter_map(|(word, name)| Some((word, self.cells.get(name)?)))
    }

    #[inline]
    fn column(&self, name: Name) -> Column<&'a [u8]> {
        match self.cells.get(name) {
            None => Column::Missing,
            Some(b"-" | b"") => Column::Dash,
            Some(value) => Column::Value(value),
        }
    }

    fn token(&self, name: Name) -> Column<Box<str>> {
        self.column(name).map(token)
    }

    fn viewer(&self, name: Name) -> Column<Viewer> {
        self.column(name).map(Viewer::new)
    }

    fn parsed<T>(&self, name: Name, parse: impl Fn(&[u8]) -> Option<T>) -> Column<T> {
        match self.column(name) {
            Column::Missing => Column::Missing,
            Column::Dash => Column::Dash,
            // A value that is no number is not a dash: it is a fact that we do not have.
            Column::Value(value) => parse(value).map_or(Column::Missing, Column::Value),
        }
    }

    /// The distribution's own name, which says to which distribution the line belongs.
    pub fn distribution_domain(&self) -> Option<&'a [u8]> {
        self.column(Name::DistributionDomain).value().copied()
    }

    /// A column as logged.
    #[inline]
    pub fn logged(&self, name: Name) -> Column<&'a [u8]> {
        self.column(name)
    }

    /// The query string as logged, wherever the format has it.
    pub fn logged_query(&self) -> Option<&'a [u8]> {
        self.column(Name::Query).value().copied().or_else(|| self.target().1)
    }

    /// The second in which the request began, as far as the log tells.
    pub fn began(&self) -> i64 {
        let taken = match self.column(Name::TimeTaken) {
            // Nearly all take less than a second.
            Column::Value([b'0', b'.', ..]) | Column::Dash | Column::Missing => 0,
            Column::Value(text) => milliseconds(text).unwrap_or(0) / 1000,
        };
        self.time.as_second() - i64::from(taken)
    }

    /// `x-edge-request-id` as logged.
    pub fn request_id(&self) -> Option<&'a [u8]> {
        self.column(Name::RequestId).value().copied()
    }

    /// The viewer's address, Host and user agent as logged.
    pub fn who(&self) -> [&'a [u8]; 3] {
        [Name::ClientIp, Name::Host, Name::UserAgent]
            .map(|name| self.column(name).value().copied().unwrap_or(b"-"))
    }

    /// The edge location and the method.
    pub fn edge_and_method(&self) -> (Box<str>, Box<str>) {
        let or_dash = |name| self.token(name).value().cloned().unwrap_or_else(|| "-".into());
        (or_dash(Name::Edge), or_dash(Name::Method))
    }

    /// The viewer's country in two letters.
    pub fn country(&self) -> Column<Box<str>> {
        self.token(Name::Country)
    }

    /// The Host in lower case, without a port.
    pub fn host(&self) -> Column<Viewer> {
        self.column(Name::Host).map(host)
    }

    /// The viewer's address.
    pub fn client_ip(&self) -> Option<IpAddr> {
        let text = self.column(Name::ClientIp).value().copied()?;
        std::str::from_utf8(text).ok()?.parse().ok()
    }

    /// The path as logged, without the query.
    pub fn path(&self) -> &'a [u8] {
        self.target().0
    }

    /// The path, and the query where it stands behind the path, as in real-time logs.
    fn target(&self) -> (&'a [u8], Option<&'a [u8]>) {
        let whole = self.column(Name::Path).value().copied().unwrap_or(b"-");
        match self.dialect {
            Dialect::Standard => (whole, None),
            Dialect::Realtime => match memchr::memchr(b'?', whole) {
                Some(mark) => (whole.get(..mark).unwrap_or_default(), whole.get(mark + 1..)),
                None => (whole, None),
            },
        }
    }

    fn query(&self) -> Column<Viewer> {
        match (self.viewer(Name::Query), self.dialect, self.target().1) {
            (Column::Missing, Dialect::Realtime, None) => Column::Dash,
            (Column::Missing | Column::Dash, Dialect::Realtime, Some(query))
                if !query.is_empty() =>
            {
                Column::Value(Viewer::new(query))
            }
            (Column::Missing, Dialect::Realtime, Some(_)) => Column::Dash,
            (column, _, _) => column,
        }
    }

    /// `x-edge-result-type` and `x-edge-response-result-type` as logged.
    pub fn result_types(&self) -> (Column<&'a [u8]>, Column<&'a [u8]>) {
        (self.column(Name::ResultType), self.column(Name::ResponseResultType))
    }

    /// `x-edge-detailed-result-type` as logged.
    pub fn detailed_result_type(&self) -> Column<&'a [u8]> {
        self.column(Name::DetailedResultType)
    }

    /// The whole row as a refusal.
    pub fn refusal(&self) -> Refusal {
        let (edge, method) = self.edge_and_method();
        Refusal {
            time: self.time,
            time_taken_ms: self.parsed(Name::TimeTaken, milliseconds).value().copied(),
            request_id: self.token(Name::RequestId).value().cloned(),
            distribution_id: None,
            distribution_domain: self
                .distribution_domain()
                .map(|name| token(name).to_ascii_lowercase().into()),
            tenant_id: self.token(Name::TenantId).value().cloned(),
            status: self.status,
            method,
            host: self.host(),
            path: Viewer::new(self.path()),
            query: self.query(),
            cookie: self.viewer(Name::Cookie),
            cookie_cut_at: (self.dialect == Dialect::Realtime).then_some(REALTIME_CUT_BYTES),
            user_agent: self.viewer(Name::UserAgent),
            client_ip: self.parsed(Name::ClientIp, address),
            country: self.country(),
            country_by_address: None,
            edge,
            protocol: self.token(Name::Protocol),
            protocol_version: self.token(Name::ProtocolVersion),
            result_type: self.token(Name::ResultType),
            response_result_type: self.token(Name::ResponseResultType),
            detailed_result_type: self.token(Name::DetailedResultType),
            content_type: self.column(Name::ContentType).map(content_type),
            content_length: self.parsed(Name::ContentLength, number),
            received_bytes: self.parsed(Name::ReceivedBytes, number),
            first_byte_ms: self.parsed(Name::FirstByte, milliseconds),
            origin_first_byte_ms: self.parsed(Name::OriginFirstByte, milliseconds),
            origin_host: self.column(Name::OriginHost).map(long_text),
            failover: self.token(Name::Failover),
            behavior: self.column(Name::Behavior).map(long_text),
            connection_id: self.token(Name::ConnectionId),
        }
    }
}

/// Plain decimal digits, nothing else.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    digits
        .iter()
        .try_fold(0u64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + u64::from(b - b'0')))
}

/// A decimal number without sign or exponent, in thousandths; further decimals are cut.
pub(super) fn thousandths(text: &[u8]) -> Option<u64> {
    let mut halves = text.splitn(2, |b| *b == b'.');
    let whole = number(halves.next()?)?;
    let fraction = halves.next().unwrap_or(b"0");
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = fraction.get(..3.min(fraction.len()))?;
    let scale = 10u64.pow(3 - digits.len() as u32);
    whole.checked_mul(1000)?.checked_add(number(digits)?.checked_mul(scale)?)
}

/// Seconds with decimals, as milliseconds.
fn milliseconds(text: &[u8]) -> Option<u32> {
    u32::try_from(thousandths(text)?).ok()
}

/// A word of CloudFront's own, as text. Bytes that no such word has are escaped, so that it can be
/// shown anywhere.
fn token(bytes: &[u8]) -> Box<str> {
    let cut = bytes.get(..TOKEN_BYTES.min(bytes.len())).unwrap_or_default();
    let is_plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:/+*=%".contains(b);
    if cut.iter().all(is_plain) {
        return String::from_utf8_lossy(cut).into();
    }
    let each = cut.iter().map(|b| match is_plain(b) {
        true => char::from(*b).to_string(),
        false => format!("%{b:02X}"),
    });
    each.collect::<String>().into()
}

/// An address in its canonical form; IPv6 may be logged uncompressed.
pub(super) fn address(bytes: &[u8]) -> Option<Box<str>> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.parse::<IpAddr>().ok().map(|ip| ip.to_string().into())
}

/// A Host in lower case and without a port, since neither matters to CloudFront.
pub fn host(bytes: &[u8]) -> Viewer {
    let lower = bytes.to_ascii_lowercase();
    let end = match memchr::memrchr(b':', &lower) {
        Some(colon)
            if lower.get(colon + 1..).is_some_and(|port| port.iter().all(u8::is_ascii_digit))
                && !lower.starts_with(b"[") =>
        {
            colon
        }
        _ => lower.len(),
    };
    let name = lower.get(..end).unwrap_or_default();
    Viewer::new(name.strip_suffix(b".").unwrap_or(name))
}

/// A media type in lower case, without its parameters.
fn content_type(bytes: &[u8]) -> Box<str> {
    let decoded = decode_once(bytes);
    let end = memchr::memchr(b';', &decoded).unwrap_or(decoded.len());
    let kind = decoded.get(..end).unwrap_or_default().trim_ascii().to_ascii_lowercase();
    token(&kind)
}

/// A path pattern or a name in DNS with the log's encoding undone; neither is longer than 255.
pub fn long_text(bytes: &[u8]) -> Box<str> {
    let decoded = decode_once(bytes);
    let cut = decoded.get(..255.min(decoded.len())).unwrap_or_default();
    crate::viewer::show(cut).into()
}
