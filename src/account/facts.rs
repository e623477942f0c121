//! The facts of one analysis, asked for once and then plain values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::bucket::{self, AccessControl, Head};
pub use super::bucket_facts::BucketFacts;
use super::bucket_facts::listing;
use super::distribution::{Behavior, Distribution, Origin, Summary};
use super::dns::{self, Name};
pub use super::held::{Held, What};
use super::host_policy::{forwards_host, managed_policy};
use super::sampled::{self, Sampled};
use super::tenant::{Listed, Tenant};
use super::trail::{self, Change};
use super::web_acl::{Logging, WebAcl};
use super::witness::{Refusable, Witness};
use super::{Account, Answer, Fact, KEPT_SIGNATURES, Question, State};
use crate::asked::{self, ASKED};
use crate::limits::PUBLIC_KEYS;
use crate::policy::Policy;
use crate::signature::{PublicKey, Verified};

/// How deep to ask. CloudTrail, DNS and listings are slow and rationed on a live account, so they
/// are asked only where an answer is about to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// What attribution needs.
    Causes,
    /// Also what explains an incident.
    Incident,
}

/// Everything that is known.
#[derive(Clone, Debug)]
pub struct Facts {
    /// All distributions of the account.
    pub summaries: Fact<Vec<Summary>>,
    /// The distributions that the logs are about, by ID.
    pub distributions: BTreeMap<String, DistributionFacts>,
    /// Names in DNS, all zones together; each zone is a fact of its own.
    pub zones: Vec<Fact<Vec<Name>>>,
    /// What was changed.
    pub trail: Fact<Vec<Change>>,
    /// Whether older changes are left out of the trail.
    pub trail_is_cut: bool,
    /// Tenants of multi-tenant distributions, by ID.
    pub tenants: BTreeMap<String, Fact<Tenant>>,
    /// The names of all tenants.
    pub listed_tenants: Fact<Vec<Listed>>,
    /// What became of signatures when they were checked, by their digests.
    pub signatures: BTreeMap<[u8; 32], Verified>,
    /// What a capture kept of signatures that are not in its logs any more, by request id.
    pub kept_signatures: BTreeMap<String, Verified>,
    /// The Hosts that a distribution served over TLS, by its own name, where it served nothing over
    /// plain HTTP.
    pub served_by_tls: BTreeSet<(Box<str>, Box<[u8]>)>,
    /// What origins answered that were asked directly.
    pub asked: asked::Index,
}

/// What is known of one distribution and of what stands behind it.
#[derive(Clone, Debug)]
pub struct DistributionFacts {
    /// Its ID.
    pub id: String,
    /// Its configuration.
    pub distribution: Fact<Distribution>,
    /// The web ACL in front of it; `Nothing` where it has none.
    pub web_acl: Fact<WebAcl>,
    /// What the web ACL logs.
    pub waf_logging: Fact<Logging>,
    /// Requests that the web ACL sampled.
    pub sampled: Fact<Vec<Sampled>>,
    /// Buckets, by name.
    pub buckets: BTreeMap<String, BucketFacts>,
    /// Origin access controls, by ID.
    pub access_controls: BTreeMap<String, Fact<AccessControl>>,
    /// The keys of trusted key groups, by group.
    pub key_groups: BTreeMap<String, Fact<Vec<String>>>,
    /// The public keys of those groups, by ID. What is behind an ID never changes.
    pub public_keys: BTreeMap<String, Fact<PublicKey>>,
    /// Whether policies (origin request and cache) forward the Host, by ID.
    pub host_policies: BTreeMap<String, Fact<bool>>,
    /// The canonical users of origin access identities, by ID.
    pub identities: BTreeMap<String, Fact<String>>,
    /// The policies of keys that encrypt objects, by ARN or ID.
    pub key_policies: BTreeMap<String, Fact<Policy>>,
    /// Names of the account's other distributions.
    pub sibling_names: Vec<String>,
    /// What the origin of each behaviour did, by the behaviour's place.
    pub witnesses: BTreeMap<usize, Witness>,
    /// What the edge let in, although the configuration that was read refuses it.
    pub let_in: BTreeMap<Refusable, Witness>,
    /// Paths that an origin answered with content, by hash, and the last second of it.
    pub served_paths: BTreeMap<u64, i64>,
    /// The origins of the account's other distributions.
    pub siblings: Vec<Origin>,
    /// The web ACLs in front of origins, by the ARN of the resource.
    pub origin_acls: Vec<Fact<Option<WebAcl>>>,
}

