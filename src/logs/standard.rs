//! Standard access logs: tab-separated lines under a `#Fields` line.
//!
//! Columns are found by name, never by position, because every width from 12 to 35 columns has
//! been written, and version 2 lets everybody choose. There is no quoting: a quote is a byte like
//! any other.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::fault::{Fault, FaultKind};
use super::lines::Line;
use super::record::{Column, Refusal};
use crate::limits::{COLUMNS, TOKEN_BYTES};
use crate::viewer::{Viewer, decode_once};

/// The columns that something here reads. The position of each is looked up once for each
/// `#Fields` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
enum Name {
    Date,
    Time,
    TimestampMs,
    Edge,
    ClientIp,
    Method,
    DistributionDomain,
    Path,
    Status,
    UserAgent,
    Query,
    Cookie,
    ResultType,
    RequestId,
    Host,
    Protocol,
    ReceivedBytes,
    TimeTaken,
    ResponseResultType,
    ProtocolVersion,
    FirstByte,
    DetailedResultType,
    ContentType,
    ContentLength,
    TenantId,
    ConnectionId,
    OriginFirstByte,
    Country,
    Behavior,
}

/// Normalised names (lower case, every run of other characters a single dash), so that `cs(Host)`
/// and the Parquet spelling `cs_host` meet.
const NAMES: [(&str, Name); 29] = [
    ("date", Name::Date),
    ("time", Name::Time),
    ("timestamp-ms", Name::TimestampMs),
    ("x-edge-location", Name::Edge),
    ("c-ip", Name::ClientIp),
    ("cs-method", Name::Method),
    ("cs-host", Name::DistributionDomain),
    ("cs-uri-stem", Name::Path),
    ("sc-status", Name::Status),
    ("cs-user-agent", Name::UserAgent),
    ("cs-uri-query", Name::Query),
    ("cs-cookie", Name::Cookie),
    ("x-edge-result-type", Name::ResultType),
    ("x-edge-request-id", Name::RequestId),
    ("x-host-header", Name::Host),
    ("cs-protocol", Name::Protocol),
    ("cs-bytes", Name::ReceivedBytes),
    ("time-taken", Name::TimeTaken),
    ("x-edge-response-result-type", Name::ResponseResultType),
    ("cs-protocol-version", Name::ProtocolVersion),
    ("time-to-first-byte", Name::FirstByte),
    ("x-edge-detailed-result-type", Name::DetailedResultType),
    ("sc-content-type", Name::ContentType),
    ("sc-content-len", Name::ContentLength),
    ("distribution-tenant-id", Name::TenantId),
    ("connection-id", Name::ConnectionId),
    ("origin-fbl", Name::OriginFirstByte),
    ("c-country", Name::Country),
    ("cache-behavior-path-pattern", Name::Behavior),
];

/// Where each column stands under one `#Fields` line.
#[derive(Clone, Debug)]
pub struct Header {
    width: usize,
    position: [Option<usize>; NAMES.len()],
}

impl Header {
    /// Reads a `#Fields:` line; `None` if it names no column that a log needs.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let names = line.strip_prefix(b"#Fields:")?;
        let mut header = Self { width: 0, position: [None; NAMES.len()] };
        let words = names.split(|b| b" \t".contains(b)).filter(|word| !word.is_empty());
        for (column, word) in words.enumerate() {
            if column >= COLUMNS {
                return None;
            }
            header.width = column + 1;
            let normal = normalise(word);
            if let Some((_, name)) = NAMES.iter().find(|(known, _)| known.as_bytes() == normal)
                && let Some(slot) = header.position.get_mut(*name as usize)
            {
                slot.get_or_insert(column);
            }
        }
        let has = |name: Name| header.at(name).is_some();
        let timed = (has(Name::Date) && has(Name::Time)) || has(Name::TimestampMs);
        (timed && has(Name::Status) && has(Name::Path)).then_some(header)
    }

    fn at(&self, name: Name) -> Option<usize> {
        self.position.get(name as usize).copied().flatten()
    }
}

fn normalise(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    for byte in name.iter().map(u8::to_ascii_lowercase) {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => out.push(byte),
            _ if out.last().is_none_or(|last| *last == b'-') => {}
            _ => out.push(b'-'),
        }
    }
    while out.last() == Some(&b'-') {
        out.pop();
    }
    out
}

