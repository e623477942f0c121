//! Whether a bucket lets CloudFront do what a request asks.

use jiff::Timestamp;

use super::super::kind::is_bucket;
use super::asks::{self, Asks, Refused};
use super::key::{self, KeyState};
use crate::account::bucket::{self, Endpoint};
use crate::account::distribution::{Behavior, Distribution, Origin};
use crate::account::facts::{BucketFacts, DistributionFacts, Facts, Held, What};
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
        matches!(self, Self::NotGranted(_) | Self::Denied(_) | Self::RequesterPays)
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

fn unknown(why: impl Into<Box<str>>, lacks: Lacks) -> Grant {
    Grant::Unknown { why: why.into(), lacks }
}

/// What a refused request met at its bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Met {
    /// What the bucket's policy says.
    pub grant: Grant,
    /// Whether that is the policy of the moment.
    pub held: Held,
    /// Whether the origin served, in the same minutes, keys that this policy refuses.
    pub contradicted: bool,
    /// Whether the origin served this very path in the same minutes or later.
    pub served_since: bool,
    /// Whether something was changed so shortly before that an error of the time before may still
    /// have come from a cache.
    pub just_changed: bool,
    /// The origin access identity with which CloudFront asks.
    pub identity: Option<Box<str>>,
    /// The bucket's origin, by its name within the distribution.
    pub origin: Box<str>,
    /// As whom CloudFront asks.
    pub asks: Asks,
    /// Which part of the policy refuses, where it does.
    pub refused: Option<Refused>,
    /// Whether the policy would let a signed request in, where CloudFront does not sign.
    pub signed_suffices: bool,
    /// Whether the policy that refused was replaced, and today's lets CloudFront in.
    pub mended: bool,
    /// Whether the object is archived and being restored.
    pub being_restored: bool,
    /// Whether the bucket is asked by its website endpoint.
    pub website: bool,
    /// The state of the key.
    pub key: KeyState,
    /// What a custom error response makes of another error.
    pub turned: Option<Turned>,
}

/// What a custom error response makes of another error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turned {
    /// A rule answers 403 in the place of this status.
    Into403(u16),
    /// The page that a rule sends for this status is itself refused.
    PageRefused(u16),
}

/// One request to a bucket: who asks, with which policy, for what.
pub(super) struct Ask<'a> {
    pub(super) caller: Caller<'a>,
    pub(super) context: Context,
    partition: &'a str,
    endpoint: &'a Endpoint,
    /// Whether AWS says that there is no such origin access identity.
    pub(super) identity_gone: bool,
}

impl Ask<'_> {
    /// The bucket's ARN.
    pub(super) fn arn(&self) -> String {
        format!("arn:{}:s3:::{}", self.partition, self.endpoint.bucket)
    }
}

/// What S3 calls what a method does.
pub fn action(method: &str) -> &'static str {
    match method {
        "GET" | "HEAD" | "OPTIONS" => "s3:GetObject",
        "DELETE" => "s3:DeleteObject",
        _ => "s3:PutObject",
    }
}

/// What a refused request met at its bucket; `None` where its origin is no bucket.
pub fn of(
    refusal: &Refusal,
    facts: &Facts,
    mine: &DistributionFacts,
    distribution: &Distribution,
    behavior: &Behavior,
) -> Option<Met> {
    let xml = refusal.content_type.value().is_some_and(|kind| kind.as_ref() == "application/xml");
    let origin = answering(distribution, behavior, &refusal.method, xml)?;
    let endpoint = bucket::endpoint(&origin.domain_name)?;
    let bucket = mine.buckets.get(&endpoint.bucket)?;
    let at = refusal.time;
    let control = &origin.origin_access_control_id;
    let names = [endpoint.bucket.as_str(), control.as_str()];
    let mut held = facts.holds(What::Bucket, &names, bucket.policy.read_at, at);
    let key = key::of(&refusal.path, distribution, origin);
    let asks = Asks::of(origin, &endpoint, mine);
    let ask = asking(refusal, mine, distribution, origin, &endpoint, asks == Asks::Signed);
    // CloudTrail keeps the text of a policy that was put, so the one of the moment may be known
    // although another one stands there now.
    let past = (held == Held::Changed).then(|| past_policy(facts, &endpoint.bucket, at)).flatten();
    let grant = match &past {
        Some(past) => {
            held = Held::Holds;
            grant(&ask, past, bucket, &refusal.method, &key)
        }
        None => grant(&ask, &bucket.policy.state, bucket, &refusal.method, &key),
    };
    let action = action(&refusal.method);
    let in_force = past.as_ref().unwrap_or(&bucket.policy.state);
    let refused = asks::refused(&ask, in_force, &grant, action, &key);
    // What is read of a policy afterwards shows what became of it.
    let later = bucket.policy.read_at.is_none_or(|read| read > at);
    let today = || self::grant(&ask, &bucket.policy.state, bucket, &refusal.method, &key);
    let mended =
        past.is_some() && later && grant.refuses() && matches!(today(), Grant::Granted { .. });
    let signed_suffices = refused.is_some() && matches!(asks, Asks::Unsigned(_)) && {
        let ask = asking(refusal, mine, distribution, origin, &endpoint, true);
        let signed = self::grant(&ask, in_force, bucket, &refusal.method, &key);
        matches!(signed, Grant::Granted { .. })
    };
    let tail = tail(distribution);
    let just_changed = facts.changes().iter().any(|change| {
        let age = at.as_second() - change.at.as_second();
        (0..=tail).contains(&age)
            && (names.iter().any(|name| change.concerns(name)) || change.concerns(&mine.id))
    });
    let encryption = Encryption { mine, caller: ask.caller, context: &ask.context };
    let state =
        key::state(refusal, distribution, origin, bucket, &key, tail, |id| encryption.of(id));
    let turned = turned(refusal, mine, distribution, &ask);
    let identity = origin.identity().map(Into::into);
    let second = at.as_second();
    let contradicted = bucket.witness.contradicts(second, |from, to| {
        facts.changed(What::Bucket, &names, from, to)
            || facts.changed(What::Distribution, &[&mine.id], from, to)
    });
    let path = crate::logs::tally::hash(refusal.path.logged());
    let served_since = mine.served_paths.get(&path).is_some_and(|last| *last > second);
    Some(Met {
        contradicted,
        served_since,
        grant,
        held,
        just_changed,
        identity,
        origin: origin.id.as_str().into(),
        asks,
        refused,
        signed_suffices,
        mended,
        being_restored: key::is_being_restored(bucket, &key),
        website: endpoint.website,
        key: state,
        turned,
    })
}

