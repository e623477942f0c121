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
    let opinion = match (&kind.host, kind.config(facts)) {
        (Host::Own, Some(_)) => {
            Opinion::excludes(CONFIG, "the Host is one of the distribution's names")
        }
        (Host::Foreign(name), Some(_)) if looks => {
            let shown = name.as_deref().unwrap_or("the Host");
            // Without the others nobody knows whether another one has the name.
            let list = Question::all("cloudfront/list-distributions");
            Opinion::of(Says::Explains, kind.others_known.then_some("not-on-distribution"))
                .missing((!kind.others_known).then_some(list))
                .because(CONFIG, format!("{shown} is none of the distribution's names"))
                .and(kind.others_known.then(|| {
                    Evidence::new(
                        "cloudfront/list-distributions",
                        "no other distribution of this account has it",
                    )
                }))
                .and(name.as_deref().map(|name| {
                    Evidence::new(
                        "route53/list-resource-record-sets",
                        format!("DNS points {name} to this distribution"),
                    )
                }))
        }
        // Another one has the name in a list of another moment: that it is not this one's stays.
        (Host::Elsewhere(other, name), Some(_)) if looks && !kind.others_known => {
            Opinion::of(Says::Explains, None)
                .missing(Question::all("cloudfront/list-distributions"))
                .because(CONFIG, format!("{name} is none of the distribution's names"))
                .but(
                    "cloudfront/list-distributions",
                    format!("{name} is an alias of {other} in a list of another moment"),
                )
        }
        (Host::Elsewhere(other, name), Some(_)) if looks => {
            Opinion::of(Says::Explains, "points-elsewhere").because(
                "cloudfront/list-distributions",
                format!("{name} is an alias of {other}, and the request came here"),
            )
        }
        (Host::Foreign(_) | Host::Elsewhere(..), Some(_)) => Opinion::of(Says::Hints, None)
            .because(CONFIG, "the Host is none of the distribution's names today"),
        _ if certificate => Opinion::of(Says::Supports, None)
            .because(LOG, "the Host does not match the connection's certificate")
            .missing(kind.ask_config()),
        // The name is the distribution's in what is known, if not for certain at that moment.
        (Host::Own, None) => Opinion::silent().missing(kind.ask_config()),
        _ if kind.page == Page::EdgeBadRequest => Opinion::of(Says::Hints, None)
            .because(LOG, format!("the answer is {}", kind.page.words()))
            .missing(kind.ask_config()),
        _ => Opinion::silent().missing(kind.ask_config()),
    };
    opinion.unless_let_in(kind.let_in.host, "for this Host")
}

fn remedy(case: &Case<'_>) -> Remedy {
    let (id, asked, host) = (case.id(), case.asked(), case.host());
    let kind = case.kind();
    if kind.is_some_and(|kind| kind.let_in.host) {
        return Remedy::new(format!(
            "Nothing to do now, if {id} has the name today: it was let in afterwards."
        ))
        .step(case.show("Aliases.Items"));
    }
    if let Some(Host::Elsewhere(other, _)) = kind.map(|kind| &kind.host)
        && case.detail == Some("points-elsewhere")
    {
        let other = quoted(other);
        return Remedy::new(format!(
            "Find out why {other}, which has the name, does not serve it; or move the name to {id}."
        ))
        .step(format!(
            "aws cloudfront get-distribution --id {other} --query \
             \"Distribution.[Status,DistributionConfig.Enabled,DomainName]\""
        ))
        .step(format!(
            "CloudFront goes by the name that is asked for and not by DNS, so that {other} as a rule \
             serves it wherever DNS points: unless it is disabled or not deployed yet, or the \
             client's TLS server name is another. Point DNS to its DomainName all the same."
        ))
        .step(format!("To move the name to {id}, whose certificate must cover it:"))
        .step(format!(
            "aws cloudfront associate-alias --target-distribution-id {asked} --alias {host}"
        ));
    }
    if case.distribution().is_some_and(Distribution::is_for_tenants) {
        return Remedy::new(format!(
            "Give the name to a tenant of {id}, or take it out of DNS if it should not be served."
        ))
        .step(format!(
            "aws cloudfront list-distribution-tenants --query \
             \"DistributionTenantList[?DistributionId=='{asked}'].[Id,Name,Domains]\""
        ))
        .step(format!(
            "Add {host} to the Domains of the tenant that it is for (update-distribution-tenant \
             takes the whole list), with a certificate that covers it."
        ));
    }
    let plain = kind.is_some_and(|kind| kind.protocol == Protocol::Plain)
        && case.behavior().is_some_and(|one| one.viewer_protocol_policy == "https-only");
    Remedy::new(format!(
        "Add the name to {id} with a certificate that covers it, or point DNS elsewhere."
    ))
    .step(case.show("[Aliases.Items,ViewerCertificate.ACMCertificateArn]"))
    .step(match case.summaries {
        [] => format!(
            "Which distribution has the name was not read; another account may have it. Once a \
             certificate of {id} covers it, this tells which:"
        ),
        _ => format!(
            "Only this account was read: another one may have the name. Once a certificate of {id} \
             covers it, this tells which:"
        ),
    })
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