/// One line that was split and whose basic values were checked.
pub struct Row<'a> {
    header: &'a Header,
    line: &'a [u8],
    ends: &'a [usize],
    /// When the answer was finished.
    pub time: Timestamp,
    /// The status that the viewer got; 0 where the viewer left before an answer.
    pub status: u16,
}

/// Splits lines under the header that stands above them.
#[derive(Default)]
pub struct Splitter {
    header: Option<Header>,
    last_date: Option<([u8; 10], Date)>,
    /// Where each field of the present line ends.
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
    /// Whether a header was seen.
    pub fn has_header(&self) -> bool {
        self.header.is_some()
    }

    /// Reads one line.
    pub fn read<'a>(&'a mut self, line: &Line<'a>) -> Read<'a> {
        let bad = |kind, reason: &str| Read::Bad(Fault::new(line.place(), kind, reason));
        if line.bytes.is_empty() {
            return Read::Nothing;
        }
        // Header lines stand in mid-file where files were concatenated.
        // See: matomo-org/matomo-log-analytics#27.
        if line.bytes.starts_with(b"#") {
            if line.bytes.starts_with(b"#Fields") {
                self.header = Header::parse(line.bytes);
                if self.header.is_none() {
                    return bad(
                        FaultKind::NoHeader,
                        "this #Fields line is not one of an access log",
                    );
                }
            }
            return Read::Nothing;
        }
        let Some(header) = &self.header else {
            return bad(FaultKind::NoHeader, "a line of data before any #Fields line");
        };
        self.ends.clear();
        for tab in memchr::memchr_iter(b'\t', line.bytes) {
            if self.ends.len() >= COLUMNS {
                return bad(FaultKind::WrongColumns, "more columns than any log has");
            }
            self.ends.push(tab);
        }
        self.ends.push(line.bytes.len());
        if self.ends.len() != header.width {
            let reason =
                format!("{} columns where the header names {}", self.ends.len(), header.width);
            return bad(FaultKind::WrongColumns, &reason);
        }
        let get = |name| header.at(name).and_then(|at| field(line.bytes, &self.ends, at));
        let status = match get(Name::Status) {
            Some(b"-") => 0,
            Some(digits) => match number(digits) {
                Some(status) if status <= 999 => status as u16,
                _ => return bad(FaultKind::BadValue, "sc-status is not a status"),
            },
            None => return bad(FaultKind::WrongColumns, "no sc-status"),
        };
        let time = match (get(Name::Date), get(Name::Time), get(Name::TimestampMs)) {
            (_, _, Some(ms)) if number(ms).is_some() => number(ms)
                .and_then(|ms| i64::try_from(ms).ok())
                .and_then(|ms| Timestamp::from_millisecond(ms).ok()),
            (Some(date), Some(time), _) => time_of(date, time, &mut self.last_date),
            _ => None,
        };
        let Some(time) = time else {
            return bad(FaultKind::BadValue, "date and time are not a moment");
        };
        Read::Row(Row { header, line: line.bytes, ends: &self.ends, time, status })
    }
}

/// The bytes of one field.
fn field<'a>(line: &'a [u8], ends: &[usize], at: usize) -> Option<&'a [u8]> {
    let start = match at.checked_sub(1) {
        Some(before) => ends.get(before)? + 1,
        None => 0,
    };
    line.get(start..*ends.get(at)?)
}

/// `YYYY-MM-DD` and `HH:MM:SS` in UTC. The date is parsed once for each run of equal ones.
fn time_of(date: &[u8], time: &[u8], last: &mut Option<([u8; 10], Date)>) -> Option<Timestamp> {
    let date: [u8; 10] = date.try_into().ok()?;
    let day = match last {
        Some((bytes, day)) if *bytes == date => *day,
        _ => {
            let day: Date = std::str::from_utf8(&date).ok()?.parse().ok()?;
            *last = Some((date, day));
            day
        }
    };
    let time: Time = std::str::from_utf8(time).ok()?.parse().ok()?;
    TimeZone::UTC.to_timestamp(day.to_datetime(time)).ok()
}

/// Plain decimal digits, nothing else.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    digits
        .iter()
        .try_fold(0u64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + u64::from(b - b'0')))
}

/// Seconds with up to three decimals, as milliseconds.
fn milliseconds(text: &[u8]) -> Option<u32> {
    let mut halves = text.splitn(2, |b| *b == b'.');
    let whole = number(halves.next()?)?;
    let fraction = halves.next().unwrap_or(b"0");
    let digits = fraction.get(..3.min(fraction.len()))?;
    let scale = 10u64.pow(3 - digits.len() as u32);
    let ms = whole.checked_mul(1000)?.checked_add(number(digits)?.checked_mul(scale)?)?;
    u32::try_from(ms).ok()
}

