//! What AWS WAF's samples say of requests that look like a refused one.

use std::collections::BTreeSet;

use crate::account::facts::DistributionFacts;
use crate::account::sampled::Sampled;
use crate::logs::record::Refusal;

/// What became of sampled requests with the address, method, path and second of a refused one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Samples {
    /// Whether one was blocked.
    pub blocked: bool,
    /// Whether one passed.
    pub passed: bool,
    /// The rule within a group that blocked them, where all name the same one.
    pub rule: Option<Box<str>>,
}

pub(super) fn of(refusal: &Refusal, mine: &DistributionFacts) -> Samples {
    let Some(samples) = mine.sampled.known().filter(|samples| !samples.is_empty()) else {
        return Samples::default();
    };
    let (from, to) = refusal.span();
    let span = from.as_second()..=to.as_second();
    let path = refusal.path.sent();
    let host = refusal.host.value().map(|host| host.sent());
    let address = refusal.client_ip.value().map(AsRef::as_ref);
    let is_alike = |one: &&Sampled| {
        span.contains(&one.second)
            && address == Some(one.client_ip.as_str())
            && one.method == *refusal.method
            && one.path.as_bytes() == &*path
            && one.host.as_ref().zip(host.as_ref()).is_none_or(|(a, b)| a.as_bytes() == &**b)
    };
    let alike: Vec<&Sampled> = samples.iter().filter(is_alike).collect();
    let blocked: Vec<_> = alike.iter().filter(|one| one.blocked == Some(true)).collect();
    let rules: BTreeSet<Option<&str>> = blocked.iter().map(|one| one.rule.as_deref()).collect();
    Samples {
        blocked: !blocked.is_empty(),
        passed: alike.iter().any(|one| one.blocked == Some(false)),
        rule: rules.first().filter(|_| rules.len() == 1).and_then(|rule| rule.map(Into::into)),
    }
}
