//! A name that leads here, and no distribution that has it.
//!
//! # What it means
//! The viewer's Host is none of this distribution's names: the alias was never added, was removed,
//! or belongs to another distribution than the one that DNS points to.
//!
//! # What proves it
//! The logged Host against the aliases of all distributions, and DNS that points here.
//!
//! # What excludes it
//! A Host that is the distribution's own name or one of its aliases; an origin that was asked.
//!
//! # What it is confused with
//! viewer-protocol, which sends the same page over plain HTTP; distribution-disabled.
//!
//! # Remedy
//! Add the name to the distribution's aliases, or to a tenant's domains, with a certificate
//! that covers it; or enable the distribution that has it, and point DNS there.
//!
//! # Reference
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html>

use super::kind::{Host, Kind, OriginAsked, Page, Protocol};
use super::opinion::{Evidence, LOG, Opinion, Says, WAF_LOG};
use super::remedy::{Case, Remedy};
use super::{Cause, Rule, Sheet, Step};
use crate::account::Question;
use crate::account::command::quoted;
use crate::account::distribution::Distribution;
use crate::account::facts::DistributionFacts;

pub(super) const RULE: Rule = Rule {
    cause: Cause::AlternateDomainName,
    step: Step::Host,
    sheet: Sheet {
        means: "The viewer's Host is none of this distribution's names: the alias was never \
                added, was removed, or belongs to another distribution than the one that DNS \
                points to.",
        proves: "The logged Host against the aliases of all distributions, and DNS that points \
                 here.",
        excludes: "A Host that is the distribution's own name or one of its aliases; an origin \
                   that was asked.",
        confused_with: "viewer-protocol, which sends the same page over plain HTTP; \
                        distribution-disabled.",
        remedy: "Add the name to the distribution's aliases, or to a tenant's domains, with a \
                 certificate that covers it; or enable the distribution that has it, and point \
                 DNS there.",
        reference: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html",
        changes: &[
            "UpdateDistribution",
            "UpdateDistributionWithStagingConfig",
            "AssociateAlias",
            "UpdateDomainAssociation",
            "UpdateDistributionTenant",
            "ChangeResourceRecordSets",
            "DeleteDistribution",
        ],
    },
    opinion,
    remedy,
};

const CONFIG: &str = "cloudfront/get-distribution";
const LIST: &str = "cloudfront/list-distributions";
const TENANTS: &str = "cloudfront/list-distribution-tenants";
const DNS: &str = "route53/list-resource-record-sets";

fn opinion(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    if kind.origin == OriginAsked::Yes && kind.page != Page::EdgeBadRequest {
        return Opinion::excludes(
            LOG,
            "the origin was asked, so the Host had found a distribution",
        );
    }
    if kind.reached_waf() {
        return Opinion::excludes(WAF_LOG, "the WAF saw it, so the Host had found a distribution");
    }
    // The page and this result type are what the edge says of a Host that it does not know.
    let certificate = kind.detailed() == Some("InvalidRequestCertificate");
    let looks = certificate || kind.page == Page::EdgeBadRequest;
    if let Some(other) = kind.detailed().filter(|_| !looks)
        && !matches!(other, "Error" | "InvalidRequest")
    {
        return Opinion::excludes(LOG, format!("the edge had another reason ({other})"));
    }
    let source = if kind.host_by_list { LIST } else { CONFIG };
    let opinion = match (&kind.host, kind.config(facts)) {
        (Host::Own, Some(_)) => {
            Opinion::excludes(CONFIG, "the Host is one of the distribution's names")
        }
        (Host::Foreign(record), Some(config)) if looks => {
            foreign(kind, record.as_deref(), Says::Explains, source)
                // Without the others nobody knows whether another one has the name.
                .missing((!kind.others_known).then(|| Question::all(LIST)))
                .and(
                    config
                        .is_for_tenants()
                        .then(|| Evidence::new(TENANTS, "no tenant of the distribution has it")),
                )
        }
        // The list of distributions has the names where the configuration is not known.
        (Host::Foreign(record), None) if looks && kind.host_by_list => {
            foreign(kind, record.as_deref(), Says::Supports, source).missing(kind.ask_config())
        }
        (Host::Elsewhere(other, alias), None) if looks && kind.host_by_list => {
            elsewhere(kind, other, alias, Says::Supports).missing(kind.ask_config())
        }
        (Host::Elsewhere(other, alias), Some(_)) if looks => {
            let opinion = elsewhere(kind, other, alias, Says::Explains);
            opinion.missing((!kind.others_known).then(|| Question::all(LIST)))
        }
        (Host::Foreign(_) | Host::Elsewhere(..), Some(_)) => Opinion::of(Says::Hints, None)
            .because(CONFIG, "the Host is none of the distribution's names today"),
        // The name is the distribution's in what is known, if not for certain at that moment.
        (Host::Own, None) if kind.host_by_list => {
            Opinion::excludes(LIST, "the Host is one of the distribution's names")
        }
        (Host::Own, None) => Opinion::silent().missing(kind.ask_config()),
        _ if certificate => Opinion::of(Says::Hints, None)
            .because(
                LOG,
                "the edge says that the Host and the certificate of the connection do not fit \
                 (InvalidRequestCertificate)",
            )
            .but(
                LOG,
                match kind.config(facts) {
                    Some(_) => "whether a tenant of the distribution has the name was not read",
                    None => "which names the distribution had was not read",
                },
            )
            .missing(kind.ask_config()),
        // The page alone is no hint where the log tells what else the edge may have minded.
        _ if kind.page == Page::EdgeBadRequest
            && (kind.served_by_tls || kind.detailed() == Some("InvalidRequestHeader")) =>
        {
            Opinion::silent().missing(kind.ask_config())
        }
        _ if kind.page == Page::EdgeBadRequest => Opinion::of(Says::Hints, None)
            .because(LOG, format!("the answer is {}", kind.page.words()))
            .missing(kind.ask_config()),
        _ => Opinion::silent().missing(kind.ask_config()),
    };
    opinion.unless_let_in(kind.let_in.host, "for this Host")
}

