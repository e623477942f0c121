//! Connection logs of distributions that ask viewers for a certificate: TLS handshakes.
//!
//! A handshake that failed has no HTTP status and is no 403; no access log has a line of it. It is
//! counted apart, so that "our partner cannot connect" gets an answer as well.
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/connection-logs.html>

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::net::IpAddr;
use std::ops::ControlFlow;

use jiff::Timestamp;
use memchr::memmem;
use serde::Deserialize;

use super::fault::{Fault, FaultKind, Faults};
use super::lines::{self, Line};
use super::tally::hash;
use super::{Context, Kind, Outcome};
use crate::limits::{EARLIEST_SECOND, HANDSHAKES_KEPT, LATEST_SECOND};
use crate::viewer::Viewer;

/// Bytes of a value that are kept of what a viewer's certificate says.
const NAME_BYTES: usize = 256;

/// A handshake that failed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Handshake {
    /// The distribution.
    pub distribution_id: Option<Box<str>>,
    /// What stands behind `Failed:`.
    pub code: Box<str>,
    /// When it ended.
    pub time: Timestamp,
    /// Who.
    pub client: Option<IpAddr>,
    /// The name that was asked for.
    pub server_name: Option<Viewer>,
    /// Whose certificate it was.
    pub subject: Option<Viewer>,
    /// Who signed it.
    pub issuer: Option<Viewer>,
    /// From when to when it is valid, as logged.
    pub validity: Option<Viewer>,
}

/// What connection logs say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handshakes {
    /// Lines read.
    pub lines: u64,
    /// Lines that could not be read.
    pub malformed: u64,
    /// Whether some that failed were left out, because there are too many.
    pub is_partial: bool,
    /// Those that failed, by a hash of their connection: one that was delivered twice counts once,
    /// and those with the smallest hashes stay, whatever the order of lines.
    failed: BTreeMap<u64, Handshake>,
}

impl Handshakes {
    /// Those that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Handshake> {
        self.failed.values()
    }

    /// Adds what another part of the logs says. Order does not matter.
    pub fn merge(&mut self, other: Self) {
        self.lines += other.lines;
        self.malformed += other.malformed;
        self.is_partial |= other.is_partial;
        other.failed.into_iter().for_each(|(connection, one)| self.note(connection, one));
    }

    fn note(&mut self, connection: u64, handshake: Handshake) {
        // Two lines of one connection are the same line twice; if not, no order may decide.
        match self.failed.entry(connection) {
            std::collections::btree_map::Entry::Vacant(place) => drop(place.insert(handshake)),
            std::collections::btree_map::Entry::Occupied(mut known) => {
                if handshake < *known.get() {
                    known.insert(handshake);
                }
            }
        }
        if self.failed.len() > HANDSHAKES_KEPT {
            self.failed.pop_last();
            self.is_partial = true;
        }
    }
}

/// Whether a line is a record of such a log as JSON.
pub fn is_record(line: &[u8]) -> bool {
    let has = |key: &[u8]| memmem::find(line, key).is_some();
    line.starts_with(b"{") && has(b"\"connectionStatus\"") && has(b"\"connectionId\"")
}

/// Whether a line names the columns of such a log.
pub fn is_header(line: &[u8]) -> bool {
    line.starts_with(b"#Fields:") && memmem::find(line, b"connectionStatus").is_some()
}

/// Reads a connection log into `handshakes`.
pub fn read_connections(
    source: impl Read,
    context: &Context,
    handshakes: &mut Handshakes,
) -> Outcome {
    let mut faults = Faults::default();
    let mut columns = Vec::new();
    lines::read_lines(source, &context.limits, &mut faults, |line, faults| {
        let text = line.bytes.trim_ascii();
        if let Some(names) = text.strip_prefix(b"#Fields:") {
            let names = names.split(u8::is_ascii_whitespace).filter(|name| !name.is_empty());
            let names = names.take(crate::limits::COLUMNS);
            columns = names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        }
        if text.is_empty() || text.starts_with(b"#") {
            return ControlFlow::Continue(());
        }
        handshakes.lines += 1;
        let read = if text.starts_with(b"{") { of_json(text) } else { of_row(text, &columns) };
        match read.and_then(|record| keep(&record, context, handshakes)) {
            Ok(()) => {}
            Err((kind, reason)) => {
                handshakes.malformed += 1;
                faults.push(fault(&line, kind, reason));
            }
        }
        ControlFlow::Continue(())
    });
    Outcome { kind: Kind::Connection, faults }
}

