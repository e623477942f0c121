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
//! signed-access, whose XML is text/xml where S3's is application/xml; waf.
//!
//! # Remedy
//! Let CloudFront sign by an origin access control, and grant s3:GetObject to
//! cloudfront.amazonaws.com for this distribution's ARN; deploy what is missing; grant
//! s3:ListBucket to see 404 for missing keys.
//!
//! # Reference
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html>

pub mod asks;
pub mod grant;
pub mod key;
pub mod met;
mod remedy;
mod told;
pub mod wanted;

use super::kind::{Kind, MatchedBehavior, Page, is_bucket};
use super::opinion::{Evidence, LOG, Opinion, Says};
use super::origin_log;
use super::{Cause, Rule, Sheet, Step};
use crate::account::facts::{DistributionFacts, Held};
use crate::account::{Question, bucket};
use grant::{Grant, Lacks};
use key::KeyState;
use met::{ErrorPage, Met, Turned};

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
        remedy: "Let CloudFront sign by an origin access control, and grant s3:GetObject to \
                 cloudfront.amazonaws.com for this distribution's ARN; deploy what is missing; \
                 grant s3:ListBucket to see 404 for missing keys.",
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
    remedy: remedy::remedy,
};

const POLICY: &str = "s3api/get-bucket-policy";
const LISTING: &str = "s3api/list-objects-v2";
const TRAIL: &str = "cloudtrail/lookup-events";
const CONFIG: &str = "cloudfront/get-distribution";
const HEAD: &str = "s3api/head-object";

const THERE: &str = "the key is in the bucket";
const NOT_THERE: &str = "the key is not in the bucket";

/// Who told the state of the key.
fn key_source(met: &Met) -> &'static str {
    if met.by_head { HEAD } else { LISTING }
}

/// Whether the key is there, where that is known.
fn of_key(met: &Met) -> Option<Evidence> {
    let says = match met.key {
        KeyState::Absent { .. } | KeyState::Near { .. } => NOT_THERE,
        KeyState::Later => "the key was written after the request",
        KeyState::Unknown => return None,
        _ => THERE,
    };
    Some(Evidence::new(key_source(met), says))
}

fn opinion(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    if let Some(
        other @ ("InvalidRequestMethod"
        | "ClientGeoBlocked"
        | "InvalidRequestBlocked"
        | "InvalidRequestCertificate"
        | "InvalidRequestHeader"
        | "InvalidRequest"
        | "FunctionGeneratedResponse"
        | "LambdaGeneratedResponse"
        | "MissGeneratedResponse"),
    ) = kind.detailed()
    {
        return Opinion::excludes(LOG, format!("the edge answered by itself ({other})"));
    }
    if kind.page.is_edge() && !kind.page_may_differ(facts) {
        return no_bucket(kind, facts).unwrap_or_else(|| Opinion::doubts(kind));
    }
    if kind.config(facts).is_none() || kind.behavior == MatchedBehavior::Unknown {
        let question = kind.ask_config();
        let says = if kind.page == Page::S3 { Says::Supports } else { Says::Silent };
        return looks_like(kind, says, None).missing(question);
    }
    let Some(behavior) = kind.behavior(facts) else { return Opinion::silent() };
    let Some(distribution) = kind.config(facts) else { return Opinion::silent() };
    let origins = distribution.may_refuse(behavior, &kind.method);
    match kind.error_page {
        Some(ErrorPage::Refused(code)) => {
            return looks_like(kind, Says::Explains, "custom-error-page")
                .because(CONFIG, format!("the page for {code} is itself refused by its bucket"));
        }
        Some(ErrorPage::OfBucket) => {
            return looks_like(kind, Says::Hints, "custom-error-page")
                .because(CONFIG, "a bucket holds the page of an error");
        }
        None => {}
    }
    if let Some(excluded) = no_bucket(kind, facts) {
        return excluded;
    }
    let name = origins.iter().find_map(|origin| bucket::endpoint(&origin.domain_name));
    let name = name.map(|endpoint| endpoint.bucket).unwrap_or_default();
    let opinion = match &kind.bucket {
        // A Host that S3 does not know names another bucket, and breaks the signature.
        _ if kind.method.as_ref() == "OPTIONS" => looks_like(kind, looks(kind), None).because(
            LOG,
            "the method is OPTIONS, a preflight, which S3 answers by the bucket's CORS rules",
        ),
        _ if kind.host_forwarded == Some(true) && !kind.origin_serves => {
            looks_like(kind, Says::Explains, Some("host-header-forwarded")).because(
                CONFIG,
                format!("behaviour {} sends the viewer's Host to S3", behavior.name()),
            )
        }
        Some(met) => by_grant(kind, met, &name),
        None => looks_like(kind, looks(kind), None)
            .missing(facts.and_then(|facts| unread_policy(facts, &name))),
    };
    let opinion = unless_asked_otherwise(kind, opinion);
    let shared = kind.origin_is_shared(facts, &name);
    let opinion = origin_log::of_bucket(kind, opinion, shared);
    // S3 answers with its own XML; another body under no error page speaks against it.
    let website = kind.bucket.as_ref().is_some_and(|met| met.website);
    let s3_body = kind.page == Page::S3 || (website && kind.page == Page::Html);
    let page_of_error = opinion.detail == Some("custom-error-page");
    if !s3_body && !page_of_error && !kind.page_may_differ(facts) {
        return opinion.at_most(Says::Hints);
    }
    opinion
}

