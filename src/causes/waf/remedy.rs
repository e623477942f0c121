//! What to do about a WAF's block.

use super::names_resource;
use crate::account::Question;
use crate::account::command::quoted;
use crate::account::facts::acl_id;
use crate::account::web_acl::{Kept, Test, WebAcl};
use crate::causes::kind::{Acl, WafSeen, waf_keeps};
use crate::causes::remedy::{Case, Remedy};
use crate::logs::waf::{SLOT_SECONDS, slot_of};
use crate::viewer::plain;

/// The remedy of a block: it is a fault only if the blocked viewers are real ones.
pub(super) fn remedy(case: &Case<'_>) -> Remedy {
    match case.detail {
        Some("origin") => at_origin_remedy(case),
        _ => at_edge_remedy(case),
    }
}

const LOOK: &str = "Look at a few of these requests: are they your viewers or a scanner?";

fn at_edge_remedy(case: &Case<'_>) -> Remedy {
    let kind = case.kind();
    let facts = case.facts.filter(|_| kind.is_none_or(|kind| kind.acl != Acl::Tenant));
    let arn = kind.and_then(|kind| kind.acl_arn.as_deref());
    let acl = arn
        .and_then(|arn| arn.rsplit('/').nth(1))
        .map_or_else(|| "the web ACL".to_owned(), |name| format!("the web ACL {}", plain(name)));
    let acl = match case.tenant.filter(|_| kind.is_some_and(|kind| kind.acl == Acl::Tenant)) {
        Some((tenant, _)) => format!("{acl} of the tenant {}", plain(tenant)),
        None => acl,
    };
    let web_acl = facts.and_then(|facts| facts.web_acl.known());
    let Some(rule) = case.rule else { return no_rule(case, &acl, arn, web_acl) };
    let who = match rule {
        "Default_Action" => format!("the default action of {acl}"),
        _ => format!("{rule} of {acl}"),
    };
    if kind.is_some_and(|kind| kind.acl == Acl::None) && case.configured() {
        return Remedy::new(format!(
            "Nothing to do now: {rule} blocked while a web ACL was attached to {}, and in what was \
             read none is.",
            case.id()
        ))
        .step("Whoever attaches it again brings the same rule back.");
    }
    let remedy = Remedy::new(format!(
        "Act only if {who} blocks real viewers; if not, the WAF does its work."
    ))
    .step(LOOK);
    let count = format!("set {rule} to Count and watch");
    let rate = matches!(kind.map(|kind| &kind.waf), Some(WafSeen::Blocked { rule_type, .. }) if rule_type.as_ref() == "RATE_BASED");
    match (rule, web_acl.and_then(|acl| acl.test(rule))) {
        ("Default_Action", _) => remedy.step("If they are viewers: add a rule that allows them."),
        (_, Some(Test::Rate(limit))) => {
            let now = limit.map_or_else(String::new, |limit| format!(" (now {limit})"));
            remedy.step(format!(
                "If they are viewers: raise the limit of {rule}{now}, or let a scope-down statement \
                 count fewer requests. Many viewers behind one address share it."
            ))
        }
        (_, None) if rate => {
            remedy.step(format!("If they are viewers: raise the limit of {rule}."))
        }
        (_, Some(Test::IpSet(set))) => {
            let undo = match case.change {
                Some("UpdateIPSet") => {
                    "The set was changed before the first refusal: undo that, or take the address out."
                }
                _ => "If they are viewers: take their address out of the set.",
            };
            remedy.step(undo).and(show_set(&set))
        }
        (_, Some(Test::Countries)) => remedy
            .step(format!("If they are viewers: take their country out of {rule}, or {count}.")),
        (_, Some(Test::ManagedGroup)) => remedy.step(format!(
            "If they are viewers: override the action of the group's rule that fits to Count, or \
             narrow {rule} by a scope-down statement."
        )),
        (_, Some(Test::Group(_) | Test::Other)) => remedy.step(format!(
            "If they are viewers: {count}, or except them in its own statement (And, Not)."
        )),
        (_, None) => {
            let own = kind.and_then(|kind| match &kind.waf {
                WafSeen::Blocked { group, .. } => group.as_deref(),
                _ => None,
            });
            let listed = web_acl.into_iter().flat_map(|acl| acl.managed_groups());
            let groups: Vec<&str> = match own {
                Some(own) => vec![own],
                None => listed.take(3).collect(),
            };
            remedy.step(match groups.as_slice() {
                [] => format!("If they are viewers: {count}, or except them in its statement."),
                groups => format!(
                    "If they are viewers: override {rule} to Count in the group that brings it ({}), \
                     or narrow that group by a scope-down statement.",
                    groups.join(", ")
                ),
            })
        }
    }
}

