//! Whether a bucket lets CloudFront do what a request asks.

use crate::account::State;
use crate::account::bucket::Endpoint;
use crate::account::facts::BucketFacts;
use crate::policy::{self, Caller, Context, Decision, Missed, Policy, Public, Request};

/// Whether the bucket lets CloudFront do what the request asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// It does.
    Granted {
        /// Whether CloudFront may list as well: then S3 says 404 for a missing key, not 403.
        lists: Option<bool>,
    },
    /// Nothing lets it; the sentence says what is near, and who told it, if not the policy.
    NotGranted {
        /// The sentence.
        why: Box<str>,
        /// Who told it.
        told_by: Option<&'static str>,
    },
    /// A statement denies it.
    Denied(Box<str>),
    /// Whoever asks must pay, and CloudFront sends no payer.
    RequesterPays,
    /// A statement denies it, if CloudFront's address is none that it spares; the sentence says
    /// which.
    PerhapsDenied(Box<str>),
    /// It cannot be decided.
    Unknown {
        /// Why.
        why: Box<str>,
        /// Which fact would decide.
        lacks: Lacks,
    },
}

impl Grant {
    /// Whether it refuses for certain.
    pub fn refuses(&self) -> bool {
        matches!(self, Self::NotGranted { .. } | Self::Denied(_) | Self::RequesterPays)
    }
}

/// A fact that would decide about a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lacks {
    /// The bucket's policy.
    Policy,
    /// Who an origin access identity is to S3.
    Identity,
    /// Whether public access is cut off.
    PublicAccess,
    /// Whether access lists are on, and what they say.
    Lists,
    /// None that AWS could be asked for.
    Nothing,
}

/// What the policy does not grant.
fn not_granted(why: impl Into<Box<str>>) -> Grant {
    Grant::NotGranted { why: why.into(), told_by: None }
}

/// What is not granted by what another operation tells.
fn not_granted_by(source: &'static str, why: impl Into<Box<str>>) -> Grant {
    Grant::NotGranted { why: why.into(), told_by: Some(source) }
}

const CONFIG: &str = "cloudfront/get-distribution";
const IDENTITY: &str = "cloudfront/get-cloud-front-origin-access-identity";
const PUBLIC_ACCESS: &str = "s3api/get-public-access-block";

fn unknown(why: impl Into<Box<str>>, lacks: Lacks) -> Grant {
    Grant::Unknown { why: why.into(), lacks }
}

/// What S3 calls what a method does.
pub fn action(method: &str) -> &'static str {
    match method {
        "GET" | "HEAD" | "OPTIONS" => "s3:GetObject",
        "DELETE" => "s3:DeleteObject",
        _ => "s3:PutObject",
    }
}

/// One request to a bucket: who asks, with which policy, for what.
pub(super) struct Ask<'a> {
    pub caller: Caller<'a>,
    pub context: Context,
    pub partition: &'a str,
    pub endpoint: &'a Endpoint,
    /// Whether AWS says that there is no such origin access identity.
    pub identity_gone: bool,
}

impl Ask<'_> {
    /// The bucket's ARN.
    pub fn arn(&self) -> String {
        format!("arn:{}:s3:::{}", self.partition, self.endpoint.bucket)
    }
}

/// An address of CloudFront's own range 130.176.0.0/16, as AWS publishes it.
pub(super) const EDGE_ADDRESS: &str = "130.176.0.1";

/// Whether a policy, and what stands above it, lets a request through.
pub(super) fn grant(
    ask: &Ask<'_>,
    policy: &State<Policy>,
    bucket: &BucketFacts,
    method: &str,
    key: &str,
) -> Grant {
    let Ask { caller, context, endpoint, identity_gone, .. } = ask;
    let action = action(method);
    let gone = *identity_gone;
    let pays = bucket.requester_pays.known() == Some(&true);
    let policy = match policy {
        State::Known(policy) => policy,
        State::Nothing => return without_policy(*caller, bucket),
        _ if pays => return Grant::RequesterPays,
        _ => {
            let absence = bucket.policy.absence().unwrap_or_default();
            return unknown(format!("the bucket policy is not known: {absence}"), Lacks::Policy);
        }
    };
    let arn = ask.arn();
    let resource = format!("{arn}/{key}");
    let asked = Request { caller: *caller, action, resource: &resource, context };
    match policy::evaluate(policy, &asked) {
        Decision::Allowed { .. } if pays => Grant::RequesterPays,
        Decision::Allowed { .. } if *caller == Caller::Anonymous => {
            public(policy, bucket, &asked, &arn)
        }
        Decision::Allowed { .. } => Grant::Granted { lists: lists(policy, &asked, &arn) },
        Decision::Denied { statement } => {
            let name = policy.name_of(statement);
            Grant::Denied(format!("{name} of the policy of {} denies it", endpoint.bucket).into())
        }
        Decision::NotGranted => match caller {
            Caller::Anonymous => not_public(bucket),
            // Access lists may let an identity in where they are not switched off.
            Caller::Oai { .. } if bucket.lists_off.known() == Some(&false) => unknown(
                "no statement of the policy grants; an access control list may",
                Lacks::Lists,
            ),
            _ => not_granted(near(policy, &asked, &endpoint.bucket)),
        },
        Decision::Unknown { .. } if gone => {
            not_granted_by(IDENTITY, "the origin access identity does not exist any more")
        }
        Decision::Unknown { why } => {
            // CloudFront's addresses change; any of them stands for all in a Deny that spares
            // an office.
            let from_edge = context.clone().known("aws:SourceIp", [EDGE_ADDRESS]);
            let from_edge = Request { context: &from_edge, ..asked };
            if let Decision::Denied { statement } = policy::evaluate(policy, &from_edge) {
                let name = policy.name_of(statement);
                let says = format!(
                    "{name} of the policy of {} denies addresses such as CloudFront's",
                    endpoint.bucket
                );
                return Grant::PerhapsDenied(says.into());
            }
            let lacks = match caller {
                Caller::Oai { canonical: None, .. } => Lacks::Identity,
                _ => Lacks::Nothing,
            };
            unknown(crate::viewer::plain(&why), lacks)
        }
    }
}