/// That none of the origins that may have refused is a bucket.
fn no_bucket(kind: &Kind, facts: Option<&DistributionFacts>) -> Option<Opinion> {
    let (distribution, behavior) = kind.config(facts).zip(kind.behavior(facts))?;
    let origins = distribution.may_refuse(behavior, &kind.method);
    if origins.is_empty() || origins.iter().any(|origin| is_bucket(origin)) {
        return None;
    }
    let names: Vec<&str> = origins.iter().map(|origin| origin.domain_name.as_str()).collect();
    let reason = format!("behaviour {} asks {}, no bucket", behavior.name(), names.join(", "));
    Some(Opinion::excludes(CONFIG, reason))
}

/// Where a bucket lets CloudFront in and nobody knows how CloudFront asks (unsigned, or with the
/// viewer's Host), a missing key explains nothing for certain unless the bucket served others.
fn unless_asked_otherwise(kind: &Kind, opinion: Opinion) -> Opinion {
    let Some(met) = kind.bucket.as_ref() else { return opinion };
    if kind.has_served || !matches!(met.grant, Grant::Granted { .. }) {
        return opinion;
    }
    let unknown: Vec<Question> = met.signing.iter().chain(&kind.policies).cloned().collect();
    // That the bucket refused is as sure as before.
    if unknown.is_empty() || opinion.detail.is_none() {
        return opinion.missing_all(met.signing.clone());
    }
    opinion.at_most(Says::Supports).detail_unsure().missing_all(unknown)
}

/// The question for a bucket's policy, where it is not known.
fn unread_policy(facts: &DistributionFacts, name: &str) -> Option<Question> {
    let policy = &facts.buckets.get(name)?.policy;
    (!policy.is_told()).then(|| policy.question.clone())
}

/// What the body alone is worth.
fn looks(kind: &Kind) -> Says {
    if kind.page == Page::S3 { Says::Supports } else { Says::Hints }
}

fn looks_like(kind: &Kind, says: Says, detail: impl Into<Option<&'static str>>) -> Opinion {
    let opinion = Opinion::of(says, detail);
    if kind.page == Page::S3 {
        opinion.because(LOG, format!("the answer is {}", kind.page.words()))
    } else {
        opinion
    }
}