/// Which rule it was is not known.
fn no_rule(case: &Case<'_>, acl: &str, arn: Option<&str>, web_acl: Option<&WebAcl>) -> Remedy {
    let remedy = match arn {
        Some(_) => Remedy::new(format!(
            "Find out whether {acl} blocks real viewers: which rule it was is not known."
        )),
        None => Remedy::new(format!(
            "Find out whether a web ACL stood in front of {}: the answer looks like a block, and \
             which web ACL that may have been is not known.",
            case.id()
        )),
    }
    .step(LOOK);
    let kind = case.kind();
    let facts = case.facts.filter(|_| kind.is_none_or(|kind| kind.acl == Acl::Distribution));
    let dropped = waf_keeps(facts, "BLOCK").is_some_and(|kept| kept != Kept::All);
    let none = facts.is_some_and(|facts| facts.waf_logging.is_nothing());
    let logs = match kind.map(|kind| &kind.waf) {
        _ if dropped => {
            "Its log does not keep every block, so that it may not name the rule: let the filter keep BLOCK."
        }
        _ if none => "It writes no logs that would name the rule: switch them on.",
        Some(WafSeen::NotYet) => &lacks(case.span),
        Some(WafSeen::NoLogs) => {
            "Its log of that time would name the rule: copy it to logs/waf and replay."
        }
        _ => "Its log has no record of these requests: find out whether its filter drops blocks.",
    };
    let metrics: Vec<&str> = web_acl.into_iter().flat_map(|acl| acl.metrics()).collect();
    let metric = metrics.first().copied();
    // Without the web ACL's rules their metrics are not known; another command shows them.
    let shown = match arn.filter(|_| metric.is_none()) {
        Some(arn) => {
            let command = Question::new("wafv2/get-web-acl", acl_id(arn)).named(arn).command();
            format!(" (METRIC: a MetricName that {command} shows)")
        }
        None => String::new(),
    };
    let shown = match metrics.as_slice() {
        [_, _, ..] => {
            let names: Vec<String> = metrics.iter().take(6).map(|name| plain(name)).collect();
            format!(", in turn {}", names.join(", "))
        }
        _ => shown,
    };
    let metric = metric.map_or_else(|| "METRIC".to_owned(), quoted);
    let (from, to) = case.span;
    remedy
        .step(logs)
        .step(format!(
            "Within three hours of the requests WAF shows samples, for each rule by its \
             metric{shown}:"
        ))
        .step(format!(
            "aws wafv2 get-sampled-requests --region us-east-1 --scope CLOUDFRONT --web-acl-arn {} \
             --rule-metric-name {metric} --max-items 100 --time-window \
             StartTime={},EndTime={}",
            arn.map_or_else(|| "ARN".to_owned(), quoted),
            moment(from),
            moment(to)
        ))
}

/// Of which time the log is not here.
fn lacks((first, last): (jiff::Timestamp, jiff::Timestamp)) -> String {
    let at = |slot: i64| {
        let second = slot.saturating_mul(SLOT_SECONDS);
        let time = jiff::Timestamp::from_second(second).unwrap_or(first);
        time.strftime("%H:%M").to_string()
    };
    format!(
        "Its log does not cover these requests: copy its files of {} to {} UTC, and the next one, to \
         logs/waf and replay.",
        at(slot_of(first)),
        at(slot_of(last).saturating_add(1))
    )
}

/// The command that shows a set of addresses.
fn show_set(arn: &str) -> Option<String> {
    let mut parts = arn.rsplit('/');
    let (id, name) = (parts.next()?, parts.next()?);
    Some(format!(
        "aws wafv2 get-ip-set --region us-east-1 --scope CLOUDFRONT --name {} --id {}",
        quoted(name),
        quoted(id)
    ))
}

fn moment(at: jiff::Timestamp) -> String {
    let seconds = jiff::Timestamp::from_second(at.as_second()).unwrap_or(at);
    seconds.to_string()
}

fn at_origin_remedy(case: &Case<'_>) -> Remedy {
    let origin = case.custom_origin().map_or("the origin", |origin| origin.domain_name.as_str());
    let (rule, known) = (case.rule.unwrap_or("the rule"), case.rule.is_some());
    let rate = matches!(case.kind().map(|kind| &kind.origin_waf), Some(WafSeen::Blocked { rule_type, .. }) if rule_type.as_ref() == "RATE_BASED");
    let origins = case.origins();
    let mut resources = case.facts.into_iter().flat_map(|facts| &facts.origin_acls);
    let resource = resources.find(|acl| {
        origins.iter().any(|origin| names_resource(&origin.domain_name, &acl.question.about))
    });
    let balancer =
        origin.split_once(".elb.amazonaws.com").and_then(|(name, _)| name.rsplit('.').next());
    let balancer = balancer.filter(|_| resource.is_none());
    // Where it is missing, the command stands there.
    let resource = resource.filter(|_| !known && !case.open).map(|acl| acl.question.command());
    let redacted = case.kind().is_some_and(|kind| kind.origin_waf == WafSeen::Redacted);
    let remedy = match known {
        false if redacted => Remedy::new(format!(
            "Search the log of the web ACL in front of {origin} for blocks at the times and paths of \
             these requests: a hint and no proof, since x-amz-cf-id is redacted in it."
        ))
        .step("Requests for the same path in the same second cannot be told apart there.")
        .step("Take x-amz-cf-id out of the RedactedFields of its logging configuration, for the next time."),
        true => Remedy::new(format!(
            "Act only if {rule} of the web ACL in front of {origin} blocks real viewers; if not, \
             the WAF does its work."
        ))
        .step(LOOK),
        false => Remedy::new(format!(
            "Find out whether a web ACL stood in front of {origin}; if so, its log names the rule."
        ))
        .and(resource)
        .and(balancer.map(|region| {
            format!("aws wafv2 get-web-acl-for-resource --region {} --resource-arn ARN", quoted(region))
        })),
    };
    let address = "To that WAF every address is CloudFront's: a rule that goes by address, rate or \
                   country must read X-Forwarded-For (FORWARDED_IP).";
    remedy.and((!known || rate).then(|| address.to_owned())).step(format!(
        "If these are requests of viewers of yours: set {rule} to Count and watch, or except them in \
         its statement."
    ))
}
