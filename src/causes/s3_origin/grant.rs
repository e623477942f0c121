//! Whether a bucket lets CloudFront read a key, and whether the key is there.

use super::super::kind::is_bucket;
use crate::account::bucket::{self, Listing};
use crate::account::distribution::{Behavior, Distribution, Origin};
use crate::account::facts::{BucketFacts, DistributionFacts, Facts, Held};
use crate::account::{Fact, State};
use crate::logs::record::Refusal;
use crate::policy::{self, Caller, Context, Decision, Missed, Policy, Public, Request};

/// Whether the bucket lets CloudFront do what the request asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// It does.
    Granted {
        /// Whether CloudFront may list as well: then S3 says 404 for a missing key, not 403.
        lists: Option<bool>,
    },
    /// Nothing in the policy lets it; the sentence says what is near.
    NotGranted(Box<str>),
    /// A statement denies it.
    Denied(Box<str>),
    /// It cannot be decided; the sentence says why.
    Unknown(Box<str>),
}

/// The state of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyState {
    /// It is there.
    Present,
    /// It is there and archived, in this storage class.
    Archived(Box<str>),
    /// It is there, and was written after the request.
    Later,
    /// It is not there.
    Absent {
        /// The origin served keys that the listing lacks, so that the listing may be another's.
        doubted: bool,
    },
    /// It is not there, and one that is near it is; how it differs.
    Near(Near),
    /// Nobody knows.
    Unknown,
}

/// How a near key differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Near {
    /// Upper and lower case.
    Case,
    /// The origin path is put before it twice, or is missing.
    OriginPath,
    /// It stands for a folder whose `index.html` is there.
    Folder,
    /// `/` is asked and no default root object is set.
    NoRoot,
    /// The default root object starts with a slash.
    RootWithSlash,
}

/// What a refused request met at its bucket; `None` where its origin is no bucket.
pub fn of(
    refusal: &Refusal,
    facts: &Facts,
    mine: &DistributionFacts,
    distribution: &Distribution,
    behavior: &Behavior,
) -> Option<(Grant, Held, KeyState)> {
    let origin = answering(distribution, behavior, &refusal.method)?;
    let endpoint = bucket::endpoint(&origin.domain_name)?;
    let bucket = mine.buckets.get(&endpoint.bucket)?;
    let held = facts
        .holds(&[&endpoint.bucket], bucket.policy.read_at, refusal.time)
        .max(facts.holds(&[&origin.origin_access_control_id], None, refusal.time));
    let key = key_of(refusal, distribution, origin);
    let grant = grant(refusal, mine, distribution, origin, bucket, &endpoint, &key);
    let state = state(refusal, distribution, origin, bucket, &key);
    Some((grant, held, state))
}

/// The origin whose answer the viewer got. In a group that is left on 403 it is the second one's.
fn answering<'a>(
    distribution: &'a Distribution,
    behavior: &Behavior,
    method: &str,
) -> Option<&'a Origin> {
    let origins = distribution.origins_of(behavior);
    let fails_over = matches!(method, "GET" | "HEAD" | "OPTIONS")
        && distribution
            .group_of(behavior)
            .is_some_and(|group| group.failover_criteria.status_codes.items.contains(&403));
    let origin = if fails_over { origins.last() } else { origins.first() }?;
    is_bucket(origin).then_some(*origin)
}

/// The key that CloudFront asks for: the log's encoding undone once, the viewer's own once more,
/// behind the origin path. The default root object stands for `/` alone, not for folders.
fn key_of(refusal: &Refusal, distribution: &Distribution, origin: &Origin) -> String {
    let path = String::from_utf8_lossy(&refusal.path.meant()).into_owned();
    let path = match path.as_str() {
        "/" | "" => format!("/{}", distribution.config.default_root_object),
        _ => path,
    };
    let whole = format!("{}{path}", origin.origin_path);
    whole.strip_prefix('/').unwrap_or(&whole).to_owned()
}

