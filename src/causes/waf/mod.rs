//! A WAF blocked it.
//!
//! # What it means
//! AWS WAF, in front of the distribution or of the origin, blocked the request by a rule or by its
//! default action.
//!
//! # What proves it
//! A WAF record of this very request that says BLOCK; a line of this very request in the log of a
//! load balancer or an API that says that its WAF refused.
//!
//! # What excludes it
//! No web ACL; a WAF record that says ALLOW; complete logs that keep blocks and have no record of
//! it; an origin that was asked (for the WAF at the edge).
//!
//! # What it is confused with
//! custom-origin behind a load balancer; geo-restriction, which leaves no WAF record.
//!
//! # Remedy
//! If viewers are blocked who should not be: set the rule to Count, except them in its
//! statement, or, for a managed group or a rate, by a scope-down statement.
//!
//! # Reference
//! <https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html>

mod remedy;
mod sampled;

use super::kind::{Acl, Kind, OriginAsked, Page, WafSeen, is_bucket, waf_keeps};
use super::opinion::{Evidence, LOG, Opinion, Says, WAF_LOG};
use super::origin_log;
use super::{Cause, Rule, Sheet, Step};
use crate::account::Question;
use crate::account::facts::{DistributionFacts, Held, acl_id};
use crate::account::web_acl::Kept;

pub(super) const RULE: Rule = Rule {
    cause: Cause::Waf,
    step: Step::Waf,
    sheet: Sheet {
        means: "AWS WAF, in front of the distribution or of the origin, blocked the request by a \
                rule or by its default action.",
        proves: "A WAF record of this very request that says BLOCK; a line of this very request in \
                 the log of a load balancer or an API that says that its WAF refused.",
        excludes: "No web ACL; a WAF record that says ALLOW; complete logs that keep blocks and \
                   have no record of it; an origin that was asked (for the WAF at the edge).",
        confused_with: "custom-origin behind a load balancer; geo-restriction, which leaves no \
                        WAF record.",
        remedy: "If viewers are blocked who should not be: set the rule to Count, except them \
                 in its statement, or, for a managed group or a rate, by a scope-down \
                 statement.",
        reference: "https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html",
        changes: &[
            "UpdateWebACL",
            "UpdateIPSet",
            "UpdateRuleGroup",
            "UpdateRegexPatternSet",
            "UpdateDistribution",
            "UpdateDistributionWithStagingConfig",
            "AssociateDistributionWebACL",
            "DisassociateDistributionWebACL",
            "AssociateDistributionTenantWebACL",
            "DisassociateDistributionTenantWebACL",
            "AssociateWebACL",
            "DisassociateWebACL",
            "UpdateDistributionTenant",
        ],
    },
    opinion,
    remedy: remedy::remedy,
};

const CONFIG: &str = "cloudfront/get-distribution";
const ACL_OF_RESOURCE: &str = "wafv2/get-web-acl-for-resource";
const LOGGING: &str = "wafv2/get-logging-configuration";

fn opinion(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    let edge = sampled::of_edge(kind, at_edge(kind, facts));
    let origin = at_origin(kind, facts);
    // Both must be impossible for the WAF to be; else the stronger of the two speaks.
    if edge.says == Says::Excludes && origin.says > Says::Excludes || origin.says > edge.says {
        return origin;
    }
    // Of two exclusions the one that nothing stands in front of the origin says more, where the
    // origin was asked.
    let says_none = origin.evidence.iter().any(|one| one.source == ACL_OF_RESOURCE);
    if origin.says == Says::Excludes && says_none && kind.origin == OriginAsked::Yes {
        let both = kind.config(facts).is_some() && kind.acl == Acl::None;
        return match both {
            true => {
                Opinion::excludes(ACL_OF_RESOURCE, "neither distribution nor origin has a web ACL")
            }
            false => origin,
        };
    }
    edge
}

fn blocked(
    detail: &'static str,
    (rule, rule_type): (&str, &str),
    group: Option<&str>,
    place: &str,
) -> Opinion {
    let how = match (rule, rule_type, group) {
        ("Default_Action", _, _) => "the web ACL's default action".to_owned(),
        (rule, "RATE_BASED", _) => format!("the rate rule {rule}"),
        (rule, _, Some(group)) => format!("the rule {rule} of the group {group}"),
        (rule, _, None) => format!("the rule {rule}"),
    };
    Opinion::of(Says::Proves, detail)
        .by_rule(rule)
        .because(WAF_LOG, format!("{how}{place} blocked this very request"))
}

