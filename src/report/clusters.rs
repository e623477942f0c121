//! From the refusals of a finding to its clusters.

use std::net::IpAddr;

use jiff::Timestamp;

use super::ClusterOut;
use crate::clusters::{Cluster, Row, locate, template};
use crate::logs::contrast::{ServedRequest, identity_of};
use crate::logs::record::Refusal;
use crate::logs::tally::Served;

/// What tells where a viewer was.
pub struct Whereabouts<'a> {
    /// Of a refusal: by the log, the WAF's log or a database.
    pub of_refusal: &'a dyn Fn(&Refusal) -> Option<String>,
    /// Of an address: by a database.
    pub of_address: &'a dyn Fn(IpAddr) -> Option<String>,
}

/// Whether a distribution served nothing at all from one moment to another.
pub fn served_nothing(served: Option<&Served>, (from, to): (Timestamp, Timestamp)) -> bool {
    let slot = |time: Timestamp| time.as_second().div_euclid(300);
    let mut slots = served.into_iter().flat_map(|one| one.buckets.range(slot(from)..=slot(to)));
    slots.next().is_none()
}

/// What a distribution served, as rows: the contrast to each of its findings.
pub fn contrast(served: Option<&Served>, countries: &Whereabouts<'_>) -> Vec<Row> {
    let rows = served.into_iter().flat_map(|served| served.sample.rows());
    rows.map(|(hash, request)| of_served(hash, &request, countries)).collect()
}

/// The clusters of a finding with `total` refusals, of which `refused` are all or a sample.
pub fn of(
    refused: impl Iterator<Item = Refusal>,
    total: u64,
    served: &[Row],
    countries: &Whereabouts<'_>,
) -> Vec<ClusterOut> {
    let refused: Vec<Row> = refused.map(|refusal| of_refusal(&refusal, countries)).collect();
    of_rows(&refused, served, total)
}

/// The same of rows.
pub fn of_rows(refused: &[Row], served: &[Row], total: u64) -> Vec<ClusterOut> {
    let approximate = (refused.len() as u64) < total;
    let clusters = locate(refused, served, total, None);
    clusters.into_iter().map(|cluster| out(cluster, approximate)).collect()
}

/// The three letters of the point of presence: its numbers tell machines apart, not places.
fn place(edge: &str) -> Box<str> {
    edge.get(..3).unwrap_or(edge).into()
}

/// A refusal as the search sees it.
pub fn of_refusal(refusal: &Refusal, countries: &Whereabouts<'_>) -> Row {
    Row {
        path: template(&refusal.path.sent()).into(),
        edge: place(&refusal.edge),
        country: (countries.of_refusal)(refusal).map(Into::into),
        host: refusal.host.value().map(|host| host.shown().into()),
        method: refusal.method.clone(),
        example: refusal.path.shown().into(),
        hash: identity_of(refusal),
    }
}

/// A served request as the search sees it.
pub fn of_served(hash: u64, request: &ServedRequest, countries: &Whereabouts<'_>) -> Row {
    let by_address = || request.client_ip.and_then(|ip| (countries.of_address)(ip));
    Row {
        path: template(&request.path.sent()).into(),
        edge: place(&request.edge),
        country: request.country.clone().or_else(|| by_address().map(Into::into)),
        host: request.host.as_ref().map(|host| host.shown().into()),
        method: request.method.clone(),
        // Only refusals are shown.
        example: Box::default(),
        hash,
    }
}

fn out(cluster: Cluster, approximate: bool) -> ClusterOut {
    let named = cluster.named;
    let about = [
        (named.path, "path"),
        (named.edge, "edges"),
        (named.country, "countries"),
        (named.host, "hosts"),
        (named.method, "methods"),
    ];
    ClusterOut {
        path: cluster.path,
        edges: cluster.edges,
        countries: cluster.countries,
        hosts: cluster.hosts,
        methods: cluster.methods,
        about: about.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect(),
        requests: cluster.requests,
        country_known: cluster.country_known,
        approximate,
        // A tenth more or less says nothing, and short numbers are read.
        lift: cluster.lift.map(|lift| (lift * 10.0).round() / 10.0),
        examples: cluster.examples,
        everything: false,
    }
}
