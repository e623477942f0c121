//! What is worth asking: a few paths of each finding that is not confirmed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ask, Of};
use crate::account::distribution::{Behavior, Distribution, Origin};
use crate::account::facts::DistributionFacts;
use crate::analysis::Analysis;
use crate::causes::judge::Confidence;
use crate::causes::kind::{Kind, is_bucket};
use crate::limits::{ASKED_FINDINGS, ASKED_PATHS, ASKED_URL_BYTES};
use crate::logs::record::{Column, Refusal};
use crate::report::build::Subject;
use crate::signature::redact;

/// The questions about an analysis, those of its largest open findings. A query is sent only where
/// that is wished, and never one with what gives access.
pub fn plan(analysis: &Analysis<'_>, with_query: bool) -> Vec<Ask> {
    let mut open: BTreeMap<Subject, (u64, Paths)> = BTreeMap::new();
    for (refusal, kind, verdict) in analysis.verdicts() {
        if verdict.confidence < Confidence::Confirmed {
            let (count, paths) = open.entry(Subject::of(kind, verdict)).or_default();
            *count += 1;
            note(paths, refusal);
        }
    }
    let mut largest: Vec<_> = open.into_iter().collect();
    largest.sort_by(|(one, (a, _)), (other, (b, _))| b.cmp(a).then(one.cmp(other)));
    let mut asks = BTreeSet::new();
    for (subject, (_, paths)) in largest.into_iter().take(ASKED_FINDINGS) {
        let Some(id) = subject.distribution_id.as_deref() else { continue };
        let Some(mine) = analysis.facts.distributions.get(id) else { continue };
        let Some(distribution) = mine.distribution.known() else { continue };
        for refusal in different(paths) {
            asks.extend(of_refusal(&refusal, mine, distribution, with_query));
        }
    }
    asks.into_iter().collect()
}

/// Requests by whether they have a query, and by their path: those without a query come first,
/// since they can be asked as they were.
type Paths = BTreeMap<(bool, Box<[u8]>), Refusal>;

/// Keeps a request as far as it may be asked about: each path is there twice at most.
fn note(paths: &mut Paths, refusal: Refusal) {
    if !matches!(&*refusal.method, "GET" | "HEAD") {
        return;
    }
    let key = (refusal.query.value().is_some(), refusal.path.logged().into());
    paths.entry(key).or_insert(refusal);
    if paths.len() > 2 * ASKED_PATHS {
        paths.pop_last();
    }
}

/// A few requests of different paths.
fn different(paths: Paths) -> Vec<Refusal> {
    let mut seen = BTreeSet::new();
    let different = paths.into_iter().filter(|((_, path), _)| seen.insert(path.clone()));
    different.map(|(_, refusal)| refusal).take(ASKED_PATHS).collect()
}

fn of_refusal(
    refusal: &Refusal,
    mine: &DistributionFacts,
    distribution: &Distribution,
    with_query: bool,
) -> Vec<Ask> {
    let Some(path) = typed(&refusal.path.sent()).filter(|path| path.starts_with('/')) else {
        return Vec::new();
    };
    let query = match &refusal.query {
        Column::Value(query) if with_query => typed(&query.sent())
            .filter(|query| redact(query.as_bytes()) == *query)
            .map(|query| format!("?{query}")),
        _ => None,
    };
    let host = refusal.host.value().and_then(|host| typed(&host.sent()));
    let host = host.filter(|host| is_name(host));
    let plain = matches!(refusal.protocol.value().map(AsRef::as_ref), Some("http"));
    let left_out = refusal.query.value().is_some() && query.is_none();
    let query = query.unwrap_or_default();
    let ask = |of, scheme: &str, host: &str, connect: &str, port: u16, path: &str| Ask {
        of,
        distribution_id: mine.id.clone(),
        method: refusal.method.to_string(),
        path: String::from_utf8_lossy(refusal.path.logged()).into_owned(),
        url: format!("{scheme}://{host}{}{path}{query}", port_of(scheme, port)),
        connect: connect.to_owned(),
        port,
        query_left_out: left_out,
    };
    let mut all = Vec::new();
    let name = distribution.domain_name.as_str();
    if is_name(name) {
        let (scheme, port) = if plain { ("http", 80) } else { ("https", 443) };
        let host = host.as_deref().unwrap_or(name);
        all.push(ask(Of::Distribution, scheme, host, name, port, &path));
    }
    let behavior = distribution.behavior_for(&refusal.path.sent());
    if let Some(origin) = asked_origin(distribution, behavior, &refusal.method) {
        let (scheme, port) = by(origin, plain);
        let forwarded = mine.forwards_host(behavior) == Some(true);
        let host = host.as_deref().filter(|_| forwarded).unwrap_or(&origin.domain_name);
        let path = format!("{}{path}", origin.origin_path);
        if typed(path.as_bytes()).is_some() {
            all.push(ask(Of::Origin, scheme, host, &origin.domain_name, port, &path));
        }
    }
    all
}

/// The origin that can be asked in CloudFront's place.
fn asked_origin<'a>(
    distribution: &'a Distribution,
    behavior: &Behavior,
    method: &str,
) -> Option<&'a Origin> {
    let origins = distribution.may_refuse(behavior, method);
    origins.into_iter().find(|origin| can_be_asked(origin))
}

/// An origin that answers to anybody. A bucket that CloudFront signs for refuses whoever does not
/// sign, and an origin in a VPC has no address outside of it.
fn can_be_asked(origin: &Origin) -> bool {
    !is_bucket(origin)
        && origin.origin_access_control_id.is_empty()
        && origin.vpc_origin_config.is_none()
        && is_name(&origin.domain_name)
}

/// How CloudFront connects to an origin.
fn by(origin: &Origin, plain: bool) -> (&'static str, u16) {
    let config = origin.custom_origin_config.clone().unwrap_or_default();
    let port = |told: u16, usual| if told == 0 { usual } else { told };
    match config.origin_protocol_policy.as_str() {
        "http-only" => ("http", port(config.http_port, 80)),
        "match-viewer" if plain => ("http", port(config.http_port, 80)),
        _ => ("https", port(config.https_port, 443)),
    }
}

fn port_of(scheme: &str, port: u16) -> String {
    match (scheme, port) {
        ("http", 80) | ("https", 443) => String::new(),
        (_, port) => format!(":{port}"),
    }
}

/// What can be sent as it is.
fn typed(bytes: &[u8]) -> Option<String> {
    let good = |byte: &u8| byte.is_ascii_graphic() && !b"#\\\"<>^`{|}".contains(byte);
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    (text.len() <= ASKED_URL_BYTES && text.bytes().all(|byte| good(&byte))).then_some(text)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// Whether an origin is asked with headers that are not sent here, so that its refusal tells
/// nothing.
pub fn is_locked(kind: &Kind, facts: Option<&DistributionFacts>) -> bool {
    let configured = kind.config(facts).zip(kind.behavior(facts));
    let origin = configured
        .and_then(|(distribution, behavior)| asked_origin(distribution, behavior, &kind.method));
    origin.is_none_or(|origin| !origin.custom_headers.items.is_empty())
}