fn grant(
    refusal: &Refusal,
    mine: &DistributionFacts,
    distribution: &Distribution,
    origin: &Origin,
    bucket: &BucketFacts,
    endpoint: &bucket::Endpoint,
    key: &str,
) -> Grant {
    let action = match refusal.method.as_ref() {
        "GET" | "HEAD" | "OPTIONS" => "s3:GetObject",
        "DELETE" => "s3:DeleteObject",
        _ => "s3:PutObject",
    };
    let control = mine.access_controls.get(&origin.origin_access_control_id);
    let unsigned =
        control.and_then(Fact::known).is_some_and(|control| control.signing_behavior == "never");
    let identity = origin.s3_origin_config.as_ref().and_then(|config| {
        config.origin_access_identity.rsplit('/').next().filter(|id| !id.is_empty())
    });
    let signs = control.is_some() && !unsigned && !endpoint.website;
    let secure = match refusal.protocol.value().map(AsRef::as_ref) {
        _ if endpoint.website => Some("false"),
        Some("https" | "wss") => Some("true"),
        Some("http" | "ws") => Some("false"),
        _ => None,
    };
    let context = |context: Context| match secure {
        Some(secure) => context.known("aws:SecureTransport", [secure]),
        None => context,
    };
    let account = distribution.arn.split(':').nth(4);
    let (caller, context) = if signs {
        let arn = &distribution.arn;
        (
            Caller::Service("cloudfront.amazonaws.com"),
            context(Context::of_origin_access_control(arn, account)),
        )
    } else if let Some(id) = identity.filter(|_| !endpoint.website) {
        (Caller::Oai { id, canonical: None }, context(Context::of_origin_access_identity()))
    } else {
        (Caller::Anonymous, context(Context::of_anonymous()))
    };
    let policy = match &bucket.policy.state {
        State::Known(policy) => policy,
        State::Nothing => return without_policy(caller, bucket),
        _ => {
            let absence = bucket.policy.absence().unwrap_or_default();
            return Grant::Unknown(format!("the bucket policy is not known: {absence}").into());
        }
    };
    let partition = distribution.arn.split(':').nth(1).filter(|p| !p.is_empty()).unwrap_or("aws");
    let arn = format!("arn:{partition}:s3:::{}", endpoint.bucket);
    let resource = format!("{arn}/{key}");
    let asked = Request { caller, action, resource: &resource, context: &context };
    match policy::evaluate(policy, &asked) {
        Decision::Allowed { .. } if caller == Caller::Anonymous => public(policy, bucket),
        Decision::Allowed { .. } => {
            let list =
                Request { caller, action: "s3:ListBucket", resource: &arn, context: &context };
            let lists = match policy::evaluate(policy, &list) {
                Decision::Allowed { .. } => Some(true),
                Decision::Denied { .. } | Decision::NotGranted => Some(false),
                Decision::Unknown { .. } => None,
            };
            Grant::Granted { lists }
        }
        Decision::Denied { statement } => Grant::Denied(
            format!("{} of the bucket policy denies it", policy.name_of(statement)).into(),
        ),
        Decision::NotGranted if caller == Caller::Anonymous => not_public(bucket),
        Decision::NotGranted => Grant::NotGranted(near(policy, &asked, &endpoint.bucket).into()),
        Decision::Unknown { why } => Grant::Unknown(crate::viewer::plain(&why).into()),
    }
}

fn without_policy(caller: Caller<'_>, bucket: &BucketFacts) -> Grant {
    match caller {
        Caller::Service(_) => Grant::NotGranted("the bucket has no policy at all".into()),
        // An identity may be let in by an access list, which nobody shows us.
        Caller::Oai { .. } => {
            Grant::Unknown("the bucket has no policy; an access list may grant".into())
        }
        Caller::Anonymous => not_public(bucket),
    }
}

/// An unsigned request that the policy does not allow: only a public access list could.
fn not_public(bucket: &BucketFacts) -> Grant {
    match &bucket.public_access.state {
        State::Known(block) if block.ignore_public_acls => Grant::NotGranted(
            "CloudFront asks without a signature, and nothing makes the bucket public".into(),
        ),
        _ => Grant::Unknown(
            "CloudFront asks without a signature, and a public access list may grant".into(),
        ),
    }
}

