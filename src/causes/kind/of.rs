//! How the kind of a refusal is told.

use std::collections::BTreeSet;

use super::super::s3_origin::met;
use super::origin_said::Search;
use super::page::{origin_asked, page};
use super::signed::{keys_held, signed, signed_at_all};
use super::tenancy::{Tenancy, country, host, host_by_list, listed, web_acl as acl_of};
use super::{Acl, Kind, LetIn, MatchedBehavior, OriginAsked, Page, Protocol, TENANTS, WafSeen};
use super::{asked as directly, sampled, verified};
use crate::account::Question;
use crate::account::distribution::{Behavior, Distribution};
use crate::account::facts::{Facts, Held, What, acl_id};
use crate::account::witness::Witness;
use crate::logs::function::FunctionIndex;
use crate::logs::origin::OriginIndex;
use crate::logs::record::Refusal;
use crate::logs::waf::{Action, Side, WafIndex};
use crate::signature::{Signature, Verified};

/// What is known beside the refusals themselves.
pub struct Sources<'a> {
    /// What AWS says.
    pub facts: &'a Facts,
    /// What the WAF logs say.
    pub waf: &'a WafIndex,
    /// What the logs of origins say.
    pub origin: &'a OriginIndex,
    /// For which requests functions at the edge ran.
    pub function: &'a FunctionIndex,
    /// Bodies that were sent with requests of which the WAF's log says that it blocked them, by
    /// media type and length, and with no other request.
    pub blocked_bodies: &'a BTreeSet<(Box<str>, u64)>,
}