/// What the bucket's policy and its keys say.
fn by_grant(kind: &Kind, met: &Met, name: &str) -> Opinion {
    let base = |says, detail: Option<&'static str>| looks_like(kind, says, detail);
    // What a key that is not there is refused for, if the grant is not the matter.
    let missing = match met.key {
        KeyState::Near { .. } => Some("wrong-path"),
        KeyState::Absent { .. } | KeyState::Later | KeyState::JustWritten => Some("object-missing"),
        _ => None,
    };
    let absent = missing.is_some();
    let shut = if met.website { "website-not-public" } else { "access-not-granted" };
    if met.held == Held::Changed {
        let refused = base(looks(kind), missing.or(Some(shut)));
        return refused.detail_unsure().and(of_key(met)).but(
            TRAIL,
            "the bucket's policy was changed between these requests and the moment at which it \
             was read: what it said then is not known",
        );
    }
    let unheld = met.held == Held::Unsure;
    let contradicted = met.contradicted && met.grant.refuses();
    let policy = if met.past { TRAIL } else { POLICY };
    let opinion = match &met.grant {
        Grant::Denied(why) => {
            base(Says::Explains, Some("explicit-deny")).because(policy, why.as_ref())
        }
        Grant::NotGranted { why, told_by } => {
            base(Says::Explains, Some(shut)).because(told_by.unwrap_or(policy), why.as_ref())
        }
        Grant::RequesterPays => base(Says::Explains, Some("requester-pays")).because(
            "s3api/get-bucket-request-payment",
            "whoever asks must pay, and CloudFront sends no payer",
        ),
        Grant::PerhapsDenied(why) => {
            base(looks(kind), Some("explicit-deny")).detail_unsure().because(policy, why.as_ref())
        }
        Grant::Unknown { why, lacks } if absent && !met.website => base(looks(kind), missing)
            .detail_unsure()
            .and(of_key(met))
            .but(lacks.source(policy), why.as_ref())
            .missing(lacks.question(name, kind)),
        // A website that may not list says 403 for a key that is missing as well, whatever AWS's
        // pages promise: only a key that is there is refused for certain because it is not public.
        Grant::Unknown { why, lacks: lacks @ (Lacks::Lists | Lacks::PublicAccess) }
            if met.website && met.key == KeyState::Present =>
        {
            base(Says::Explains, Some("website-not-public"))
                .because(
                    key_source(met),
                    "the key is there, so it is refused for not being public and not for missing",
                )
                .seen(lacks.source(policy), why.as_ref())
        }
        Grant::Unknown { why, lacks } => {
            let present = met.key == KeyState::Present;
            let told = (met.website && !absent) || present;
            base(looks(kind), told.then_some(shut))
                .detail_unsure()
                .and(of_key(met))
                .but(lacks.source(policy), why.as_ref())
                .missing(lacks.question(name, kind))
        }
        Grant::Granted { lists } => granted(kind, met, *lists, name),
    };
    if contradicted {
        return base(looks(kind), missing).detail_unsure().but(
            policy,
            "the policy that was read refuses keys that the origin served in the same \
                 minutes: it is not the one of that moment",
        );
    }
    // A key that is there dates the loss of a grant. One that is not was refused before it as well.
    if met.may_begin_later && met.grant.refuses() && met.key != KeyState::Present {
        let sentence = "the origin served keys that this policy refuses until shortly before, and \
                        nothing shows that it had stopped when this request came";
        let opinion = match missing {
            Some(detail) => base(looks(kind), Some(detail)).and(of_key(met)),
            None => opinion.at_most(Says::Supports),
        };
        return opinion.detail_unsure().but(LOG, sentence);
    }
    if unheld {
        let sentence =
            "the policy was read before this request, and nobody knows what came between";
        return opinion.at_most(Says::Supports).detail_unsure().but("capture.json", sentence);
    }
    opinion
}

