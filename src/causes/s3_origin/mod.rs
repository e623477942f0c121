//! A bucket refuses.
//!
//! # What it means
//! CloudFront asked S3, and S3 said 403: it does not know CloudFront, denies it, or has no such
//! key and is too discreet to say so.
//!
//! # What proves it
//! The bucket's policy, evaluated for this distribution and this key, or a complete listing
//! without the key.
//!
//! # What excludes it
//! An origin that is no bucket; a page that CloudFront made.
//!
//! # What it is confused with
//! `signed-access`, whose XML is `text/xml` where S3's is `application/xml`; a WAF.
//!
//! # Remedy
//! Grant `s3:GetObject` to `cloudfront.amazonaws.com` for this distribution's ARN; deploy what is
//! missing.
//!
//! # Reference
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html>

pub mod grant;

use super::kind::{Kind, MatchedBehavior, Page, is_bucket};
use super::opinion::{LOG, Opinion, Says};
use super::{Cause, Rule, Sheet, Step};
use crate::account::Question;
use crate::account::facts::{DistributionFacts, Held};
use grant::{Grant, KeyState, Near};

pub(super) const RULE: Rule = Rule {
    cause: Cause::S3Origin,
    step: Step::Origin,
    sheet: Sheet {
        means: "CloudFront asked S3, and S3 said 403: it does not know CloudFront, denies it, or \
                has no such key and is too discreet to say so.",
        proves: "The bucket's policy, evaluated for this distribution and this key, or a complete \
                 listing without the key.",
        excludes: "An origin that is no bucket; a page that CloudFront made.",
        confused_with: "signed-access, whose XML is text/xml where S3's is application/xml; waf.",
        remedy: "Grant s3:GetObject to cloudfront.amazonaws.com for this distribution's ARN; \
                 deploy what is missing; grant s3:ListBucket to see 404 for missing keys.",
        reference: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html",
        changes: &[
            "PutBucketPolicy",
            "DeleteBucketPolicy",
            "PutBucketPublicAccessBlock",
            "DeleteBucketPublicAccessBlock",
            "PutAccountPublicAccessBlock",
            "PutBucketOwnershipControls",
            "PutBucketAcl",
            "UpdateDistribution",
            "UpdateDistributionWithStagingConfig",
            "UpdateOriginAccessControl",
            "DeleteOriginAccessControl",
            "DeleteCloudFrontOriginAccessIdentity",
            "UpdateOriginRequestPolicy",
            "UpdateCachePolicy",
            "PutKeyPolicy",
            "RevokeGrant",
            "PutBucketEncryption",
            "PutBucketRequestPayment",
        ],
    },
    opinion,
};

const POLICY: &str = "s3api/get-bucket-policy";
const LISTING: &str = "s3api/list-objects-v2";
const CONFIG: &str = "cloudfront/get-distribution";

fn opinion(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    if let Some(
        other @ ("InvalidRequestMethod"
        | "ClientGeoBlocked"
        | "InvalidRequestBlocked"
        | "InvalidRequestCertificate"),
    ) = kind.detailed()
    {
        return Opinion::excludes(LOG, format!("the edge answered by itself ({other})"));
    }
    if kind.page.is_edge() && !kind.page_may_differ(facts) {
        return Opinion::excludes(LOG, format!("the body is {}", kind.page.words()));
    }
    if kind.config(facts).is_none() || kind.behavior == MatchedBehavior::Unknown {
        let question = Question::new(CONFIG, kind.distribution.as_deref().unwrap_or("ID"));
        return if kind.page == Page::S3 {
            s3_page(Opinion::of(Says::Supports, None)).missing(question)
        } else {
            Opinion::silent().missing(question)
        };
    }
    let Some(behavior) = kind.behavior(facts) else { return Opinion::silent() };
    let Some(distribution) = kind.config(facts) else { return Opinion::silent() };
    let origins = distribution.origins_of(behavior);
    if !origins.is_empty() && !origins.iter().any(|origin| is_bucket(origin)) {
        let names: Vec<&str> = origins.iter().map(|origin| origin.domain_name.as_str()).collect();
        let reason = format!("behaviour {} asks {}, no bucket", behavior.name(), names.join(", "));
        return Opinion::excludes(CONFIG, reason);
    }
    let opinion = by_grant(kind, facts);
    // S3 answers with its own XML; another body under no error page speaks against it.
    let s3_body = matches!(kind.page, Page::S3 | Page::Html);
    if !s3_body && !kind.page_may_differ(facts) {
        return opinion.at_most(Says::Hints);
    }
    opinion
}

