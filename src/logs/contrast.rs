//! What was served, as far as it is kept to contrast refusals with.

use std::net::IpAddr;

use super::record::{Column, Refusal};
use super::row::Row;
use crate::clusters::key_hash;
use crate::limits::TOKEN_BYTES;
use crate::viewer::Viewer;

/// Bytes of a path that are kept here: more than a template has.
const PATH_BYTES: usize = 512;

/// A request that was not refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServedRequest {
    /// The path as logged, cut.
    pub path: Viewer,
    /// The edge location.
    pub edge: Box<str>,
    /// The viewer's country, where the log says it.
    pub country: Option<Box<str>>,
    /// The Host, where the log says it.
    pub host: Option<Viewer>,
    /// The method.
    pub method: Box<str>,
    /// The viewer's address, where the log says it.
    pub client_ip: Option<IpAddr>,
    /// The second in which it was answered.
    pub second: i64,
}

impl ServedRequest {
    /// The row as far as it is kept.
    pub fn new(row: &Row<'_>) -> Self {
        let (edge, method) = row.edge_and_method();
        let path = row.path();
        Self {
            path: Viewer::new(path.get(..PATH_BYTES).unwrap_or(path)),
            edge,
            country: row.country().value().cloned(),
            host: row.host().value().cloned(),
            method,
            client_ip: row.client_ip(),
            second: row.time.as_second(),
        }
    }
}

/// What a request is sampled by: its id, else all that tells it from its neighbours. Two requests
/// that agree in all of it count as one; a sample can bear that.
pub fn identity(row: &Row<'_>) -> u64 {
    match row.request_id() {
        Some(id) => key_hash(&[id.get(..TOKEN_BYTES).unwrap_or(id)]),
        None => {
            let time = row.time.as_nanosecond().to_le_bytes();
            let [ip, host, agent] = row.who();
            key_hash(&[&time, ip, host, agent, row.path()])
        }
    }
}

/// The same of a refusal.
pub fn identity_of(refusal: &Refusal) -> u64 {
    match &refusal.request_id {
        Some(id) => key_hash(&[id.as_bytes()]),
        None => {
            let time = refusal.time.as_nanosecond().to_le_bytes();
            let ip = refusal.client_ip.value().map_or("-", AsRef::as_ref);
            let [host, agent] = [&refusal.host, &refusal.user_agent].map(|column| match column {
                Column::Value(value) => value.logged(),
                Column::Dash | Column::Missing => b"-",
            });
            key_hash(&[&time, ip.as_bytes(), host, agent, refusal.path.logged()])
        }
    }
}
