//! The names of columns, over all formats.
//!
//! A column is found by name and never by position: every width from 12 to 35 columns has been
//! written, and today everybody chooses the columns. The same name may mean two things, so a name
//! is read together with the dialect that it comes from.

/// The columns that something here reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Name {
    /// The day on which the answer was finished.
    Date,
    /// The second of that day.
    Time,
    /// The same moment in milliseconds since 1970 (version 2).
    TimestampMs,
    /// The same moment in seconds since 1970, with decimals (real-time).
    TimestampSeconds,
    /// The edge location.
    Edge,
    /// The viewer's address.
    ClientIp,
    /// The method.
    Method,
    /// The distribution's own name.
    DistributionDomain,
    /// The path; in real-time logs with the query.
    Path,
    /// The status.
    Status,
    /// The user agent.
    UserAgent,
    /// The query.
    Query,
    /// The cookies.
    Cookie,
    /// `x-edge-result-type`.
    ResultType,
    /// `x-edge-request-id`.
    RequestId,
    /// The Host that the viewer sent.
    Host,
    /// `http`, `https`, ….
    Protocol,
    /// Bytes that the viewer sent.
    ReceivedBytes,
    /// Seconds from the first byte of the request to the last of the answer.
    TimeTaken,
    /// `x-edge-response-result-type`.
    ResponseResultType,
    /// `HTTP/1.1`, ….
    ProtocolVersion,
    /// Seconds to the first byte of the answer.
    FirstByte,
    /// `x-edge-detailed-result-type`.
    DetailedResultType,
    /// The answer's media type.
    ContentType,
    /// The answer's length.
    ContentLength,
    /// The tenant of a multi-tenant distribution.
    TenantId,
    /// The connection, with viewer mTLS.
    ConnectionId,
    /// Seconds to the first byte from the origin.
    OriginFirstByte,
    /// The viewer's country.
    Country,
    /// The path pattern of the behaviour that matched.
    Behavior,
    /// The origin that was asked last (real-time).
    OriginHost,
    /// Why an origin group was left for its second origin (real-time).
    Failover,
}

/// How many names there are.
pub const COUNT: usize = NAMES.len();

/// Normalised names, as standard logs mean them.
const NAMES: [(&str, Name); 32] = [
    ("date", Name::Date),
    ("time", Name::Time),
    ("timestamp-ms", Name::TimestampMs),
    ("timestamp", Name::TimestampSeconds),
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
    ("r-host", Name::OriginHost),
    ("sr-reason", Name::Failover),
];

/// Every name, in the order of the columns.
pub fn all() -> impl Iterator<Item = (&'static str, Name)> {
    NAMES.into_iter()
}

/// What a name means depends on who wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Standard logs, of both versions and all their formats.
    #[default]
    Standard,
    /// Real-time logs: the two hosts are swapped, and the path has the query.
    Realtime,
}

/// The column that a word names, if something here reads it.
pub fn of(word: &[u8], dialect: Dialect) -> Option<Name> {
    let normal = normalise(word);
    let (_, name) = NAMES.iter().find(|(known, _)| known.as_bytes() == normal)?;
    match (dialect, name) {
        (Dialect::Realtime, Name::DistributionDomain) => Some(Name::Host),
        (Dialect::Realtime, Name::Host) => Some(Name::DistributionDomain),
        (Dialect::Realtime, Name::Date | Name::Time) => None,
        (Dialect::Standard, Name::TimestampSeconds) => None,
        _ => Some(*name),
    }
}

/// Lower case, every run of other characters a single dash, so that `cs(Host)` and the Parquet
/// spelling `cs_host` meet.
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