fn s3_page(opinion: Opinion) -> Opinion {
    opinion.because(LOG, "the body is an XML error of S3")
}

/// What the bucket's policy and its keys say.
fn by_grant(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    let looks = if kind.page == Page::S3 { Says::Supports } else { Says::Hints };
    let base = |says, detail: Option<&'static str>| {
        let opinion = Opinion::of(says, detail);
        if kind.page == Page::S3 { s3_page(opinion) } else { opinion }
    };
    let policy_question = || {
        let bucket = facts.and_then(|facts| facts.buckets.keys().next());
        Question::new(POLICY, bucket.map_or("BUCKET", String::as_str))
    };
    if kind.bucket != Held::Holds {
        return base(looks, None).because(
            "cloudtrail/lookup-events",
            "the bucket's policy was changed between this request and the reading of it",
        );
    }
    match &kind.grant {
        None => base(looks, None).missing(policy_question()),
        Some(Grant::Denied(why)) => {
            base(Says::Explains, Some("explicit-deny")).because(POLICY, why.as_ref())
        }
        Some(Grant::NotGranted(why)) => {
            base(Says::Explains, Some("access-not-granted")).because(POLICY, why.as_ref())
        }
        Some(Grant::Unknown(why)) => match &kind.key {
            KeyState::Absent { .. } | KeyState::Later => base(looks, Some("object-missing"))
                .detail_unsure()
                .because(LISTING, "the key is not in the bucket")
                .because(POLICY, why.as_ref())
                .missing(policy_question()),
            _ => base(looks, None).because(POLICY, why.as_ref()).missing(policy_question()),
        },
        Some(Grant::Granted { lists }) => granted(kind, base, looks, *lists, facts),
    }
}

/// The bucket lets CloudFront read: then the key itself is the matter.
fn granted(
    kind: &Kind,
    base: impl Fn(Says, Option<&'static str>) -> Opinion,
    looks: Says,
    lists: Option<bool>,
    facts: Option<&DistributionFacts>,
) -> Opinion {
    let allows = "the policy lets this distribution read the key";
    let discreet = "CloudFront may not list the bucket, so S3 says 403 for a key that is missing";
    let missing = |says| match lists {
        // With the right to list, S3 says 404.
        Some(true) => base(Says::Silent, None)
            .because(POLICY, "CloudFront may list the bucket, so a missing key would be 404"),
        _ => base(says, Some("object-missing")).because(POLICY, discreet),
    };
    match &kind.key {
        KeyState::Absent { doubted: false } => {
            missing(Says::Explains).because(LISTING, "the key is not in the bucket")
        }
        KeyState::Absent { doubted: true } => missing(Says::Supports)
            .detail_unsure()
            .because(LISTING, "the listing lacks keys that the origin still served"),
        KeyState::Later => {
            missing(Says::Explains).because(LISTING, "the key was written after the request")
        }
        KeyState::Near(near) => {
            let says = match near {
                Near::Case => "a key that differs in case alone is there",
                Near::OriginPath => "the key is there without the origin path, or with it twice",
                Near::Folder => {
                    "the key is a folder, and its index.html is there; CloudFront adds no index documents below the root"
                }
                Near::NoRoot => "/ is asked, and the distribution has no default root object",
                Near::RootWithSlash => "the default root object starts with a slash",
            };
            let source = match near {
                Near::NoRoot | Near::RootWithSlash => CONFIG,
                _ => LISTING,
            };
            match lists {
                Some(true) => missing(Says::Silent),
                _ => base(Says::Explains, Some("wrong-path")).because(source, says),
            }
        }
        KeyState::Archived(class) => base(Says::Explains, Some("archived"))
            .because(LISTING, format!("the object is archived ({class}) and not restored")),
        KeyState::Present => {
            base(looks, None).because(POLICY, allows).because(LISTING, "the key is in the bucket")
        }
        KeyState::Unknown => {
            let bucket = facts.and_then(|facts| facts.buckets.keys().next());
            base(looks, None)
                .because(POLICY, allows)
                .missing(Question::new(LISTING, bucket.map_or("BUCKET", String::as_str)))
        }
    }
}
