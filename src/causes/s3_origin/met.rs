//! What a refused request met at its bucket.

use jiff::Timestamp;

use super::super::kind::is_bucket;
use super::asks::{self, Asks, Refused};
use super::grant::{self, Ask, Grant, grant};
use super::key::{self, KeyState};
use crate::account::bucket;
use crate::account::bucket::Endpoint;
use crate::account::distribution::{Behavior, Distribution, Origin};
use crate::account::facts::{BucketFacts, DistributionFacts, Facts, Held, What};
use crate::account::{Fact, Question, State};
use crate::logs::record::Refusal;
use crate::policy::{self, Caller, Context, Decision, Policy, Request};

/// What a refused request met at its bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Met {
    /// What the bucket's policy says.
    pub grant: Grant,
    /// Whether that policy was told by the trail of changes, and is not the one of today.
    pub past: bool,
    /// Whether that is the policy of the moment.
    pub held: Held,
    /// Whether the origin served, in the same minutes, keys that this policy refuses.
    pub contradicted: bool,
    /// Whether the origin served before what this policy refuses, and nothing shows that it had
    /// stopped when this request came.
    pub may_begin_later: bool,
    /// Whether the origin served this very path in the same minutes or later.
    pub served_since: bool,
    /// Whether something was changed so shortly before that an error of the time before may still
    /// have come from a cache.
    pub just_changed: bool,
    /// The origin access identity with which CloudFront asks.
    pub identity: Option<Box<str>>,
    /// The bucket's name.
    pub bucket: Box<str>,
    /// Its origin, by its name within the distribution.
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
    /// The question for the origin access control, where nobody knows how CloudFront signs.
    pub signing: Option<Question>,
    /// Whether the bucket is asked by its website endpoint.
    pub website: bool,
    /// The state of the key.
    pub key: KeyState,
    /// Whether asking for the object itself told that state, and no listing.
    pub by_head: bool,
    /// What a custom error response makes of another error.
    pub turned: Option<Turned>,
}

/// The page of an error, where a bucket holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorPage {
    /// A bucket has it.
    OfBucket,
    /// A bucket has it and refuses it; the error that it is for.
    Refused(u16),
}