/// A Host that no distribution which is known has.
fn foreign(kind: &Kind, record: Option<&str>, says: Says, source: &str) -> Opinion {
    let exact = record.filter(|record| !is_wildcard(record));
    let shown = exact.unwrap_or("the Host");
    Opinion::of(says, kind.others_known.then_some("not-on-distribution"))
        .because(source, format!("{shown} is none of the distribution's names"))
        .and(
            kind.others_known
                .then(|| Evidence::new(LIST, "no other distribution of this account has it")),
        )
        .and(record.map(|record| {
            let every = if is_wildcard(record) { ", and with it every name under it" } else { "" };
            Evidence::new(DNS, format!("DNS points {record} to this distribution{every}"))
        }))
}

/// A Host that another distribution has, perhaps by a wildcard.
fn elsewhere(kind: &Kind, other: &str, alias: &str, says: Says) -> Opinion {
    let has = match is_wildcard(alias) {
        true => format!("the Host is one of the names under {alias}, an alias of {other}"),
        false => format!("{alias} is an alias of {other}"),
    };
    if kind.others_known {
        return Opinion::of(says, "points-elsewhere")
            .because(LIST, format!("{has}, and the request came here"));
    }
    // In a list of another moment: that it is not this one's stays.
    let shown = if is_wildcard(alias) { "the Host" } else { alias };
    Opinion::of(says, None)
        .because(CONFIG, format!("{shown} is none of the distribution's names"))
        .but(LIST, format!("{has} in a list of another moment"))
}

fn is_wildcard(name: &str) -> bool {
    name.starts_with('*')
}

fn remedy(case: &Case<'_>) -> Remedy {
    let (id, host) = (case.id(), case.host());
    let kind = case.kind();
    let remedy = if kind.is_some_and(|kind| kind.let_in.host) {
        Remedy::new(format!(
            "Read again whether {id} has the name: others who asked for it were let in after such a \
             refusal, so that it had it at times, or the reason is another."
        ))
        .step(case.show("Aliases.Items"))
    } else if let Some(Host::Elsewhere(other, alias)) = kind.map(|kind| &kind.host) {
        remedy_elsewhere(case, other, alias)
    } else if case.distribution().is_some_and(Distribution::is_for_tenants) {
        remedy_of_tenants(case)
    } else {
        remedy_foreign(case)
    };
    if !case.alternatives.contains(&Cause::ViewerCertificate) {
        return remedy;
    }
    remedy
        .step(
            "If the name has been there all along: these clients open the connection under another \
             name than the Host they send, or (mutual TLS) their certificate does not fit. To see \
             the certificate of the connection:",
        )
        .step(format!("curl -sSv -o /dev/null https://{host}/"))
}