fn at_edge(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    match &kind.waf {
        WafSeen::Blocked { rule, rule_type, group, .. } => {
            return blocked("edge", (rule, rule_type), group.as_deref(), "");
        }
        WafSeen::Passed => return Opinion::excludes(WAF_LOG, "the WAF let this very request pass"),
        WafSeen::Interrupted => {
            return Opinion::excludes(
                WAF_LOG,
                "the WAF asked for a CAPTCHA or sent a challenge, which is no 403",
            );
        }
        WafSeen::Silent | WafSeen::NotYet | WafSeen::NoLogs | WafSeen::Redacted => {}
    }
    if let Some(result) = kind.detailed()
        && result != "Error"
    {
        return Opinion::excludes(LOG, format!("a block is logged as Error, not as {result}"));
    }
    if kind.origin == OriginAsked::Yes {
        return Opinion::excludes(
            LOG,
            "the origin was asked, so the WAF at the edge had let it pass",
        );
    }
    let looks = matches!(kind.page, Page::EdgeBlocked | Page::WafCustom);
    let page = looks.then(|| Evidence::new(LOG, format!("the answer is {}", kind.page.words())));
    if kind.config(facts).is_none() || kind.acl == Acl::Unknown {
        let ask = kind.ask_config();
        return if looks {
            Opinion::of(Says::Supports, "edge").and(page).missing(ask)
        } else {
            Opinion::silent().missing(ask)
        };
    }
    if kind.acl == Acl::None {
        return Opinion::excludes(CONFIG, "no web ACL stands in front of the distribution");
    }
    // Of a tenant's own web ACL only its logs are at hand.
    let facts = facts.filter(|_| kind.acl == Acl::Distribution);
    let acl = kind.acl_arn.as_deref().unwrap_or_default();
    let of_tenant = (kind.acl == Acl::Tenant).then(|| {
        let name = acl.rsplit('/').nth(1).unwrap_or(acl);
        Evidence::seen(
            "cloudfront/get-distribution-tenant",
            format!(
                "the tenant has a web ACL of its own, {name}, in the place of the distribution's"
            ),
        )
    });
    let keeps_block = waf_keeps(facts, "BLOCK");
    let keeps_allow = waf_keeps(facts, "ALLOW");
    let logs = || Question::new(LOGGING, acl_id(acl)).named(acl);
    match (&kind.waf, keeps_block, keeps_allow) {
        (WafSeen::Silent, Some(Kept::All), _) if kind.acl_held == Held::Holds => {
            return Opinion::excludes(
                WAF_LOG,
                "its logs are complete for that time and have no block of it",
            );
        }
        // A filter that drops blocks and keeps the rest makes silence speak: whatever passed has a
        // record.
        (WafSeen::Silent, Some(Kept::Dropped), Some(Kept::All)) if looks => {
            // An error out of the cache would leave a record of having passed as well, but AWS
            // does not say so: only where nothing is cached is the silence taken for proof.
            let cached = kind.behavior(facts).is_none_or(|behavior| !behavior.caches_nothing());
            let says = if cached { Says::Supports } else { Says::Explains };
            return Opinion::of(says, "edge").and(page).because(
                LOGGING,
                "the log keeps every request that passed and drops blocks, and has none of this one",
            );
        }
        _ => {}
    }
    let opinion = if looks {
        Opinion::of(Says::Supports, "edge").and(page).and(of_tenant)
    } else if facts.and_then(|facts| facts.web_acl.known()).is_some_and(|acl| !acl.can_block()) {
        return Opinion::excludes("wafv2/get-web-acl", "no rule of the web ACL blocks");
    } else if !kind.page_may_differ(facts)
        && facts
            .and_then(|facts| facts.web_acl.known())
            .is_some_and(|acl| !acl.has_custom_response() && !acl.has_groups())
    {
        if kind.page == Page::Html {
            return Opinion::doubts(kind);
        }
        let reason =
            format!("a block sends CloudFront's own page, and the answer is {}", kind.page.words());
        return Opinion::excludes("wafv2/get-web-acl", reason);
    } else {
        Opinion::silent()
    };
    match kind.waf {
        WafSeen::NotYet => {
            let says = "the WAF's logs that are here do not cover the time of these requests: the \
                        file of those five minutes is not here, or none that is later";
            opinion.but(WAF_LOG, says)
        }
        WafSeen::NoLogs => {
            let logging = facts.map(|facts| &facts.waf_logging);
            match logging {
                Some(fact) if fact.is_nothing() => {
                    opinion.but(LOGGING, "the web ACL writes no logs that would name a rule")
                }
                Some(fact) if fact.is_told() => {
                    opinion.but(WAF_LOG, "the web ACL writes logs, and none of that time is here")
                }
                _ => opinion.missing(logs()),
            }
        }
        WafSeen::Silent if looks && keeps_block.is_some() && keeps_block != Some(Kept::All) => {
            opinion.but(LOGGING, "the log's filter may have dropped the record of it")
        }
        WafSeen::Silent if keeps_block.is_none() => opinion.missing(logs()).seen(
            WAF_LOG,
            "the logs reach over that time and have no record of these requests; whether they \
                 keep every block is not known",
        ),
        _ => opinion.missing(keeps_block.is_none().then(logs)),
    }
}

fn at_origin(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    origin_log::of_origin_waf(kind, at_origin_without_log(kind, facts))
}