fn fault(line: &Line<'_>, kind: FaultKind, reason: &str) -> Fault {
    Fault::new(line.place(), kind, reason)
}

type Unread = (FaultKind, &'static str);

/// One line. Times are strings or numbers: the documentation says ISO 8601, its example is the
/// milliseconds of an epoch.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record<'a> {
    event_timestamp: Option<serde_json::Value>,
    #[serde(borrow)]
    connection_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    connection_status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    client_ip: Option<Cow<'a, str>>,
    #[serde(borrow)]
    distribution_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tls_sni: Option<Cow<'a, str>>,
    #[serde(borrow)]
    client_leaf_cert_subject: Option<Cow<'a, str>>,
    #[serde(borrow)]
    client_leaf_cert_issuer: Option<Cow<'a, str>>,
    #[serde(borrow)]
    client_leaf_cert_validity: Option<Cow<'a, str>>,
}

fn of_json(text: &[u8]) -> Result<Record<'_>, Unread> {
    serde_json::from_slice(text).map_err(|_| (FaultKind::BadJson, "no record of a connection log"))
}

fn of_row<'a>(text: &'a [u8], columns: &[String]) -> Result<Record<'a>, Unread> {
    if columns.is_empty() {
        return Err((FaultKind::NoHeader, "no #Fields line names the columns"));
    }
    let values: Vec<&[u8]> = text.split(|byte| *byte == b'\t').collect();
    if values.len() != columns.len() {
        return Err((FaultKind::WrongColumns, "not as many columns as its header names"));
    }
    let mut record = Record::default();
    for (name, value) in columns.iter().zip(values) {
        let value = String::from_utf8_lossy(value);
        let place = match name.as_str() {
            "eventTimestamp" => {
                record.event_timestamp = Some(value.into_owned().into());
                continue;
            }
            "connectionId" => &mut record.connection_id,
            "connectionStatus" => &mut record.connection_status,
            "clientIp" => &mut record.client_ip,
            "distributionId" => &mut record.distribution_id,
            "tlsSni" => &mut record.tls_sni,
            "clientLeafCertSubject" => &mut record.client_leaf_cert_subject,
            "clientLeafCertIssuer" => &mut record.client_leaf_cert_issuer,
            "clientLeafCertValidity" => &mut record.client_leaf_cert_validity,
            _ => continue,
        };
        *place = Some(value);
    }
    Ok(record)
}

fn keep(record: &Record<'_>, context: &Context, handshakes: &mut Handshakes) -> Result<(), Unread> {
    let (Some(id), Some(status)) = (&record.connection_id, &record.connection_status) else {
        return Err((FaultKind::BadValue, "no connectionId or no connectionStatus"));
    };
    let Some(code) = status.strip_prefix("Failed:") else {
        return match status.as_ref() {
            "Success" => Ok(()),
            _ => Err((FaultKind::BadValue, "connectionStatus is neither Success nor Failed")),
        };
    };
    let time = record.event_timestamp.as_ref().and_then(time);
    let time = time.ok_or((FaultKind::BadValue, "eventTimestamp is no time"))?;
    if !context.times.have(time) {
        return Ok(());
    }
    let text = |value: &Option<Cow<'_, str>>| {
        let value = value.as_deref().filter(|value| !matches!(*value, "" | "-"))?;
        Some(Viewer::new(value.as_bytes().get(..NAME_BYTES).unwrap_or(value.as_bytes())))
    };
    let word = |value: &str| value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let code = if word(code) && code.len() <= NAME_BYTES { code } else { "" };
    let distribution = record.distribution_id.as_deref();
    handshakes.note(
        hash(id.as_bytes()),
        Handshake {
            distribution_id: distribution.filter(|id| !id.is_empty() && word(id)).map(Into::into),
            code: code.into(),
            time,
            client: record.client_ip.as_deref().and_then(|address| address.parse().ok()),
            server_name: text(&record.tls_sni),
            subject: text(&record.client_leaf_cert_subject),
            issuer: text(&record.client_leaf_cert_issuer),
            validity: text(&record.client_leaf_cert_validity),
        },
    );
    Ok(())
}