/// What a custom error response makes of another error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turned {
    /// A rule answers 403 in the place of this status.
    Into403(u16),
    /// The page that a rule sends for this status is itself refused.
    PageRefused(u16),
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
    // A tenant may have another bucket or path.
    let tenant = refusal.tenant_id.as_deref().and_then(|id| facts.tenants.get(id)?.known());
    let parameters = tenant.map(|tenant| tenant.parameters.as_slice()).unwrap_or_default();
    let origin = &origin.of_tenant(parameters)?;
    let endpoint = bucket::endpoint(&origin.domain_name)?;
    let bucket = mine.buckets.get(&endpoint.bucket)?;
    let at = refusal.time;
    let control = &origin.origin_access_control_id;
    let names = [endpoint.bucket.as_str(), control.as_str()];
    let mut held = facts.holds(What::Bucket, &names, bucket.policy.read_at, at);
    let others = [
        told_at(&bucket.public_access),
        told_at(&bucket.requester_pays),
        told_at(&bucket.lists_off),
        mine.access_controls.get(control).and_then(told_at),
    ];
    for read_at in others.into_iter().flatten().filter(|_| bucket.policy.is_told()) {
        held = held.max(facts.holds(What::Bucket, &names, read_at, at));
    }
    let key = key::of(&refusal.path, distribution, origin);
    let asks = Asks::of(origin, &endpoint, mine);
    let ask = asking(refusal, mine, distribution, origin, &endpoint, asks == Asks::Signed);
    // CloudTrail keeps the text of a policy that was put, so the one of the moment may be known
    // although another one stands there now.
    let past = (held == Held::Changed && only_policy_changed(facts, &names, at))
        .then(|| past_policy(facts, &endpoint.bucket, at))
        .flatten();
    let grant = match &past {
        Some(past) => {
            held = Held::Holds;
            grant(&ask, past, bucket, &refusal.method, &key)
        }
        None => grant(&ask, &bucket.policy.state, bucket, &refusal.method, &key),
    };
    let in_force = past.as_ref().unwrap_or(&bucket.policy.state);
    let refused = asks::refused(&ask, in_force, &grant, grant::action(&refusal.method), &key);
    // What is read of a policy afterwards shows what became of it.
    let later = bucket.policy.read_at.is_none_or(|read| read > at);
    let today = || grant::grant(&ask, &bucket.policy.state, bucket, &refusal.method, &key);
    let mended =
        past.is_some() && later && grant.refuses() && matches!(today(), Grant::Granted { .. });
    let signed_suffices = refused.is_some() && matches!(asks, Asks::Unsigned(_)) && {
        let ask = asking(refusal, mine, distribution, origin, &endpoint, true);
        let signed = grant::grant(&ask, in_force, bucket, &refusal.method, &key);
        matches!(signed, Grant::Granted { .. })
    };
    let tail = tail(distribution);
    let just_changed = facts.changes().iter().any(|change| {
        let age = at.as_second() - change.at.as_second();
        (0..=tail).contains(&age)
            && (names.iter().any(|name| change.concerns(name)) || change.concerns(&mine.id))
    });
    let encryption = Encryption { facts, mine, at, caller: ask.caller, context: &ask.context };
    let state =
        key::state(refusal, distribution, origin, bucket, &key, tail, |id| encryption.of(id));
    let turned = turned(refusal, facts, mine, distribution);
    let identity = origin.identity().map(Into::into);
    let second = at.as_second();
    let changed = |from: i64, to: i64| {
        facts.changed(What::Bucket, &names, from, to)
            || facts.changed(What::Distribution, &[&mine.id], from, to)
    };
    let contradicted = bucket.witness.contradicts(second, changed);
    let may_begin_later = bucket.witness.may_begin_later(second, changed);
    let path = crate::logs::tally::hash(refusal.path.logged());
    let served_since = mine.served_paths.get(&path).is_some_and(|last| *last > second);
    Some(Met {
        contradicted,
        may_begin_later,
        served_since,
        past: past.is_some(),
        by_head: by_head(bucket, &key, &state),
        grant,
        held,
        just_changed,
        identity,
        bucket: endpoint.bucket.as_str().into(),
        origin: origin.id.as_str().into(),
        asks,
        refused,
        signed_suffices,
        mended,
        being_restored: key::is_being_restored(bucket, &key),
        signing: mine
            .access_controls
            .get(control)
            .filter(|fact| !fact.is_told() && !endpoint.website)
            .map(|fact| fact.question.clone()),
        website: endpoint.website,
        key: state,
        turned,
    })
}

/// Whether a key's state was told by asking for the object itself.
fn by_head(bucket: &BucketFacts, key: &str, state: &KeyState) -> bool {
    let Some(fact) = bucket.heads.get(key) else { return false };
    match state {
        KeyState::Absent { .. } => fact.is_nothing(),
        KeyState::Archived(_) => fact.known().is_some_and(|head| head.archived().is_some()),
        KeyState::Restored => fact.known().is_some_and(bucket::Head::is_restored),
        KeyState::Present => fact.known().is_some(),
        _ => false,
    }
}

const HEAD: &str = "s3api/head-object";
const KEY_POLICY: &str = "kms/get-key-policy";

/// When a fact was read, where it is known.
fn told_at<T>(fact: &Fact<T>) -> Option<Option<Timestamp>> {
    fact.is_told().then_some(fact.read_at)
}

/// Whether all that changed of a bucket since a request is its policy.
fn only_policy_changed(facts: &Facts, names: &[&str], at: Timestamp) -> bool {
    let mut since = facts.changes_of(What::Bucket, names).filter(|change| change.at > at);
    since.all(|change| change.event.contains("BucketPolicy"))
}

/// The origin whose answer the viewer got. In a group that is left on 403 it is the second one's.
pub fn answering<'a>(
    distribution: &'a Distribution,
    behavior: &Behavior,
    method: &str,
    xml: bool,
) -> Option<&'a Origin> {
    let origins = distribution.may_refuse(behavior, method);
    // Left for another error, a group may have got its 403 from either; XML is a bucket's.
    let bucket = origins.iter().find(|origin| is_bucket(origin)).filter(|_| xml);
    let origin = bucket.or(origins.first())?;
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

/// Whether the key of KMS that encrypts an object opens it for CloudFront.
struct Encryption<'a> {
    facts: &'a Facts,
    mine: &'a DistributionFacts,
    at: Timestamp,
    caller: Caller<'a>,
    context: &'a Context,
}