/// The columns of standard logs in the order in which legacy logging writes them. Files of earlier
/// years have the first 12, 15, 18, 19, 23, 24 or 26 of them.
pub const LEGACY: [&str; 33] = [
    "date",
    "time",
    "x-edge-location",
    "sc-bytes",
    "c-ip",
    "cs-method",
    "cs(Host)",
    "cs-uri-stem",
    "sc-status",
    "cs(Referer)",
    "cs(User-Agent)",
    "cs-uri-query",
    "cs(Cookie)",
    "x-edge-result-type",
    "x-edge-request-id",
    "x-host-header",
    "cs-protocol",
    "cs-bytes",
    "time-taken",
    "x-forwarded-for",
    "ssl-protocol",
    "ssl-cipher",
    "x-edge-response-result-type",
    "cs-protocol-version",
    "fle-status",
    "fle-encrypted-fields",
    "c-port",
    "time-to-first-byte",
    "x-edge-detailed-result-type",
    "sc-content-type",
    "sc-content-len",
    "sc-range-start",
    "sc-range-end",
];

/// The widths that legacy logging has had.
pub const LEGACY_WIDTHS: [usize; 8] = [33, 26, 24, 23, 19, 18, 15, 12];

/// What a delivery of version 2 adds to [`LEGACY`] unless it is told otherwise.
pub const V2_DEFAULT: [&str; 2] = ["c-country", "cache-behavior-path-pattern"];

/// The columns of real-time logs. Whatever a configuration lists arrives in this order.
pub const REALTIME: [&str; 69] = [
    "timestamp",
    "c-ip",
    "s-ip",
    "time-to-first-byte",
    "sc-status",
    "sc-bytes",
    "cs-method",
    "cs-protocol",
    "cs-host",
    "cs-uri-stem",
    "cs-bytes",
    "x-edge-location",
    "x-edge-request-id",
    "x-host-header",
    "time-taken",
    "cs-protocol-version",
    "c-ip-version",
    "cs-user-agent",
    "cs-referer",
    "cs-cookie",
    "cs-uri-query",
    "x-edge-response-result-type",
    "x-forwarded-for",
    "ssl-protocol",
    "ssl-cipher",
    "x-edge-result-type",
    "fle-encrypted-fields",
    "fle-status",
    "sc-content-type",
    "sc-content-len",
    "sc-range-start",
    "sc-range-end",
    "c-port",
    "x-edge-detailed-result-type",
    "c-country",
    "cs-accept-encoding",
    "cs-accept",
    "cache-behavior-path-pattern",
    "cs-headers",
    "cs-header-names",
    "cs-headers-count",
    "primary-distribution-id",
    "primary-distribution-dns-name",
    "origin-fbl",
    "origin-lbl",
    "asn",
    "cmcd-encoded-bitrate",
    "cmcd-buffer-length",
    "cmcd-buffer-starvation",
    "cmcd-content-id",
    "cmcd-object-duration",
    "cmcd-deadline",
    "cmcd-measured-throughput",
    "cmcd-next-object-request",
    "cmcd-next-range-request",
    "cmcd-object-type",
    "cmcd-playback-rate",
    "cmcd-requested-maximum-throughput",
    "cmcd-streaming-format",
    "cmcd-session-id",
    "cmcd-stream-type",
    "cmcd-startup",
    "cmcd-top-bitrate",
    "cmcd-version",
    "r-host",
    "sr-reason",
    "x-edge-mqcs",
    "distribution-tenant-id",
    "connection-id",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_meet_over_all_spellings() {
        for word in ["cs(Host)", "cs_host", "CS(HOST)", "cs-host"] {
            let standard = of(word.as_bytes(), Dialect::Standard);
            assert_eq!(standard, Some(Name::DistributionDomain), "{word}");
        }
        for word in ["timestamp(ms)", "timestamp_ms"] {
            assert_eq!(of(word.as_bytes(), Dialect::Standard), Some(Name::TimestampMs), "{word}");
        }
        assert_eq!(of(b"a-column-of-2031", Dialect::Standard), None);
    }

    #[test]
    fn real_time_logs_swap_the_hosts() {
        assert_eq!(of(b"cs-host", Dialect::Realtime), Some(Name::Host));
        assert_eq!(of(b"x-host-header", Dialect::Realtime), Some(Name::DistributionDomain));
    }

    #[test]
    fn every_name_has_its_own_place() {
        for (place, (word, name)) in NAMES.iter().enumerate() {
            assert_eq!(*name as usize, place, "{word}");
        }
    }
}
