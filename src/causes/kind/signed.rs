//! The state of a request's signature, and the keys that it is held against.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::account::distribution::{Behavior, Distribution};
use crate::account::facts::{DistributionFacts, Held, What};
use crate::logs::record::{Column, Refusal};
use crate::signature::{self, Began, KeyId, Signature, Told};

pub(super) fn signed(
    refusal: &Refusal,
    mine: &DistributionFacts,
    distribution: &Distribution,
    behavior: &Behavior,
) -> Signature {
    let cookies_logged =
        distribution.config.logging.as_ref().map(|logging| logging.include_cookies);
    look(refusal, cookies_logged, usable_keys(mine, distribution, behavior).as_ref())
}

/// The same where neither the keys are known nor whether a signature is asked for: dates, address
/// and URL stand in the request itself.
pub(super) fn signed_at_all(refusal: &Refusal) -> Signature {
    look(refusal, None, None)
}

/// What the signature of a refused request says, and the second in which the request began.
pub fn told(refusal: &Refusal) -> Option<(Told, Option<i64>)> {
    let asked = asked(refusal, None);
    let began = asked.began.map(|began| began.latest.as_second());
    Some((signature::told(&asked)?, began))
}

fn look(
    refusal: &Refusal,
    cookies_logged: Option<bool>,
    keys: Option<&BTreeSet<KeyId>>,
) -> Signature {
    signature::signature(&asked(refusal, cookies_logged), keys)
}

/// What the log says of a request, as far as its signature goes.
pub(super) fn asked(refusal: &Refusal, cookies_logged: Option<bool>) -> signature::Asked<'_> {
    let host = refusal.host.value();
    signature::Asked {
        protocol: text_column(&refusal.protocol),
        host: host.map_or(signature::Column::Missing, |h| signature::Column::Value(h.logged())),
        path: refusal.path.logged(),
        query: viewer_column(&refusal.query),
        cookie: viewer_column(&refusal.cookie),
        cookies_logged,
        cookie_cut_at: refusal.cookie_cut_at,
        client_ip: text_column(&refusal.client_ip),
        began: refusal.time_taken_ms.and_then(|taken| {
            let whole = refusal.time.subsec_nanosecond() == 0;
            let step = SignedDuration::from_millis(if whole { 1000 } else { 1 });
            Began::from_end(refusal.time, step, SignedDuration::from_millis(i64::from(taken)))
        }),
        ended: Some(refusal.time),
    }
}

pub(super) fn viewer_column(column: &Column<crate::viewer::Viewer>) -> signature::Column<'_> {
    match column {
        Column::Missing => signature::Column::Missing,
        Column::Dash => signature::Column::Dash,
        Column::Value(value) => signature::Column::Value(value.logged()),
    }
}

pub(super) fn text_column(column: &Column<Box<str>>) -> signature::Column<'_> {
    match column {
        Column::Missing => signature::Column::Missing,
        Column::Dash => signature::Column::Dash,
        Column::Value(value) => signature::Column::Value(value.as_bytes()),
    }
}

/// The keys that a behaviour trusts, where all of them are known.
pub(super) fn usable_keys(
    mine: &DistributionFacts,
    distribution: &Distribution,
    behavior: &Behavior,
) -> Option<BTreeSet<KeyId>> {
    let mut keys = BTreeSet::new();
    if behavior.trusted_signers.enabled {
        let active = distribution.active_trusted_signers.as_ref()?;
        let owned = active.items.iter().flat_map(|owner| &owner.key_pair_ids.items);
        keys.extend(owned.filter_map(|id| KeyId::parse(id.as_bytes())));
    }
    if behavior.trusted_key_groups.enabled {
        for group in &behavior.trusted_key_groups.items {
            match mine.key_groups.get(group).and_then(|fact| fact.known()) {
                Some(ids) => keys.extend(ids.iter().filter_map(|id| KeyId::parse(id.as_bytes()))),
                // The distribution lists the keys of all its groups together.
                None => {
                    let active = distribution.active_trusted_key_groups.as_ref()?;
                    if active.items.is_empty() {
                        return None;
                    }
                    let owned = active.items.iter().flat_map(|owner| &owner.key_pair_ids.items);
                    keys.extend(owned.filter_map(|id| KeyId::parse(id.as_bytes())));
                }
            }
        }
    }
    Some(keys)
}

pub(super) fn keys_held(
    mine: Option<&DistributionFacts>,
    behavior: Option<&Behavior>,
    held: impl Fn(What, &[&str], Option<Timestamp>) -> Held,
) -> Held {
    let Some((mine, behavior)) = mine.zip(behavior).filter(|(_, b)| b.is_signed()) else {
        return Held::Holds;
    };
    behavior
        .trusted_key_groups
        .items
        .iter()
        .map(|group| {
            let fact = mine.key_groups.get(group);
            let keys = fact.and_then(|fact| fact.known()).into_iter().flatten();
            let names: Vec<&str> =
                std::iter::once(group.as_str()).chain(keys.map(String::as_str)).collect();
            held(What::Keys, &names, fact.and_then(|fact| fact.read_at))
        })
        .max()
        .unwrap_or(Held::Holds)
}