impl Facts {
    /// Asks for all that the causes read about these distributions.
    pub fn gather(account: &dyn Account, ids: &[String], tenants: &[String], depth: Depth) -> Self {
        let ask_zone = |zone: String| {
            Fact::ask(account, Question::new("route53/list-resource-record-sets", zone), dns::parse)
        };
        let zones = match depth {
            Depth::Incident => account.subjects("route53/list-resource-record-sets"),
            Depth::Causes => Vec::new(),
        };
        let summaries = summaries(account);
        let mut distributions: BTreeMap<String, DistributionFacts> = ids
            .iter()
            .map(|id| (id.clone(), DistributionFacts::gather(account, id, depth)))
            .collect();
        for (id, mine) in &mut distributions {
            let others = summaries.known().into_iter().flatten().filter(|other| other.id != *id);
            for other in others {
                mine.siblings.extend(other.origins.items.iter().cloned());
                mine.sibling_names.push(other.domain_name.to_ascii_lowercase());
                mine.sibling_names.extend(other.aliases.items.iter().cloned());
            }
        }
        let tenants: BTreeMap<String, Fact<Tenant>> = tenants
            .iter()
            .map(|id| {
                let question = Question::new("cloudfront/get-distribution-tenant", id.as_str());
                (id.clone(), Fact::ask(account, question, Tenant::parse))
            })
            .collect();
        for mine in distributions.values_mut() {
            for tenant in tenants.values().filter_map(Fact::known) {
                mine.gather_buckets_of(account, tenant, depth);
            }
        }
        let mut trail_is_cut = false;
        let trail = deep(account, depth, Question::all("cloudtrail/lookup-events"), |answer| {
            trail_is_cut = trail::is_cut(&answer);
            trail::parse(answer)
        });
        Self {
            summaries,
            distributions,
            trail_is_cut,
            zones: zones.into_iter().map(ask_zone).collect(),
            trail,
            listed_tenants: Fact::ask(
                account,
                Question::all("cloudfront/list-distribution-tenants"),
                Listed::parse,
            ),
            tenants,
            signatures: BTreeMap::new(),
            kept_signatures: kept_signatures(account),
            served_by_tls: BTreeSet::new(),
            asked: answers(account),
        }
    }
}

/// A key of a bucket behind a distribution.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The distribution.
    pub distribution: String,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
}

impl Facts {
    /// Asks about single keys: what begins with them, and what they are themselves.
    pub fn ask_about(&mut self, account: &dyn Account, keys: &[Key]) {
        for Key { distribution, bucket, key } in keys {
            let Some(mine) = self.distributions.get_mut(distribution) else { continue };
            let Some(known) = mine.buckets.get_mut(bucket) else { continue };
            let about = |operation| Question::new(operation, format!("{bucket}/{key}"));
            let listing = listing(account, about("s3api/list-objects-v2"), key);
            let head = Fact::ask(account, about("s3api/head-object"), Head::parse);
            known.listings.extend((listing.state != State::Unasked).then_some(listing));
            if head.state != State::Unasked {
                known.heads.insert(key.clone(), head);
            }
            // A key that encrypts an object is known by the object alone.
            mine.gather_key_policies(account);
        }
    }
}

/// All distributions of the account.
pub fn summaries(account: &dyn Account) -> Fact<Vec<Summary>> {
    Fact::ask(account, Question::all("cloudfront/list-distributions"), Summary::parse)
}

fn deep<T>(
    account: &dyn Account,
    depth: Depth,
    question: Question,
    parse: impl FnOnce(Value) -> Result<T, String>,
) -> Fact<T> {
    match depth {
        Depth::Incident => Fact::ask(account, question, parse),
        Depth::Causes => Fact::unasked(question),
    }
}

/// The ID at the end of a web ACL's ARN, by which AWS's commands name it.
pub fn acl_id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