fn time(value: &serde_json::Value) -> Option<Timestamp> {
    let milliseconds = match value {
        serde_json::Value::Number(number) => number.as_i64(),
        serde_json::Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let time = match milliseconds {
        Some(milliseconds) => Timestamp::from_millisecond(milliseconds).ok()?,
        None => value.as_str()?.parse().ok()?,
    };
    (EARLIEST_SECOND..LATEST_SECOND).contains(&time.as_second()).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Handshakes, Outcome) {
        let mut handshakes = Handshakes::default();
        let outcome = read_connections(text.as_bytes(), &Context::default(), &mut handshakes);
        (handshakes, outcome)
    }

    fn record(id: &str, status: &str, time: &str) -> String {
        format!(
            r#"{{"eventTimestamp":{time},"connectionId":"{id}","connectionStatus":"{status}","clientIp":"203.0.113.7","distributionId":"E1","tlsSni":"api.example","clientLeafCertSubject":"CN=partner"}}"#
        )
    }

    #[test]
    fn what_failed_is_kept_once_whatever_its_order() {
        let one = record("a", "Failed:ClientCertExpired", "1773151200000");
        let two = record("b", "Failed:ClientCertMissing", "\"2026-03-10T14:01:00Z\"");
        let three = record("c", "Success", "1773151200000");
        let (forth, _) = read(&format!("{one}\n{two}\n{three}\n{one}\n"));
        let (back, _) = read(&format!("{one}\n{three}\n{two}\n{one}\n"));
        assert_eq!(forth, back);
        assert_eq!(forth.lines, 4);
        let codes: Vec<&str> = forth.failed().map(|one| one.code.as_ref()).collect();
        assert_eq!(codes.len(), 2);
        assert!(codes.contains(&"ClientCertExpired") && codes.contains(&"ClientCertMissing"));
        assert!(forth.failed().all(|one| one.distribution_id.as_deref() == Some("E1")));
    }

    #[test]
    fn columns_are_named_by_a_header() {
        let text = "#Version: 1.0\n#Fields: eventTimestamp connectionId connectionStatus\n\
                    1773151200000\tx\tFailed:TcpTimeout\n1773151200000\tx\n";
        let (handshakes, outcome) = read(text);
        assert_eq!(handshakes.failed().count(), 1);
        assert_eq!((handshakes.malformed, outcome.faults.lines()), (1, 1));
        let fault = outcome.faults.kept().first().map(|fault| (fault.kind, fault.place));
        let place = super::super::fault::Place::Line { line: 4, byte: 102 };
        assert_eq!(fault, Some((FaultKind::WrongColumns, place)));
        let (_, outcome) = read("1773151200000\tx\tFailed:TcpTimeout\n");
        assert_eq!(outcome.faults.kept().first().map(|one| one.kind), Some(FaultKind::NoHeader));
    }

    #[test]
    fn what_is_no_record_says_so() {
        for (text, kind) in [
            ("{\"connectionId\":\"a\"", FaultKind::BadJson),
            ("{\"connectionId\":\"a\"}", FaultKind::BadValue),
            (&record("a", "Perhaps", "0"), FaultKind::BadValue),
            (&record("a", "Failed:X", "\"yesterday\""), FaultKind::BadValue),
            (&record("a", "Failed:X", "99999999999999999"), FaultKind::BadValue),
        ] {
            let (handshakes, outcome) = read(text);
            assert_eq!(outcome.faults.kept().first().map(|one| one.kind), Some(kind), "{text}");
            assert_eq!(handshakes.failed().count(), 0);
        }
        // A code of the future is kept as it is, and what is no code is none.
        assert_eq!(read(&record("a", "Failed:New", "0")).0.failed().count(), 0);
        let (new, _) = read(&record("a", "Failed:New", "1773151200000"));
        assert_eq!(new.failed().next().map(|one| one.code.as_ref()), Some("New"));
        let (odd, _) = read(&record("a", "Failed:<b>", "1773151200000"));
        assert_eq!(odd.failed().next().map(|one| one.code.as_ref()), Some(""));
    }
}