/// An address of CloudFront's own range 130.176.0.0/16, as AWS publishes it.
pub(super) const EDGE_ADDRESS: &str = "130.176.0.1";

/// The origin whose answer the viewer got. In a group that is left on 403 it is the second one's.
pub fn answering<'a>(
    distribution: &'a Distribution,
    behavior: &Behavior,
    method: &str,
    xml: bool,
) -> Option<&'a Origin> {
    let origins = distribution.origins_of(behavior);
    let fails_over = matches!(method, "GET" | "HEAD" | "OPTIONS")
        && distribution
            .group_of(behavior)
            .is_some_and(|group| group.failover_criteria.status_codes.items.contains(&403));
    // Left for another error, a group may have got its 403 from either; XML is a bucket's.
    let bucket = origins.iter().find(|origin| is_bucket(origin)).filter(|_| xml);
    let origin = if fails_over { origins.last() } else { bucket.or(origins.first()) }?;
    is_bucket(origin).then_some(*origin)
}

/// Seconds for which an error may outlive its cause: the error caching of the configuration, and
/// a minute in which a change of a policy spreads.
fn tail(distribution: &Distribution) -> i64 {
    let rules = &distribution.config.custom_error_responses.items;
    let rule = rules.iter().find(|rule| rule.error_code == 403);
    let kept = rule.and_then(|rule| rule.error_caching_min_ttl).unwrap_or(10);
    60 + i64::try_from(kept).unwrap_or(i64::MAX / 2)
}

fn asking<'a>(
    refusal: &Refusal,
    mine: &'a DistributionFacts,
    distribution: &'a Distribution,
    origin: &'a Origin,
    endpoint: &'a Endpoint,
    signs: bool,
) -> Ask<'a> {
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
        (
            Caller::Service("cloudfront.amazonaws.com"),
            context(Context::of_origin_access_control(&distribution.arn, account)),
        )
    } else if let Some(id) = origin.identity().filter(|_| !endpoint.website) {
        let canonical = mine.identities.get(id).and_then(Fact::known).map(String::as_str);
        (Caller::Oai { id, canonical }, context(Context::of_origin_access_identity()))
    } else {
        (Caller::Anonymous, context(Context::of_anonymous()))
    };
    let partition = distribution.arn.split(':').nth(1).filter(|p| !p.is_empty()).unwrap_or("aws");
    let identity = origin.identity().and_then(|id| mine.identities.get(id));
    let identity_gone = identity.is_some_and(Fact::is_nothing);
    Ask { caller, context, partition, endpoint, identity_gone }
}

/// The policy that was in force at a moment, where CloudTrail tells.
fn past_policy(facts: &Facts, bucket: &str, at: Timestamp) -> Option<State<Policy>> {
    let before = facts.changes().iter().filter(|change| change.concerns(bucket));
    let last = before.filter(|change| change.at <= at).rfind(|change| {
        matches!(change.event.as_str(), "PutBucketPolicy" | "DeleteBucketPolicy")
    })?;
    match last.event.as_str() {
        "DeleteBucketPolicy" => Some(State::Nothing),
        _ => Policy::parse(last.policy.as_deref()?).ok().map(State::Known),
    }
}

