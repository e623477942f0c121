//! What the edge let in, held against what the configuration that was read refuses.
//!
//! The edge's own rules know no exceptions: a country, a method, a protocol, a Host or a key that
//! was let in was allowed at that moment. Where that goes on after a refusal, the configuration
//! that was read is not the one that refused.

use jiff::Timestamp;

use super::page::{OF_NO_WAF, Page, origin_asked, page};
use super::signed::usable_keys;
use super::{
    Country, GeoRule, Host, MatchedBehavior, OriginAsked, Protocol, Tenancy, country, host,
    matched, protocol,
};
use crate::account::distribution::{Behavior, Distribution};
use crate::account::facts::{DistributionFacts, Facts, What};
use crate::account::witness::{Changes, Refusable};
use crate::logs::record::{Column, Refusal};
use crate::logs::row;
use crate::logs::served::{Attribute, Place, Seen};
use crate::logs::tally::AccessTally;
use crate::signature::{Key, KeyId, Signature};
use crate::viewer::Viewer;

/// What of a request was let in with others, although the configuration that was read refuses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetIn {
    /// Its Host.
    pub host: bool,
    /// Its country.
    pub country: bool,
    /// Its method.
    pub method: bool,
    /// Its protocol.
    pub plain: bool,
    /// The key of its signature.
    pub key: bool,
    /// Requests without a signature.
    pub unsigned: bool,
}

impl LetIn {
    /// Whether anything was.
    pub fn any(self) -> bool {
        self != Self::default()
    }

    /// What of a refusal was let in with others.
    pub(super) fn of(
        refusal: &Refusal,
        facts: &Facts,
        mine: &DistributionFacts,
        (behavior, place): (Option<&Behavior>, MatchedBehavior),
        signature: Option<&Signature>,
    ) -> Self {
        if mine.let_in.is_empty() {
            return Self::default();
        }
        let at = refusal.time.as_second();
        let tenant = refusal.tenant_id.as_deref().unwrap_or(&mine.id);
        let all_known = facts.trail_is_whole();
        let read = |read_at: Option<Timestamp>| read_at.map(Timestamp::as_second);
        let changed = |from, to| facts.changed(What::Distribution, &[&mine.id, tenant], from, to);
        let config =
            Changes { between: &changed, all_known, read_at: read(mine.distribution.read_at) };
        let groups = || behavior.into_iter().flat_map(|one| &one.trusted_key_groups.items);
        let rekeyed = |from, to| {
            changed(from, to)
                || groups().any(|group| {
                    let keys = mine.key_groups.get(group).and_then(|fact| fact.known());
                    let keys = keys.into_iter().flatten().map(String::as_str);
                    let names: Vec<&str> = std::iter::once(group.as_str()).chain(keys).collect();
                    facts.changed(What::Keys, &names, from, to)
                })
        };
        let keys = Changes {
            between: &rekeyed,
            all_known,
            read_at: read(groups().filter_map(|group| mine.key_groups.get(group)?.read_at).max()),
        };
        let mut let_in = Self::default();
        for asked in refusable(refusal, place.place(), signature) {
            let changes = if matches!(asked, Refusable::Key(..)) { &keys } else { &config };
            let witness = mine.let_in.get(&asked);
            if !witness.is_some_and(|witness| witness.contradicts_edge(at, changes)) {
                continue;
            }
            match asked {
                Refusable::Host(..) => let_in.host = true,
                Refusable::Country(..) => let_in.country = true,
                Refusable::Method(..) => let_in.method = true,
                Refusable::Plain(_) => let_in.plain = true,
                Refusable::Key(..) => let_in.key = true,
                Refusable::Unsigned(_) => let_in.unsigned = true,
            }
        }
        let_in
    }
}

/// Notes of each distribution what its edge let in and its configuration refuses, and when it
/// refused the same.
pub fn note(facts: &mut Facts, tally: &AccessTally) {
    for (domain, served) in &tally.served {
        if served.let_in.iter().any(|(attribute, _)| attribute == Attribute::Plain) {
            continue;
        }
        let hosts = served.let_in.iter().filter(|(attribute, _)| *attribute == Attribute::Host);
        facts
            .served_by_tls
            .extend(hosts.map(|(_, seen)| (domain.clone(), row::host(&seen.value).sent().into())));
    }
    let mut noted = Vec::new();
    for (id, mine) in &facts.distributions {
        let Some(distribution) = mine.distribution.known() else { continue };
        let Some(served) = tally.served.get(distribution.domain_name.as_str()) else { continue };
        for (attribute, seen) in served.let_in.iter() {
            for refused in refused_of(attribute, seen, facts, mine, distribution) {
                noted.extend(
                    seen.moments.iter().map(|second| (id.clone(), refused.clone(), second)),
                );
            }
        }
    }
    for (id, refused, second) in noted {
        let Some(mine) = facts.distributions.get_mut(&id) else { continue };
        mine.let_in.entry(refused).or_default().served(second);
    }
    if facts.distributions.values().all(|mine| mine.let_in.is_empty()) {
        return;
    }
    for refusal in &mut tally.refusals.iter() {
        let refusal = &refusal;
        let Some(id) = refusal.distribution_id.as_deref() else { continue };
        let Some(mine) = facts.distributions.get(id).filter(|mine| !mine.let_in.is_empty()) else {
            continue;
        };
        let (_, place) = matched(refusal, mine.distribution.known());
        let key = key_of(refusal);
        let asked = refusable(refusal, place.place(), key.as_ref());
        let asked: Vec<Refusable> = asked.filter(|asked| looks(refusal, asked)).collect();
        let Some(mine) = facts.distributions.get_mut(id) else { continue };
        for asked in asked {
            if let Some(witness) = mine.let_in.get_mut(&asked) {
                witness.refused(refusal.time.as_second());
            }
        }
    }
}