impl DistributionFacts {
    fn gather(account: &dyn Account, id: &str, depth: Depth) -> Self {
        let distribution: Fact<Distribution> = Fact::ask(
            account,
            Question::new("cloudfront/get-distribution", id),
            Distribution::parse,
        );
        let mut facts = Self {
            id: id.to_owned(),
            web_acl: Fact::unasked(Question::all("wafv2/get-web-acl")),
            waf_logging: Fact::unasked(Question::all("wafv2/get-logging-configuration")),
            sampled: Fact::unasked(Question::all("wafv2/get-sampled-requests")),
            buckets: BTreeMap::new(),
            access_controls: BTreeMap::new(),
            key_groups: BTreeMap::new(),
            public_keys: BTreeMap::new(),
            host_policies: BTreeMap::new(),
            identities: BTreeMap::new(),
            key_policies: BTreeMap::new(),
            sibling_names: Vec::new(),
            witnesses: BTreeMap::new(),
            let_in: BTreeMap::new(),
            served_paths: BTreeMap::new(),
            siblings: Vec::new(),
            origin_acls: Vec::new(),
            distribution,
        };
        let Some(distribution) = facts.distribution.known().cloned() else { return facts };
        match distribution.web_acl() {
            Some(arn) => facts.gather_acl(account, arn),
            None => facts.web_acl.state = State::Nothing,
        }
        for origin in &distribution.config.origins.items {
            facts.gather_bucket(account, &origin.domain_name, depth);
            if let Some(id) = origin.identity() {
                facts.identities.entry(id.to_owned()).or_insert_with(|| {
                    let question =
                        Question::new("cloudfront/get-cloud-front-origin-access-identity", id);
                    Fact::ask(account, question, canonical_user)
                });
            }
            let control = &origin.origin_access_control_id;
            if !control.is_empty() {
                facts.access_controls.entry(control.clone()).or_insert_with(|| {
                    let question = Question::new("cloudfront/get-origin-access-control", control);
                    Fact::ask(account, question, AccessControl::parse)
                });
            }
        }
        for behavior in distribution.behaviors() {
            facts.gather_behavior(account, behavior);
        }
        facts.gather_public_keys(account, &distribution);
        facts.gather_key_policies(account);
        for resource in account.subjects("wafv2/get-web-acl-for-resource") {
            let question = Question::new("wafv2/get-web-acl-for-resource", resource);
            facts.origin_acls.push(Fact::ask(account, question, |answer| {
                // Where there is none, AWS answers an empty object.
                answer.get("WebACL").is_some().then(|| WebAcl::parse(answer.clone())).transpose()
            }));
        }
        facts
    }

    /// Asks for the public keys that may sign.
    fn gather_public_keys(&mut self, account: &dyn Account, distribution: &Distribution) {
        let active = distribution.active_trusted_key_groups.iter();
        let active = active.flat_map(|keys| &keys.items).flat_map(|one| &one.key_pair_ids.items);
        let of_groups = self.key_groups.values().filter_map(Fact::known).flatten();
        let ids: BTreeSet<&String> = of_groups.chain(active).collect();
        let asked = ids.into_iter().take(PUBLIC_KEYS).map(|id| {
            let question = Question::new("cloudfront/get-public-key", id.as_str());
            (id.clone(), Fact::ask(account, question, |answer| public_key(id, &answer)))
        });
        self.public_keys = asked.collect();
    }

    fn gather_key_policies(&mut self, account: &dyn Account) {
        for key in account.subjects("kms/get-key-policy") {
            self.key_policies.entry(key).or_insert_with_key(|key| {
                let question = Question::new("kms/get-key-policy", key.as_str());
                Fact::ask(account, question, read_policy)
            });
        }
    }

    /// Asks about the bucket behind a domain name, if there is one.
    fn gather_bucket(&mut self, account: &dyn Account, domain: &str, depth: Depth) {
        let Some(endpoint) = bucket::endpoint(domain).filter(|_| !domain.contains("{{")) else {
            return;
        };
        let name = &endpoint.bucket;
        let gather = || BucketFacts::gather(account, name, depth);
        self.buckets.entry(name.clone()).or_insert_with(gather);
    }

    /// Asks about the buckets that a tenant has in the place of the distribution's.
    fn gather_buckets_of(&mut self, account: &dyn Account, tenant: &Tenant, depth: Depth) {
        let Some(distribution) = self.distribution.known() else { return };
        let origins = distribution.config.origins.items.iter();
        let filled = origins.filter(|origin| origin.domain_name.contains("{{"));
        let filled = filled.filter_map(|origin| origin.of_tenant(&tenant.parameters));
        let domains: Vec<String> = filled.map(|origin| origin.domain_name).collect();
        for domain in domains {
            self.gather_bucket(account, &domain, depth);
        }
    }

    /// Asks about the web ACL in front of the distribution.
    fn gather_acl(&mut self, account: &dyn Account, arn: &str) {
        // WAF's ID for ARNs of today, the whole ID for WAF Classic.
        let about = acl_id(arn);
        let acl = Question::new("wafv2/get-web-acl", about).named(arn);
        self.web_acl = Fact::ask(account, acl, WebAcl::parse);
        let logging = Question::new("wafv2/get-logging-configuration", about).named(arn);
        self.waf_logging = Fact::ask(account, logging, Logging::parse);
        let samples = Question::new("wafv2/get-sampled-requests", about).named(arn);
        self.sampled = Fact::ask(account, samples, sampled::parse);
    }