fn grant(
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
        Decision::Allowed { .. } if *caller == Caller::Anonymous => public(policy, bucket),
        Decision::Allowed { .. } => {
            let list = Request { action: "s3:ListBucket", resource: &arn, ..asked };
            let lists = match policy::evaluate(policy, &list) {
                Decision::Allowed { .. } => Some(true),
                Decision::Denied { .. } | Decision::NotGranted => Some(false),
                Decision::Unknown { .. } => None,
            };
            Grant::Granted { lists }
        }
        Decision::Denied { statement } => {
            let name = policy.name_of(statement);
            Grant::Denied(format!("{name} of the policy of {} denies it", endpoint.bucket).into())
        }
        Decision::NotGranted => match caller {
            Caller::Anonymous => not_public(bucket),
            // Access lists may let an identity in where they are not switched off.
            Caller::Oai { .. } if bucket.lists_off.known() == Some(&false) => {
                unknown("nothing in the bucket policy grants, and an access list may", Lacks::Lists)
            }
            _ => Grant::NotGranted(near(policy, &asked, &endpoint.bucket).into()),
        },
        Decision::Unknown { .. } if gone => {
            Grant::NotGranted("the origin access identity does not exist any more".into())
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

fn without_policy(caller: Caller<'_>, bucket: &BucketFacts) -> Grant {
    match caller {
        Caller::Service(_) => Grant::NotGranted("the bucket has no policy at all".into()),
        Caller::Oai { .. } if bucket.lists_off.known() == Some(&true) => {
            Grant::NotGranted("the bucket has no policy at all, and access lists are off".into())
        }
        // An identity may be let in by an access list, which nobody shows us.
        Caller::Oai { .. } => {
            unknown("the bucket has no policy; an access list may grant", Lacks::Lists)
        }
        Caller::Anonymous => not_public(bucket),
    }
}

/// An unsigned request that the policy does not allow: only a public access list could.
fn not_public(bucket: &BucketFacts) -> Grant {
    let ignored = bucket.public_access.known().is_some_and(|block| block.ignore_public_acls);
    if ignored || bucket.lists_off.known() == Some(&true) {
        return Grant::NotGranted(
            "CloudFront asks without a signature, and nothing makes the bucket public".into(),
        );
    }
    unknown(
        "CloudFront asks without a signature, and a public access list may grant",
        Lacks::PublicAccess,
    )
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
        Missed::Action { named, .. } => format!("is about {} alone", list(named)),
        Missed::Principal { named } => format!("lets in {} alone", list(named)),
    };
    format!("{statement} of the policy of {bucket} {says}")
}

/// Whether the key of KMS that encrypts an object opens it for CloudFront.
struct Encryption<'a> {
    mine: &'a DistributionFacts,
    caller: Caller<'a>,
    context: &'a Context,
}

impl Encryption<'_> {
    /// What an object encrypted with this key is to CloudFront; `None` where it can be read.
    fn of(&self, key: &str) -> Option<KeyState> {
        let sealed = |why: &str| Some(KeyState::Sealed(why.into()));
        match self.caller {
            Caller::Oai { .. } => sealed("an origin access identity cannot read SSE-KMS"),
            Caller::Anonymous => sealed("an unsigned request cannot read SSE-KMS"),
            Caller::Service(_) => {
                let id = key.rsplit('/').next().unwrap_or(key);
                let policies = &self.mine.key_policies;
                let fact = policies.get(key).or_else(|| policies.get(id)).and_then(Fact::known);
                let Some(policy) = fact else { return Some(KeyState::Encrypted(id.into())) };
                let request = Request {
                    caller: self.caller,
                    action: "kms:Decrypt",
                    resource: key,
                    context: self.context,
                };
                match policy::evaluate(policy, &request) {
                    Decision::NotGranted | Decision::Denied { .. } => sealed(
                        "the policy of the object's key does not let this distribution decrypt",
                    ),
                    Decision::Allowed { .. } => None,
                    Decision::Unknown { .. } => Some(KeyState::Encrypted(id.into())),
                }
            }
        }
    }
}

/// What custom error responses make of errors other than 403.
fn turned(
    refusal: &Refusal,
    mine: &DistributionFacts,
    distribution: &Distribution,
    ask: &Ask<'_>,
) -> Option<Turned> {
    let rules = distribution.config.custom_error_responses.items.iter();
    rules.filter(|rule| rule.error_code != 403).find_map(|rule| {
        if rule.response_code == "403" {
            return Some(Turned::Into403(rule.error_code));
        }
        let page = rule.response_page_path.as_str();
        if page.is_empty() || refusal.path.sent() == page.as_bytes() {
            return None;
        }
        let behavior = distribution.behavior_for(page.as_bytes());
        let origin = answering(distribution, behavior, "GET", false)?;
        let endpoint = bucket::endpoint(&origin.domain_name)?;
        let bucket = mine.buckets.get(&endpoint.bucket)?;
        let viewer = crate::viewer::Viewer::new(page.as_bytes());
        let key = key::of(&viewer, distribution, origin);
        let ask = Ask { endpoint: &endpoint, context: ask.context.clone(), ..*ask };
        match grant(&ask, &bucket.policy.state, bucket, "GET", &key) {
            Grant::NotGranted(_) | Grant::Denied(_) => Some(Turned::PageRefused(rule.error_code)),
            Grant::Granted { lists: Some(false) } if key::is_absent(bucket, &key) => {
                Some(Turned::PageRefused(rule.error_code))
            }
            _ => None,
        }
    })
}