fn remedy_elsewhere(case: &Case<'_>, other: &str, alias: &str) -> Remedy {
    let (id, asked, host) = (case.id(), case.asked(), case.host());
    let theirs = case.summaries.iter().find(|one| one.id == other);
    let disabled = theirs.is_some_and(|one| one.enabled == Some(false));
    let enabled = match theirs.and_then(|one| one.enabled) {
        Some(true) => ", and which is enabled in the list that was read",
        _ => "",
    };
    let leads = theirs.filter(|one| !one.domain_name.is_empty());
    let leads = leads.map_or_else(String::new, |one| format!(", {},", one.domain_name));
    let named = quoted(other);
    let has = match is_wildcard(alias) {
        true => format!("{named}, whose alias {alias} covers the name"),
        false => format!("{named}, which has the name"),
    };
    let known = case.detail == Some("points-elsewhere");
    let remedy = Remedy::new(match (known, disabled) {
        (false, _) => {
            format!("If {named} still has the name, point DNS there; add it to {id} only if not.")
        }
        (true, true) => format!("Enable {has} and is disabled, or move the name to {id}."),
        (true, false) => {
            format!("Find out why {has}{enabled}, does not serve it; or let {id} have the name.")
        }
    })
    .step(format!(
        "aws cloudfront get-distribution --id {named} --query \
         \"Distribution.[Status,DomainName,DistributionConfig.[Enabled,Aliases.Items]]\""
    ))
    .step(format!(
        "CloudFront goes by the name that is asked for and not by DNS, so that {named} as a rule \
         serves it wherever DNS points: unless it is disabled or not deployed yet, or the client's \
         TLS server name is another. Point DNS to its DomainName{leads} all the same."
    ));
    if is_wildcard(alias) {
        return remedy.step(format!(
            "To let {id} have it: add the name itself to its aliases, with a certificate that covers \
             it. Within one account a name may stand beside a wildcard that covers it, and goes \
             before it."
        ));
    }
    let domain = case.distribution().map_or("d….cloudfront.net", |one| one.domain_name.as_str());
    remedy
        .step(format!(
            "To move the name to {id}: its certificate must cover it, and a TXT record with the name \
             _{host} must hold {domain}. Then:"
        ))
        .step(format!(
            "aws cloudfront associate-alias --target-distribution-id {asked} --alias {host}"
        ))
}

fn remedy_of_tenants(case: &Case<'_>) -> Remedy {
    let (id, asked, host) = (case.id(), case.asked(), case.host());
    let unread =
        case.kind().is_some_and(|kind| kind.tenants.is_some() && kind.host == Host::Unknown);
    Remedy::new(match unread {
        true => format!(
            "See whether a tenant of {id} has the name, which was not read. If none has, give it to \
             one, or take it out of DNS."
        ),
        false => format!(
            "Give the name to a tenant of {id}, or take it out of DNS if it should not be served."
        ),
    })
    .step(format!(
        "aws cloudfront list-distribution-tenants --query \
         \"DistributionTenantList[?DistributionId=='{asked}'].[Id,Name,Domains]\""
    ))
    .step(format!(
        "Add {host} to the Domains of the tenant that it is for (update-distribution-tenant takes \
         the whole list), with a certificate that covers it."
    ))
}

fn remedy_foreign(case: &Case<'_>) -> Remedy {
    let (id, asked, host) = (case.id(), case.asked(), case.host());
    let kind = case.kind();
    let listed = kind.is_some_and(|kind| kind.others_known);
    let wildcard = match kind.map(|kind| &kind.host) {
        Some(Host::Foreign(Some(record))) if is_wildcard(record) => Some(record),
        _ => None,
    };
    let unknown = kind.is_none_or(|kind| kind.host == Host::Unknown);
    let add = format!("add the name to {id} with a certificate that covers it");
    let mut remedy = Remedy::new(match wildcard {
        Some(record) => format!(
            "Nothing, if nobody is meant to use the name: the record {record} points every name \
             here. Otherwise {add}, or give it a record of its own that leads elsewhere."
        ),
        None if unknown => {
            format!("If the name is none of {id}'s aliases: {add}, or point DNS elsewhere.")
        }
        None if !listed => format!(
            "Look first which distribution of this account has the name, which was not read: point \
             DNS there. If none has, {add}, or point DNS elsewhere."
        ),
        None => format!(
            "Add the name to {id} with a certificate that covers it, or point DNS elsewhere."
        ),
    });
    if !listed {
        remedy = remedy.step(
            "aws cloudfront list-distributions --query \
             \"DistributionList.Items[].[Id,Enabled,Aliases.Items]\"",
        );
    }
    let plain = kind.is_some_and(|kind| kind.protocol == Protocol::Plain)
        && case.behavior().is_some_and(|one| one.viewer_protocol_policy == "https-only");
    remedy = remedy.step(case.show("[Aliases.Items,ViewerCertificate.ACMCertificateArn]"));
    if unknown {
        return remedy;
    }
    remedy
        .step(format!(
            "{} Once a certificate of {id} covers it, this tells which:",
            match listed {
                true => "Only this account was read: another one may have the name.",
                false => "Another account may have it as well.",
            }
        ))
        .step(format!(
            "aws cloudfront list-domain-conflicts --domain {host} \
             --domain-control-validation-resource DistributionId={asked}"
        ))
        .and(plain.then(|| {
            format!(
                "They came by plain HTTP, which {} refuses as well: let clients ask by https://.",
                case.behavior_name()
            )
        }))
}