impl Kind {
    /// The kind of a refusal.
    pub fn of(refusal: &Refusal, sources: &Sources<'_>) -> Self {
        let facts = sources.facts;
        let mine = refusal.distribution_id.as_deref().and_then(|id| facts.distributions.get(id));
        let distribution = mine.and_then(|mine| mine.distribution.known());
        let tenant = Tenancy::of(refusal, facts);
        let at = refusal.time;
        let held = |what, names: &[&str], read_at| facts.holds(what, names, read_at, at);
        let config = match mine {
            Some(mine) => {
                let tenant = refusal.tenant_id.as_deref().unwrap_or(&mine.id);
                let told = held(What::Distribution, &[&mine.id, tenant], mine.distribution.read_at);
                // AWS itself says when it was last changed, though not what was changed.
                let later = distribution.and_then(Distribution::last_modified);
                match later.is_some_and(|changed| changed > at) {
                    true => told.max(Held::Unsure),
                    false => told,
                }
            }
            None => Held::Unsure,
        };
        let (behavior, index) = matched(refusal, distribution);
        let (acl, arn) = acl_of(distribution, &tenant);
        let bucket =
            mine.zip(distribution).zip(behavior).and_then(|((mine, distribution), behavior)| {
                met::of(refusal, facts, mine, distribution, behavior)
            });
        let policies_held = mine.zip(behavior).is_none_or(|(mine, behavior)| {
            mine.policies_of(behavior)
                .all(|(id, fact)| held(What::HostPolicy, &[id], fact.read_at) == Held::Holds)
        });
        let (geo, country, country_by_address) = country(refusal, distribution, &tenant);
        let page = page(refusal, sources.blocked_bodies);
        let asked = origin_asked(refusal);
        let configured = distribution.filter(|_| config == Held::Holds).zip(behavior);
        let search = Search { refusal, index: sources.origin, waf: sources.waf, configured };
        let origin_said = search.run(asked, page);
        let signature =
            mine.zip(distribution).zip(behavior).and_then(|((mine, distribution), behavior)| {
                behavior.is_signed().then(|| signed(refusal, mine, distribution, behavior))
            });
        // An answer about a signature is worth a look even where no configuration asks for one.
        let open = behavior.is_none() || config != Held::Holds;
        let signature =
            signature.or_else(|| (open && page.is_signature()).then(|| signed_at_all(refusal)));
        let origin_serves = match (mine, index) {
            (Some(mine), MatchedBehavior::At(place)) => {
                mine.witnesses.get(&place).is_some_and(|witness| {
                    witness.contradicts(at.as_second(), |from, to| {
                        facts.changed(What::Distribution, &[&mine.id], from, to)
                    })
                })
            }
            _ => false,
        };
        Self {
            distribution: refusal.distribution_id.clone(),
            status: refusal.status,
            config,
            behavior: index,
            host: match distribution {
                Some(_) => host(refusal, distribution, facts, &tenant),
                None => host_by_list(refusal, facts),
            },
            host_by_list: distribution.is_none(),
            served_by_tls: protocol(refusal) == Protocol::Plain && served_by_tls(refusal, facts),
            method: method(&refusal.method),
            protocol: protocol(refusal),
            old_http: matches!(
                refusal.protocol_version.value().map(AsRef::as_ref),
                Some("HTTP/1.0" | "HTTP/0.9")
            ),
            result: refusal.result_type.clone(),
            detailed: refusal.detailed_result_type.clone(),
            page,
            // A line of this very request shows that its origin was asked.
            origin: if origin_said.exactly().is_some() { OriginAsked::Yes } else { asked },
            waf: waf_seen(refusal, sources.waf, Side::Edge, arn),
            sampled: mine
                .filter(|_| acl == Acl::Distribution)
                .map(|mine| sampled::of(refusal, mine))
                .unwrap_or_default(),
            origin_waf: waf_seen(refusal, sources.waf, Side::Origin, None),
            function_ran: refusal.request_id.as_deref().and_then(|id| sources.function.ran(id)),
            asked: directly::of(refusal, facts),
            origin_said,
            acl,
            acl_arn: arn.map(Into::into),
            acl_held: arn.zip(mine).map_or(Held::Holds, |(arn, mine)| {
                let name = mine.web_acl.known().map(|acl| acl.name.as_str()).unwrap_or_default();
                held(What::WebAcl, &[arn, acl_id(arn), name], mine.web_acl.read_at)
            }),
            geo,
            geo_of_tenant: matches!(&tenant, Tenancy::Of(tenant) if tenant.restricts_countries()),
            country,
            country_by_address,
            tenants: match (&tenant, refusal.tenant_id.as_deref()) {
                (Tenancy::Unknown, Some(id)) => {
                    Some(Question::new("cloudfront/get-distribution-tenant", id))
                }
                (Tenancy::No, _) => distribution
                    .is_some_and(Distribution::is_for_tenants)
                    .then(|| Question::all(TENANTS)),
                _ => None,
            },
            serves_while_off: origin_serves
                && distribution.is_some_and(|one| one.config.enabled == Some(false)),
            origin_serves,
            others_known: mine
                .map_or(facts.summaries.is_told(), |mine| facts.others_hold(&mine.id, at)),
            origin_acls: mine.map_or(Held::Unsure, |mine| {
                let acls = mine.origin_acls.iter();
                let all =
                    acls.map(|acl| held(What::OriginAcl, &[&acl.question.about], acl.read_at));
                all.max().unwrap_or(Held::Holds)
            }),
            policies: mine
                .zip(behavior)
                .map(|(mine, behavior)| match policies_held {
                    true => mine.unknown_policies(behavior),
                    false => mine.policies_of(behavior).map(|(_, f)| f.question.clone()).collect(),
                })
                .unwrap_or_default(),
            mask_shared: refusal.status != 403
                && distribution.is_some_and(|distribution| {
                    let rules = distribution.config.custom_error_responses.items.iter();
                    let mut others = rules.filter(|rule| rule.error_code != 403);
                    others.any(|rule| rule.response_code == refusal.status.to_string())
                }),
            enabled: match &tenant {
                Tenancy::Of(tenant) if tenant.enabled == Some(false) => Some(false),
                Tenancy::Unknown => None,
                _ => match distribution {
                    Some(distribution) => distribution.config.enabled,
                    None => listed(refusal, facts).and_then(|listed| listed.enabled),
                },
            },
            host_forwarded: mine
                .zip(behavior)
                .filter(|_| policies_held)
                .and_then(|(mine, b)| mine.forwards_host(b)),
            has_served: mine.zip(index.place()).is_some_and(|(mine, place)| {
                mine.witnesses.get(&place).is_some_and(Witness::has_served)
            }),
            error_page: mine
                .zip(distribution)
                .filter(|_| page == Page::S3 && bucket.is_none())
                .and_then(|(mine, distribution)| met::page_of(refusal, facts, mine, distribution)),
            let_in: mine.map_or_else(LetIn::default, |mine| {
                LetIn::of(refusal, facts, mine, (behavior, index), signature.as_ref())
            }),
            verified: match signature {
                Some(Signature::Present(_)) => verified::of(refusal, facts),
                _ => Verified::Unseen,
            },
            signature,
            keys: keys_held(mine, behavior, held),
            bucket,
        }
    }
}

