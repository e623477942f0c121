//! Requests that a viewer would send.

use std::fmt;

use jiff::Timestamp;

use crate::account::bucket;
use crate::account::distribution::{Behavior, Distribution, Origin};
use crate::account::facts::{DistributionFacts, Facts};
use crate::logs::record::{Column, Refusal};
use crate::viewer::{Viewer, plain};

/// Why a request is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// A name that the distribution has, or that DNS leads to it.
    Name,
    /// An object that is in the bucket, and the default root object.
    Object,
    /// A path that a behaviour matches; nobody says that anything is there.
    Made,
    /// A path with a signature, of a key that the behaviour trusts if it trusts any.
    Signed,
    /// The page of a custom error response.
    ErrorPage,
}

/// A request, as the log would have it if it were refused.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Why it is tried.
    pub purpose: Purpose,
    /// The line.
    pub refusal: Refusal,
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.refusal.host.value().map(Viewer::shown).unwrap_or_default();
        write!(f, "GET https://{host}{}", self.refusal.path.shown())?;
        match self.purpose {
            Purpose::Signed => f.write_str(" with a signature"),
            Purpose::ErrorPage => f.write_str(", a custom error response's page"),
            Purpose::Name | Purpose::Object | Purpose::Made => Ok(()),
        }
    }
}

/// The requests for one distribution: one for each of its names, and for each behaviour one for an
/// object of its bucket, or else for a path that it matches.
pub fn of(
    id: &str,
    mine: &DistributionFacts,
    distribution: &Distribution,
    facts: &Facts,
    at: Timestamp,
) -> Vec<Probe> {
    let own = distribution.domain_name.to_ascii_lowercase();
    let refusal = |host: &str, path: &str| Refusal {
        time: at,
        distribution_id: Some(id.into()),
        distribution_domain: Some(own.as_str().into()),
        status: 403,
        method: "GET".into(),
        host: Column::Value(Viewer::new(host.as_bytes())),
        path: Viewer::new(path.as_bytes()),
        query: Column::Dash,
        protocol: Column::Value("https".into()),
        protocol_version: Column::Value("HTTP/2.0".into()),
        ..Refusal::default()
    };
    let make = |purpose, host: &str, path: &str| Probe { purpose, refusal: refusal(host, path) };
    let mut probes = Vec::new();
    // A distribution for tenants has no names of its own.
    if distribution.is_for_tenants() {
        return probes;
    }
    let names = facts.zones.iter().filter_map(|zone| zone.known()).flatten();
    let names = names.filter(|name| name.target == own).map(|name| name.name.as_str());
    let aliases = distribution.config.aliases.items.iter().map(String::as_str);
    let path = behaviors_path(distribution.behavior_for(b"/"));
    for name in names.chain(aliases) {
        probes.push(make(Purpose::Name, &name.to_ascii_lowercase().replace('*', "www"), &path));
    }
    if !distribution.config.default_root_object.is_empty() {
        probes.push(make(Purpose::Object, &own, "/"));
    }
    for behavior in distribution.behaviors() {
        let object = object(mine, distribution, behavior);
        let purpose = if object.is_some() { Purpose::Object } else { Purpose::Made };
        let path = object.unwrap_or_else(|| behaviors_path(behavior));
        // A path that an earlier behaviour takes is not this one's to answer.
        if !std::ptr::eq(distribution.behavior_for(path.as_bytes()), behavior) {
            continue;
        }
        probes.push(make(purpose, &own, &path));
        if behavior.is_signed() {
            let mut signed = make(Purpose::Signed, &own, &path);
            let query = signature(mine, behavior, at);
            signed.refusal.query = Column::Value(Viewer::new(query.as_bytes()));
            probes.push(signed);
        }
    }
    for response in &distribution.config.custom_error_responses.items {
        if !response.response_page_path.is_empty() {
            probes.push(make(Purpose::ErrorPage, &own, &plain(&response.response_page_path)));
        }
    }
    probes
}

/// A path that a behaviour's pattern matches.
fn behaviors_path(behavior: &Behavior) -> String {
    let pattern = behavior.name().replace(['*', '?'], "x");
    if pattern.starts_with('/') { pattern } else { format!("/{pattern}") }
}

/// A path whose key is in the bucket that a behaviour asks.
fn object(
    mine: &DistributionFacts,
    distribution: &Distribution,
    behavior: &Behavior,
) -> Option<String> {
    let path_of = |origin: &Origin, key: &str| {
        let below = origin.origin_path.trim_start_matches('/');
        let path = format!("/{}", key.strip_prefix(below)?.trim_start_matches('/'));
        let typed =
            path.bytes().all(|byte| matches!(byte, b'!'..=b'~') && byte != b'%' && byte != b'+');
        let taken = std::ptr::eq(distribution.behavior_for(path.as_bytes()), behavior);
        (typed && taken && !path.ends_with('/')).then_some(path)
    };
    distribution.origins_of(behavior).into_iter().find_map(|origin| {
        let bucket = bucket::endpoint(&origin.domain_name)?.bucket;
        let listings = mine.buckets.get(&bucket)?.listings.iter();
        let listings = listings.filter_map(|listing| listing.known());
        let mut keys = listings.flat_map(|listing| listing.keys.keys());
        keys.find_map(|key| path_of(origin, key))
    })
}

/// What a signer adds to a URL. The signature itself is none; whether its key is trusted is asked.
fn signature(mine: &DistributionFacts, behavior: &Behavior, at: Timestamp) -> String {
    let keys = behavior.trusted_key_groups.items.iter();
    let key = keys.filter_map(|group| mine.key_groups.get(group)?.known()?.first()).next();
    let key = key.map_or("APKANOKEYISTRUSTED00", String::as_str);
    let expires = at.as_second() + 3600;
    format!("Expires={expires}&Signature={}&Key-Pair-Id={key}", "A".repeat(342) + "__")
}