impl<'a> Row<'a> {
    fn column(&self, name: Name) -> Column<&'a [u8]> {
        match self.header.at(name).and_then(|at| field(self.line, self.ends, at)) {
            None => Column::Missing,
            Some(b"-") => Column::Dash,
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

    /// The path as logged.
    pub fn path(&self) -> &'a [u8] {
        self.column(Name::Path).value().copied().unwrap_or(b"-")
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
        let or_dash = |name| self.token(name).value().cloned().unwrap_or_else(|| "-".into());
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
            method: or_dash(Name::Method),
            host: self.column(Name::Host).map(host),
            path: Viewer::new(self.path()),
            query: self.viewer(Name::Query),
            cookie: self.viewer(Name::Cookie),
            user_agent: self.viewer(Name::UserAgent),
            client_ip: self.parsed(Name::ClientIp, address),
            country: self.token(Name::Country),
            edge: or_dash(Name::Edge),
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
            origin_host: Column::Missing,
            failover: Column::Missing,
            behavior: self.column(Name::Behavior).map(behavior),
            connection_id: self.token(Name::ConnectionId),
        }
    }
}

/// A word of CloudFront's own, as text; bytes that no such word has are shown escaped.
fn token(bytes: &[u8]) -> Box<str> {
    let cut = bytes.get(..TOKEN_BYTES.min(bytes.len())).unwrap_or_default();
    crate::viewer::show(cut).into()
}

/// An address in its canonical form; IPv6 may be logged uncompressed.
fn address(bytes: &[u8]) -> Option<Box<str>> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.parse::<IpAddr>().ok().map(|ip| ip.to_string().into())
}

/// A Host in lower case and without a port, since neither matters to CloudFront.
fn host(bytes: &[u8]) -> Viewer {
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

/// A path pattern with the log's encoding undone.
fn behavior(bytes: &[u8]) -> Box<str> {
    let decoded = decode_once(bytes);
    let cut = decoded.get(..255.min(decoded.len())).unwrap_or_default();
    crate::viewer::show(cut).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[u8] = b"#Fields: date time cs-uri-stem sc-status cs(Host) x-host-header \
        sc-content-type sc-content-len time-taken c-ip a-column-of-2031";

    fn refusal(line: &[u8]) -> Result<Refusal, FaultKind> {
        let mut splitter = Splitter::default();
        let header = Line { number: 1, byte: 0, bytes: FIELDS };
        assert!(matches!(splitter.read(&header), Read::Nothing));
        match splitter.read(&Line { number: 2, byte: 9, bytes: line }) {
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

    proptest::proptest! {
        // The plain way to read such a line is the csv crate with tabs and without quoting; it
        // takes a byte order mark away, which no log of CloudFront has.
        #[test]
        fn fields_are_those_of_a_plain_reader(
            fields in proptest::collection::vec("[^\t\r\n\u{feff}]{1,12}", 2..40)
        ) {
            let line = fields.join("\t");
            let mut ends: Vec<usize> = memchr::memchr_iter(b'\t', line.as_bytes()).collect();
            ends.push(line.len());
            let mine: Vec<&[u8]> =
                (0..ends.len()).filter_map(|at| field(line.as_bytes(), &ends, at)).collect();
            let mut plain = csv::ReaderBuilder::new()
                .delimiter(b'\t')
                .quoting(false)
                .has_headers(false)
                .from_reader(line.as_bytes());
            let record = plain.byte_records().next().unwrap().unwrap();
            proptest::prop_assert_eq!(mine, record.iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_cannot_be_read_is_a_fault_of_its_line() {
        assert_eq!(refusal(b"2026-03-10\t14:00:01\t/a").unwrap_err(), FaultKind::WrongColumns);
        let line = b"2026-13-10\t14:00:01\t/a\t403\td\th\t-\t-\t-\t-\t-";
        assert_eq!(refusal(line).unwrap_err(), FaultKind::BadValue);
        let line = b"2026-03-10\t14:00:01\t/a\t4x3\td\th\t-\t-\t-\t-\t-";
        assert_eq!(refusal(line).unwrap_err(), FaultKind::BadValue);
    }
}