/// Whether whoever asks may list the bucket as well.
fn lists(policy: &Policy, asked: &Request<'_>, arn: &str) -> Option<bool> {
    let list = Request { action: "s3:ListBucket", resource: arn, ..*asked };
    match policy::evaluate(policy, &list) {
        Decision::Allowed { .. } => Some(true),
        Decision::Denied { .. } | Decision::NotGranted => Some(false),
        Decision::Unknown { .. } => None,
    }
}

fn without_policy(caller: Caller<'_>, bucket: &BucketFacts) -> Grant {
    match caller {
        Caller::Service(_) => not_granted("the bucket has no policy at all"),
        Caller::Oai { .. } if bucket.lists_off.known() == Some(&true) => {
            not_granted("the bucket has no policy at all, and its access control lists are off")
        }
        // An identity may be let in by an access list, which nobody shows us.
        Caller::Oai { .. } => {
            unknown("the bucket has no policy; an access control list may grant", Lacks::Lists)
        }
        Caller::Anonymous => not_public(bucket),
    }
}

/// An unsigned request that the policy does not allow: only a public access list could.
fn not_public(bucket: &BucketFacts) -> Grant {
    let ignored = bucket.public_access.known().is_some_and(|block| block.ignore_public_acls);
    if ignored || bucket.lists_off.known() == Some(&true) {
        return not_granted_by(
            CONFIG,
            "CloudFront asks without a signature, and nothing makes the bucket public",
        );
    }
    unknown(
        "CloudFront asks without a signature; an access control list may grant",
        Lacks::PublicAccess,
    )
}

/// An unsigned request that the policy allows: public access may be cut off above it.
fn public(policy: &Policy, bucket: &BucketFacts, asked: &Request<'_>, arn: &str) -> Grant {
    let restricted = match &bucket.public_access.state {
        State::Known(block) => Some(block.restrict_public_buckets),
        State::Nothing => Some(false),
        _ => None,
    };
    match (restricted, policy::public(policy)) {
        (Some(true), Public::Yes { .. }) => not_granted_by(
            PUBLIC_ACCESS,
            "the policy is public, and the public access block (RestrictPublicBuckets) cuts it off",
        ),
        (Some(false), _) | (_, Public::No) => Grant::Granted { lists: lists(policy, asked, arn) },
        _ => unknown("whether public access is cut off is not known", Lacks::PublicAccess),
    }
}

/// What in the policy comes nearest, as a sentence.
fn near(policy: &Policy, asked: &Request<'_>, bucket: &str) -> String {
    let Some(miss) = policy::nearest(policy, asked) else {
        return format!("no statement of the policy of {bucket} lets CloudFront in");
    };
    let statement = policy.name_of(miss.statement);
    let list = |named: &[String]| {
        let shown: Vec<String> = named.iter().take(3).map(|n| crate::viewer::plain(n)).collect();
        shown.join(", ")
    };
    let says = match &miss.missed {
        Missed::Conditions(unmet) => {
            let wants: Vec<String> = unmet
                .iter()
                .map(|unmet| {
                    format!("{} = {}", crate::viewer::plain(&unmet.key), list(&unmet.wanted))
                })
                .collect();
            format!("asks for {}", wants.join(" and "))
        }
        Missed::Resource { named, negated: false } => format!("grants only {}", list(named)),
        Missed::Resource { named, .. } => format!("grants all but {}", list(named)),
        Missed::Action { named, .. } => format!("is only about {}", list(named)),
        Missed::Principal { named } => format!("lets in only {}", list(named)),
    };
    format!("{statement} of the policy of {bucket} {says}")
}