/// An unsigned request that the policy allows: public access may be cut off above it.
fn public(policy: &Policy, bucket: &BucketFacts) -> Grant {
    let restricted = match &bucket.public_access.state {
        State::Known(block) => Some(block.restrict_public_buckets),
        State::Nothing => Some(false),
        _ => None,
    };
    match (restricted, policy::public(policy)) {
        (Some(true), Public::Yes { .. }) => Grant::NotGranted(
            "the policy is public, and the public access block (RestrictPublicBuckets) cuts it off"
                .into(),
        ),
        (Some(false), _) | (_, Public::No) => Grant::Granted { lists: None },
        _ => Grant::Unknown("whether public access is cut off is not known".into()),
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
    match &miss.missed {
        Missed::Conditions(unmet) => {
            let wants: Vec<String> = unmet
                .iter()
                .map(|unmet| {
                    format!("{} = {}", crate::viewer::plain(&unmet.key), list(&unmet.wanted))
                })
                .collect();
            format!("{statement} of the policy of {bucket} asks for {}", wants.join(" and "))
        }
        Missed::Resource { named, negated: false } => {
            format!("{statement} of the policy of {bucket} grants only {}", list(named))
        }
        Missed::Resource { named, .. } => {
            format!("{statement} of the policy of {bucket} grants all but {}", list(named))
        }
        Missed::Action { named, .. } => {
            format!("{statement} of the policy of {bucket} is about {} alone", list(named))
        }
        Missed::Principal { named } => {
            format!("{statement} of the policy of {bucket} lets in {} alone", list(named))
        }
    }
}

fn state(
    refusal: &Refusal,
    distribution: &Distribution,
    origin: &Origin,
    bucket: &BucketFacts,
    key: &str,
) -> KeyState {
    let root = &distribution.config.default_root_object;
    let asks_root = matches!(refusal.path.sent().as_slice(), b"/" | b"");
    if asks_root && root.starts_with('/') {
        return KeyState::Near(Near::RootWithSlash);
    }
    let Some(listing) = bucket.listing.known() else { return KeyState::Unknown };
    // S3 reads a plus in a path as a space as well.
    let spaced = key.replace('+', " ");
    if let Some(entry) = listing.keys.get(key).or_else(|| listing.keys.get(&spaced)) {
        let class = entry.storage_class.as_str();
        return if entry.last_modified.is_some_and(|at| at > refusal.time) {
            KeyState::Later
        } else if matches!(class, "GLACIER" | "DEEP_ARCHIVE") && !entry.restored {
            KeyState::Archived(class.into())
        } else {
            KeyState::Present
        };
    }
    if asks_root && root.is_empty() {
        return KeyState::Near(Near::NoRoot);
    }
    if let Some(near) = near_key(listing, origin, key) {
        return KeyState::Near(near);
    }
    if listing.speaks_of(key) {
        KeyState::Absent { doubted: bucket.listing_doubted }
    } else {
        KeyState::Unknown
    }
}

fn near_key(listing: &Listing, origin: &Origin, key: &str) -> Option<Near> {
    let has = |key: &str| listing.keys.contains_key(key);
    let prefix = origin.origin_path.strip_prefix('/').unwrap_or(&origin.origin_path);
    if !prefix.is_empty() {
        let bare = key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/'));
        if bare.is_some_and(has) {
            return Some(Near::OriginPath);
        }
    }
    if listing.lower.get(&key.to_lowercase()).is_some_and(|other| other != key) {
        return Some(Near::Case);
    }
    let folder = key.strip_suffix('/').unwrap_or(key);
    if has(&format!("{folder}/index.html")) {
        return Some(Near::Folder);
    }
    // The first folder of the path may be one that the origin path should have been.
    let below = key.split_once('/').map(|(_, rest)| rest);
    (prefix.is_empty() && below.is_some_and(|rest| rest.contains('/') && has(rest)))
        .then_some(Near::OriginPath)
}