/// The bucket lets CloudFront read: then the key itself is the matter.
fn granted(kind: &Kind, met: &Met, lists: Option<bool>, name: &str) -> Opinion {
    let base = |says, detail: Option<&'static str>| looks_like(kind, says, detail);
    let allows = "the policy lets this distribution read the key";
    let policy = if met.past { TRAIL } else { POLICY };
    // With the right to list a missing key is 404. Of websites AWS's guide says 404 and its page
    // on such refusals 403 where nobody may list, so that a rule for 404 may be meant as well.
    let may_list = lists == Some(true);
    let not_found = may_list || (met.website && met.turned.is_some());
    let sure = |opinion: Opinion| if may_list { opinion } else { opinion.detail_unsure() };
    let missing = |says: Says, detail, source: &str, sentence: &str| match (not_found, met.turned) {
        (true, Some(Turned::Into403(code))) => {
            sure(base(Says::Explains, Some("custom-error-page")))
                .because(
                    CONFIG,
                    format!("a custom error response answers 403 in the place of {code}"),
                )
                .because(source, sentence)
        }
        (true, Some(Turned::PageRefused(code))) => {
            sure(base(Says::Explains, Some("custom-error-page")))
                .because(CONFIG, format!("the page for {code} is itself refused by its bucket"))
                .because(source, sentence)
        }
        (true, None) => base(Says::Silent, None).but(
            policy,
            "CloudFront may list the bucket, so S3 says 404 for a missing key and not 403",
        ),
        (false, _) => base(says, Some(detail)).because(source, sentence).because(
            policy,
            "CloudFront may not list the bucket, so S3 says 403 for a key that is missing",
        ),
    };
    let certain = |says: Says, doubted: bool| if doubted { Says::Supports } else { says };
    match &met.key {
        KeyState::Absent { doubted } => {
            let opinion = missing(
                certain(Says::Explains, *doubted),
                "object-missing",
                key_source(met),
                NOT_THERE,
            );
            doubt(opinion, *doubted)
        }
        KeyState::Near { how, doubted } => {
            let opinion =
                missing(certain(Says::Explains, *doubted), "wrong-path", how.source(), how.words());
            doubt(opinion, *doubted)
        }
        KeyState::Later => missing(
            Says::Explains,
            "object-missing",
            LISTING,
            "the key was written after the request",
        ),
        KeyState::JustWritten => missing(
            Says::Supports,
            "object-missing",
            LISTING,
            "the key was written shortly before; an older error may have come from a cache",
        ),
        KeyState::Archived(_) | KeyState::Sealed { .. } if met.served_since => {
            base(looks(kind), None)
                .seen(policy, allows)
                .but(LOG, "the origin served this very path in the same minutes or later")
        }
        KeyState::Archived(class) => base(Says::Explains, Some("archived"))
            .because(key_source(met), format!("the object is archived ({class}) and not restored")),
        KeyState::Sealed { source, why } => {
            base(Says::Explains, Some("kms-denied")).because(*source, why.as_ref())
        }
        KeyState::Encrypted(id) => base(looks(kind), Some("kms-denied"))
            .detail_unsure()
            .because(HEAD, format!("the object is encrypted with key {id} of KMS"))
            .but(
                "kms/get-key-policy",
                "whether the key's policy let CloudFront decrypt then is not known",
            )
            .missing(Question::new("kms/get-key-policy", id.as_ref())),
        KeyState::Restored => base(looks(kind), Some("archived"))
            .detail_unsure()
            .because(key_source(met), "the object is archived, and restored by now")
            .but(key_source(met), "whether it was restored when it was asked for is not known"),
        KeyState::Present if met.just_changed => base(looks(kind), Some("access-not-granted"))
            .detail_unsure()
            .seen(policy, allows)
            .because(
                TRAIL,
                "something was changed shortly before; an older error may have come from a cache",
            ),
        KeyState::Present => base(looks(kind), None)
            .seen(policy, allows)
            .seen(key_source(met), THERE)
            .missing_all(kind.policies.iter().cloned())
            .missing(Question::new("s3api/get-bucket-request-payment", name))
            .missing(Question::new("s3api/head-object", format!("{name}/"))),
        KeyState::Unknown => {
            base(looks(kind), None).seen(policy, allows).missing(Question::new(LISTING, name))
        }
    }
}

fn doubt(opinion: Opinion, doubted: bool) -> Opinion {
    if doubted {
        opinion.detail_unsure().but(
            LISTING,
            "the listing is older than the requests, or lacks keys that the origin still served",
        )
    } else {
        opinion
    }
}