pub(super) fn matched<'a>(
    refusal: &Refusal,
    distribution: Option<&'a Distribution>,
) -> (Option<&'a Behavior>, MatchedBehavior) {
    let Some(distribution) = distribution else { return (None, MatchedBehavior::Unknown) };
    let behavior = match refusal.behavior.value() {
        // The log's own word is better than matching the path under today's configuration.
        Some(pattern) => distribution.behavior_named(pattern),
        None => Some(distribution.behavior_for(&refusal.path.sent())),
    };
    let index = behavior.and_then(|behavior| {
        distribution.behaviors().position(|each| std::ptr::eq(each, behavior))
    });
    match (behavior, index) {
        (Some(behavior), Some(index)) => (Some(behavior), MatchedBehavior::At(index)),
        _ => (None, MatchedBehavior::Unknown),
    }
}

/// Whether the distribution served the Host of a refusal over TLS, and nothing over plain HTTP.
fn served_by_tls(refusal: &Refusal, facts: &Facts) -> bool {
    let host = refusal.host.value().map(|host| host.sent());
    let both = refusal.distribution_domain.clone().zip(host);
    both.is_some_and(|(domain, host)| facts.served_by_tls.contains(&(domain, host.into())))
}

/// A method that HTTP has. All others are the viewer's own words, which CloudFront treats alike; a
/// kind for each would let anybody fill the memory.
fn method(logged: &str) -> Box<str> {
    const KNOWN: [&str; 18] = [
        "GET",
        "HEAD",
        "OPTIONS",
        "PUT",
        "POST",
        "PATCH",
        "DELETE",
        "CONNECT",
        "TRACE",
        "PROPFIND",
        "PROPPATCH",
        "MKCOL",
        "COPY",
        "MOVE",
        "LOCK",
        "UNLOCK",
        "SEARCH",
        "PURGE",
    ];
    let known = KNOWN.contains(&logged) || logged == "-";
    if known { logged.into() } else { "an unknown method".into() }
}

pub(super) fn protocol(refusal: &Refusal) -> Protocol {
    match refusal.protocol.value().map(AsRef::as_ref) {
        Some("http" | "ws") => Protocol::Plain,
        Some("https" | "wss" | "grpcs") => Protocol::Tls,
        _ => Protocol::Unknown,
    }
}

fn waf_seen(refusal: &Refusal, waf: &WafIndex, side: Side, acl: Option<&str>) -> WafSeen {
    let row = refusal.request_id.as_deref().and_then(|id| waf.row(side, id));
    if let Some(row) = row {
        return match row.action {
            Action::Block => WafSeen::Blocked {
                rule: row.rule.as_ref().into(),
                rule_type: row.rule_type.as_ref().into(),
                group: row.group.as_deref().map(Into::into),
                code: row.response_code,
                at: match side {
                    Side::Edge => "".into(),
                    Side::Origin => row.source_id.as_ref().into(),
                },
            },
            Action::Allow => WafSeen::Passed,
            Action::Interrupt | Action::Other => WafSeen::Interrupted,
        };
    }
    if side == Side::Origin && waf.redacts() {
        return WafSeen::Redacted;
    }
    let Some(reach) = acl.and_then(|acl| waf.reach(acl)) else { return WafSeen::NoLogs };
    let (from, to) = refusal.span();
    // Without an id there is nothing to find, however complete the logs are.
    if refusal.request_id.is_some() && reach.is_complete(from, to) {
        WafSeen::Silent
    } else {
        WafSeen::NotYet
    }
}