impl Encryption<'_> {
    /// What an object encrypted with this key is to CloudFront; `None` where it can be read.
    fn of(&self, key: &str) -> Option<KeyState> {
        let sealed = |source, why: &str| Some(KeyState::Sealed { source, why: why.into() });
        match self.caller {
            Caller::Oai { .. } => sealed(
                HEAD,
                "the object is encrypted by KMS, which an origin access identity cannot read",
            ),
            Caller::Anonymous => sealed(
                HEAD,
                "the object is encrypted by KMS, which an unsigned request cannot read",
            ),
            Caller::Service(_) => {
                let id = key.rsplit('/').next().unwrap_or(key);
                let policies = &self.mine.key_policies;
                let fact = policies.get(key).or_else(|| policies.get(id));
                // A policy of another moment says nothing of this one.
                let of_then = fact.filter(|fact| {
                    let held = self.facts.holds(What::KeyPolicy, &[key, id], fact.read_at, self.at);
                    held == Held::Holds
                });
                let Some(policy) = of_then.and_then(Fact::known) else {
                    return Some(KeyState::Encrypted(id.into()));
                };
                let request = Request {
                    caller: self.caller,
                    action: "kms:Decrypt",
                    resource: key,
                    context: self.context,
                };
                match policy::evaluate(policy, &request) {
                    Decision::NotGranted | Decision::Denied { .. } => sealed(
                        KEY_POLICY,
                        &format!("the policy of key {id} does not let this distribution decrypt"),
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
    facts: &Facts,
    mine: &DistributionFacts,
    distribution: &Distribution,
) -> Option<Turned> {
    let rules = distribution.config.custom_error_responses.items.iter();
    rules.filter(|rule| rule.error_code != 403).find_map(|rule| {
        if rule.response_code == "403" {
            return Some(Turned::Into403(rule.error_code));
        }
        page_is_refused(refusal, facts, mine, distribution, &rule.response_page_path)
            .then_some(Turned::PageRefused(rule.error_code))
    })
}

/// Whether the page that stands in for an error is itself refused by its bucket.
fn page_is_refused(
    refusal: &Refusal,
    facts: &Facts,
    mine: &DistributionFacts,
    distribution: &Distribution,
    page: &str,
) -> bool {
    let Some(origin) = page_bucket(refusal, distribution, page) else { return false };
    let Some(endpoint) = bucket::endpoint(&origin.domain_name) else { return false };
    let Some(bucket) = mine.buckets.get(&endpoint.bucket) else { return false };
    let names = [endpoint.bucket.as_str(), origin.origin_access_control_id.as_str()];
    let held = facts.holds(What::Bucket, &names, bucket.policy.read_at, refusal.time);
    if held != Held::Holds {
        return false;
    }
    let viewer = crate::viewer::Viewer::new(page.as_bytes());
    let key = key::of(&viewer, distribution, origin);
    let signs = Asks::of(origin, &endpoint, mine) == Asks::Signed;
    let ask = asking(refusal, mine, distribution, origin, &endpoint, signs);
    match grant(&ask, &bucket.policy.state, bucket, "GET", &key) {
        Grant::NotGranted { .. } | Grant::Denied(_) => true,
        Grant::Granted { lists: Some(false) } => key::is_absent(bucket, &key),
        _ => false,
    }
}

/// The bucket that holds the page that stands in for an error, where that page was not what was
/// asked for.
fn page_bucket<'a>(
    refusal: &Refusal,
    distribution: &'a Distribution,
    page: &str,
) -> Option<&'a Origin> {
    if page.is_empty() || refusal.path.sent() == page.as_bytes() {
        return None;
    }
    let behavior = distribution.behavior_for(page.as_bytes());
    answering(distribution, behavior, "GET", false)
}

/// What a bucket has to do with a refusal that came with S3's body, although its behaviour asks no
/// bucket: the page of an error may be one of a bucket, which refused it.
pub fn page_of(
    refusal: &Refusal,
    facts: &Facts,
    mine: &DistributionFacts,
    distribution: &Distribution,
) -> Option<ErrorPage> {
    let rules = &distribution.config.custom_error_responses.items;
    let mut of_buckets = rules
        .iter()
        .filter(|rule| page_bucket(refusal, distribution, &rule.response_page_path).is_some())
        .peekable();
    of_buckets.peek()?;
    let refused = of_buckets
        .filter(|rule| rule.error_code != 403)
        .find(|rule| page_is_refused(refusal, facts, mine, distribution, &rule.response_page_path));
    Some(refused.map_or(ErrorPage::OfBucket, |rule| ErrorPage::Refused(rule.error_code)))
}