    fn gather_behavior(&mut self, account: &dyn Account, behavior: &Behavior) {
        for group in behavior.trusted_key_groups.items.iter().filter(|_| behavior.is_signed()) {
            self.key_groups.entry(group.clone()).or_insert_with(|| {
                let question = Question::new("cloudfront/get-key-group", group);
                Fact::ask(account, question, key_group)
            });
        }
        let request = &behavior.origin_request_policy_id;
        if !request.is_empty() {
            self.host_policies.entry(request.clone()).or_insert_with(|| {
                let question = Question::new("cloudfront/get-origin-request-policy", request);
                Fact::ask(account, question, |answer| {
                    forwards_host(&answer, "/OriginRequestPolicy/OriginRequestPolicyConfig")
                })
            });
        }
        let cache = &behavior.cache_policy_id;
        if !cache.is_empty() {
            self.host_policies.entry(cache.clone()).or_insert_with(|| {
                let question = Question::new("cloudfront/get-cache-policy", cache);
                let path =
                    "/CachePolicy/CachePolicyConfig/ParametersInCacheKeyAndForwardedToOrigin";
                Fact::ask(account, question, |answer| forwards_host(&answer, path))
            });
        }
    }

    /// The policies of a behaviour that are not AWS's own, by ID.
    pub fn policies_of<'a>(
        &'a self,
        behavior: &'a Behavior,
    ) -> impl Iterator<Item = (&'a str, &'a Fact<bool>)> {
        let ids = [behavior.origin_request_policy_id.as_str(), behavior.cache_policy_id.as_str()];
        let own = ids.into_iter().filter(|id| managed_policy(id).is_none());
        own.filter_map(|id| Some((id, self.host_policies.get(id)?)))
    }

    /// The questions for those policies of a behaviour of which it is not known whether they send
    /// the viewer's Host.
    pub fn unknown_policies(&self, behavior: &Behavior) -> Vec<Question> {
        let facts = self.policies_of(behavior).map(|(_, fact)| fact);
        facts.filter(|fact| !fact.is_told()).map(|fact| fact.question.clone()).collect()
    }

    /// Whether a policy, by its ID, sends the viewer's Host to the origin.
    pub fn policy_sends_host(&self, id: &str) -> Option<bool> {
        managed_policy(id).or_else(|| self.host_policies.get(id)?.known().copied())
    }

    /// Whether a behaviour sends the viewer's Host to its origin.
    pub fn forwards_host(&self, behavior: &Behavior) -> Option<bool> {
        if let Some(values) = &behavior.forwarded_values {
            let mut headers = values.headers.items.iter();
            return Some(headers.any(|name| name == "*" || name.eq_ignore_ascii_case("host")));
        }
        let by = |id: &str| if id.is_empty() { Some(false) } else { self.policy_sends_host(id) };
        match (by(&behavior.origin_request_policy_id), by(&behavior.cache_policy_id)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        }
    }
}

pub(super) fn read_policy(answer: Value) -> Result<Policy, String> {
    Policy::parse(&bucket::policy_text(answer)?).map_err(|error| error.to_string())
}

fn canonical_user(answer: Value) -> Result<String, String> {
    let user = answer.pointer("/CloudFrontOriginAccessIdentity/S3CanonicalUserId");
    let user = user.and_then(Value::as_str).ok_or("no `S3CanonicalUserId` in it")?;
    Ok(user.to_owned())
}

fn public_key(id: &str, answer: &Value) -> Result<PublicKey, String> {
    let key = answer.get("PublicKey").ok_or("no `PublicKey` in it")?;
    if key.get("Id").and_then(Value::as_str).is_some_and(|other| other != id) {
        return Err("it is of another key".to_owned());
    }
    let text = key.pointer("/PublicKeyConfig/EncodedKey").and_then(Value::as_str);
    let key = PublicKey::from_pem(text.ok_or("no `EncodedKey` in it")?);
    key.ok_or_else(|| "a key that is neither RSA nor ECDSA on P-256".to_owned())
}

/// What origins answered that were asked directly.
fn answers(account: &dyn Account) -> asked::Index {
    match account.ask(&Question::all(ASKED)).0 {
        Answer::Said(value) => asked::Index::parse(&value),
        _ => asked::Index::default(),
    }
}

/// What a bundle keeps of signatures that it has no more.
fn kept_signatures(account: &dyn Account) -> BTreeMap<String, Verified> {
    let (Answer::Said(Value::Object(kept)), _) = account.ask(&Question::all(KEPT_SIGNATURES))
    else {
        return BTreeMap::new();
    };
    let kept = kept.into_iter();
    kept.filter_map(|(id, outcome)| Some((id, Verified::of_id(outcome.as_str()?)?))).collect()
}

fn key_group(answer: Value) -> Result<Vec<String>, String> {
    let items = answer
        .pointer("/KeyGroup/KeyGroupConfig/Items")
        .and_then(Value::as_array)
        .ok_or("no `KeyGroupConfig.Items` in it")?;
    Ok(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}