/// Whether an origin may be a resource, by its ARN. A domain name of one's own may be anybody's.
pub fn names_resource(domain: &str, arn: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    let arn = arn.to_ascii_lowercase();
    let named = |part: &str| arn.split_once(part)?.1.split('/').next();
    if domain.contains(".elb.") {
        let host = domain.strip_prefix("dualstack.").unwrap_or(&domain);
        let host = host.strip_prefix("internal-").unwrap_or(host);
        let rest = named(":loadbalancer/app/").and_then(|name| host.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with('-'))
    } else if domain.contains(".execute-api.") {
        named("/restapis/").is_some_and(|id| domain.split('.').next() == Some(id))
    } else {
        true
    }
}

fn at_origin_without_log(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    match &kind.origin_waf {
        WafSeen::Blocked { rule, rule_type, group, at, .. } => {
            let place = format!(" in front of {at}");
            return blocked("origin", (rule, rule_type), group.as_deref(), &place);
        }
        WafSeen::Passed => {
            return Opinion::excludes(WAF_LOG, "the WAF in front of the origin let it pass");
        }
        _ => {}
    }
    if kind.detailed().is_some_and(|result| result != "Error") {
        return Opinion::excludes(LOG, "the edge answered by itself");
    }
    if kind.origin == OriginAsked::No && kind.page.is_edge() && !kind.page_may_differ(facts) {
        return Opinion::excludes(
            LOG,
            "the edge answered with a page of its own, without the origin",
        );
    }
    if kind.page.is_edge() && !kind.page_may_differ(facts) {
        return Opinion::doubts(kind);
    }
    let configured = kind.config(facts).zip(kind.behavior(facts));
    let origins =
        configured.map(|(distribution, behavior)| distribution.may_refuse(behavior, &kind.method));
    let origins = origins.unwrap_or_default();
    if !origins.is_empty() && origins.iter().all(|origin| is_bucket(origin)) {
        return Opinion::excludes(CONFIG, "a WAF cannot stand in front of a bucket");
    }
    // What stands in front of another load balancer says nothing of this one.
    let acls = facts.map(|facts| facts.origin_acls.as_slice()).unwrap_or_default();
    let acls: Vec<_> = acls
        .iter()
        .filter(|acl| {
            let resource = acl.question.about.as_str();
            origins.iter().any(|origin| names_resource(&origin.domain_name, resource))
        })
        .collect();
    if !acls.is_empty()
        && kind.origin_acls == Held::Holds
        && acls.iter().all(|acl| acl.known().is_some_and(Option::is_none))
    {
        return Opinion::excludes(ACL_OF_RESOURCE, "no web ACL stands in front of the origin");
    }
    let unknown = acls
        .iter()
        .filter(|acl| !acl.is_told() || kind.origin_acls != Held::Holds)
        .map(|acl| acl.question.clone());
    let opinion = match kind.page {
        Page::LoadBalancer => Opinion::of(Says::Supports, "origin").because(
            LOG,
            format!("the answer is {}, which makes a 403 of its own for a WAF", kind.page.words()),
        ),
        _ => Opinion::silent(),
    };
    let before = acls.iter().filter(|acl| kind.origin_acls != Held::Holds && acl.is_told());
    let before = before.map(|acl| {
        let at = acl
            .read_at
            .map_or_else(String::new, |at| at.strftime(" at %Y-%m-%d %H:%M UTC").to_string());
        let what = match acl.known() {
            Some(Some(acl)) => format!("the web ACL {} stood", acl.name),
            _ => "no web ACL stood".to_owned(),
        };
        Evidence::seen(
            ACL_OF_RESOURCE,
            format!("{what} in front of the origin when that was read{at}, which may have changed"),
        )
    });
    let redacted = (kind.origin_waf == WafSeen::Redacted).then(|| {
        Evidence::seen(
            WAF_LOG,
            "the log of a web ACL in front of an origin is here, and x-amz-cf-id is redacted in it: \
             no record of it can be joined with these requests",
        )
    });
    let opinion = before.fold(opinion, |opinion, one| opinion.and(Some(one))).and(redacted);
    opinion.missing_all(unknown)
}

#[cfg(test)]
mod tests {
    use super::names_resource;

    #[test]
    fn a_load_balancer_or_an_api_is_known_by_its_name() {
        let balancer = "arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/shop/50dc6c";
        assert!(names_resource("shop-1201.eu-central-1.elb.amazonaws.com", balancer));
        assert!(names_resource("dualstack.Shop-1201.eu-central-1.elb.amazonaws.com", balancer));
        assert!(!names_resource("shopping-1.eu-central-1.elb.amazonaws.com", balancer));
        assert!(names_resource("origin.shop.example", balancer));
        let api = "arn:aws:apigateway:eu-central-1::/restapis/a1b2c3/stages/prod";
        assert!(names_resource("a1b2c3.execute-api.eu-central-1.amazonaws.com", api));
        assert!(!names_resource("z9y8x7.execute-api.eu-central-1.amazonaws.com", api));
    }
}