/// What the configuration refuses of something that was let in; nothing as a rule.
fn refused_of(
    attribute: Attribute,
    seen: &Seen,
    facts: &Facts,
    mine: &DistributionFacts,
    distribution: &Distribution,
) -> Vec<Refusable> {
    let text = |bytes: &[u8]| -> Box<str> { String::from_utf8_lossy(bytes).into() };
    let mut asked = Refusal::default();
    match &seen.place {
        Place::Tenant(id) => asked.tenant_id = id.as_deref().map(text),
        Place::Behavior(pattern) => asked.behavior = Column::Value(row::long_text(pattern)),
        Place::Path(path) => asked.path = Viewer::new(path),
    }
    let tenant = Tenancy::of(&asked, facts);
    let (behavior, place) = matched(&asked, Some(distribution));
    let at_behavior = behavior.zip(place.place());
    let one = |refused: Option<Refusable>| refused.into_iter().collect();
    match attribute {
        Attribute::Host => {
            let name = row::host(&seen.value);
            asked.host = Column::Value(name.clone());
            let whose = host(&asked, Some(distribution), facts, &tenant);
            let foreign = matches!(whose, Host::Foreign(_) | Host::Elsewhere(..));
            one(foreign.then(|| Refusable::Host(asked.tenant_id, name.sent().into())))
        }
        Attribute::Country => {
            let code = text(&seen.value);
            asked.country = Column::Value(code.clone());
            let refused = matches!(
                country(&asked, Some(distribution), &tenant),
                (Some(GeoRule::Denies), Country::Listed, _)
                    | (Some(GeoRule::Serves), Country::NotListed, _)
            );
            one(refused.then_some(Refusable::Country(asked.tenant_id, code)))
        }
        Attribute::Method => {
            let method = text(&seen.value);
            let Some((_, place)) = at_behavior.filter(|(one, _)| !one.allows(&method)) else {
                return Vec::new();
            };
            // A behaviour allows reading, reading and OPTIONS, or everything.
            let all = ["OPTIONS", "PUT", "POST", "PATCH", "DELETE"];
            let shown: &[&str] = if &*method == "OPTIONS" { &["OPTIONS"] } else { &all };
            shown.iter().map(|method| Refusable::Method(place, (*method).into())).collect()
        }
        Attribute::Plain => one(at_behavior
            .filter(|(one, _)| {
                matches!(one.viewer_protocol_policy.as_str(), "https-only" | "redirect-to-https")
            })
            .map(|(_, place)| Refusable::Plain(place))),
        Attribute::Key => one(at_behavior
            .filter(|(one, _)| one.is_signed())
            .and_then(|(one, place)| Some((place, usable_keys(mine, distribution, one)?)))
            .filter(|(_, keys)| KeyId::parse(&seen.value).is_some_and(|id| !keys.contains(&id)))
            .map(|(place, _)| Refusable::Key(place, text(&seen.value)))),
        Attribute::Unsigned => one(at_behavior
            .filter(|(one, _)| one.is_signed())
            .map(|(_, place)| Refusable::Unsigned(place))),
    }
}

/// What of a refused request the edge may have refused it for.
fn refusable<'a>(
    refusal: &'a Refusal,
    place: Option<usize>,
    signature: Option<&'a Signature>,
) -> impl Iterator<Item = Refusable> + use<'a> {
    let tenant = || refusal.tenant_id.clone();
    let host = refusal.host.value().map(|host| Refusable::Host(tenant(), host.sent().into()));
    let country = refusal.country.value();
    let country = country.map(|code| Refusable::Country(tenant(), code.clone()));
    let method = place.map(|place| Refusable::Method(place, refusal.method.clone()));
    let key = place.zip(signature).and_then(|(place, signature)| match signature {
        Signature::Present(present) => match present.key {
            Key::Id(id) => Some(Refusable::Key(place, id.as_str().into())),
            _ => None,
        },
        _ => None,
    });
    let plain = place.filter(|_| protocol(refusal) == Protocol::Plain).map(Refusable::Plain);
    [host, country, method, plain, key, place.map(Refusable::Unsigned)].into_iter().flatten()
}

/// The key that a refusal names, without asking anything else of its signature.
fn key_of(refusal: &Refusal) -> Option<Signature> {
    let asked = crate::signature::Asked {
        path: refusal.path.logged(),
        query: super::signed::viewer_column(&refusal.query),
        cookie: super::signed::viewer_column(&refusal.cookie),
        cookie_cut_at: refusal.cookie_cut_at,
        ..crate::signature::Asked::default()
    };
    Some(crate::signature::signature(&asked, None))
}

/// Whether a refusal looks like one for this reason, so that it is no other one's.
fn looks(refusal: &Refusal, asked: &Refusable) -> bool {
    let page = page(refusal, &OF_NO_WAF);
    let fits = match asked {
        Refusable::Host(..) | Refusable::Plain(_) => page == Page::EdgeBadRequest,
        Refusable::Country(..) => page == Page::EdgeCountry,
        Refusable::Method(..) => matches!(page, Page::EdgeMethod | Page::Html),
        Refusable::Key(..) | Refusable::Unsigned(_) => page.is_signature(),
    };
    (fits || page == Page::Unknown) && origin_asked(refusal) != OriginAsked::Yes
}
