//! One record type for all access-log formats.

use jiff::Timestamp;

use super::refusals::Glance;
use crate::viewer::Viewer;

/// A column of a log line. That a format has no such column, that the column holds `-`, and that
/// it holds a value are three different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Column<T> {
    /// The format does not have the column, or its value could not be read.
    #[default]
    Missing,
    /// The log says `-`.
    Dash,
    /// The log says this.
    Value(T),
}

impl<T> Column<T> {
    /// The value, where there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Missing | Self::Dash => None,
        }
    }

    /// The same column with another type of value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Column<U> {
        match self {
            Self::Missing => Column::Missing,
            Self::Dash => Column::Dash,
            Self::Value(value) => Column::Value(f(value)),
        }
    }

    /// The column by reference.
    pub fn as_ref(&self) -> Column<&T> {
        match self {
            Self::Missing => Column::Missing,
            Self::Dash => Column::Dash,
            Self::Value(value) => Column::Value(value),
        }
    }

    /// Whether the format has the column at all.
    pub fn is_logged(&self) -> bool {
        !matches!(self, Self::Missing)
    }
}

/// A request that was refused, or that may have been (a status that a custom error response can
/// have put in the place of 403), as the access log tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// When the answer was finished (legacy logs know whole seconds only).
    pub time: Timestamp,
    /// Milliseconds from the request's first byte to the answer's last.
    pub time_taken_ms: Option<u32>,
    /// `x-edge-request-id`, where the log has it.
    pub request_id: Option<Box<str>>,
    /// The distribution, where the log or its key tells it.
    pub distribution_id: Option<Box<str>>,
    /// The distribution's own name, `d….cloudfront.net`.
    pub distribution_domain: Option<Box<str>>,
    /// The tenant of a multi-tenant distribution.
    pub tenant_id: Option<Box<str>>,
    /// The status that the viewer got.
    pub status: u16,
    /// The method.
    pub method: Box<str>,
    /// The Host that the viewer sent, in lower case, without a port.
    pub host: Column<Viewer>,
    /// The path, without the query.
    pub path: Viewer,
    /// The query string.
    pub query: Column<Viewer>,
    /// The cookies, where the distribution logs them.
    pub cookie: Column<Viewer>,
    /// Where the format cuts the cookies off, if it does: a value of that length may go on.
    pub cookie_cut_at: Option<usize>,
    /// The user agent.
    pub user_agent: Column<Viewer>,
    /// The viewer's address.
    pub client_ip: Column<Box<str>>,
    /// The viewer's country in two letters.
    pub country: Column<Box<str>>,
    /// The country that a database of the reader's own gives the address, where the log does not
    /// say one.
    pub country_by_address: Option<Box<str>>,
    /// The edge location, for example `FRA56-P3`.
    pub edge: Box<str>,
    /// `http`, `https`, `ws`, `wss`, `grpcs`.
    pub protocol: Column<Box<str>>,
    /// `HTTP/1.0`, `HTTP/1.1`, `HTTP/2.0`, `HTTP/3.0`.
    pub protocol_version: Column<Box<str>>,
    /// `x-edge-result-type`.
    pub result_type: Column<Box<str>>,
    /// `x-edge-response-result-type`.
    pub response_result_type: Column<Box<str>>,
    /// `x-edge-detailed-result-type`.
    pub detailed_result_type: Column<Box<str>>,
    /// `sc-content-type`, in lower case, without parameters.
    pub content_type: Column<Box<str>>,
    /// `sc-content-len`, in bytes.
    pub content_length: Column<u64>,
    /// Bytes that the viewer sent, headers included.
    pub received_bytes: Column<u64>,
    /// Milliseconds to the first byte of the answer.
    pub first_byte_ms: Column<u32>,
    /// Milliseconds to the first byte from the origin.
    pub origin_first_byte_ms: Column<u32>,
    /// The origin that answered last (real-time logs).
    pub origin_host: Column<Box<str>>,
    /// Why an origin group was left for its second origin (real-time logs).
    pub failover: Column<Box<str>>,
    /// The path pattern of the behaviour that matched; `*` is the default one.
    pub behavior: Column<Box<str>>,
    /// The connection, where viewer mTLS is on.
    pub connection_id: Column<Box<str>>,
}

impl Refusal {
    /// The earliest and the latest moment at which the request can have begun.
    ///
    /// The log's time is that of the end, cut to whole seconds where `time` has no fraction.
    pub fn began(&self) -> Option<(Timestamp, Timestamp)> {
        let taken = i64::from(self.time_taken_ms?);
        let granularity = if self.time.subsec_nanosecond() == 0 { 999 } else { 0 };
        let earliest = self.time.checked_sub(jiff::SignedDuration::from_millis(taken + 1)).ok()?;
        let latest =
            earliest.checked_add(jiff::SignedDuration::from_millis(granularity + 1)).ok()?;
        Some((earliest, latest))
    }

    /// What is often asked of a refusal.
    pub fn glance(&self) -> Glance<'_> {
        Glance {
            time: self.time,
            request_id: self.request_id.as_deref(),
            status: self.status,
            client_ip: self.client_ip.clone(),
            distribution_domain: self.distribution_domain.as_deref(),
        }
    }

    /// The span in which a WAF record of this request must lie: from its beginning to its end, and
    /// a second for the clocks of two services.
    pub fn span(&self) -> (Timestamp, Timestamp) {
        let taken = i64::from(self.time_taken_ms.unwrap_or(0));
        let start = self.time.checked_sub(jiff::SignedDuration::from_millis(taken + 1000));
        let end = self.time.checked_add(jiff::SignedDuration::from_millis(1999));
        (start.unwrap_or(self.time), end.unwrap_or(self.time))
    }
}
