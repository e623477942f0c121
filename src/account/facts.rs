//! The facts of one analysis, asked for once and then plain values.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::bucket::{self, AccessControl, Listing, PublicAccessBlock};
use super::distribution::{Behavior, Distribution, Summary};
use super::dns::{self, Name};
use super::trail::{self, Change};
use super::web_acl::{Logging, WebAcl};
use super::{Account, Fact, Question, State};
use crate::policy::Policy;

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
    /// Buckets, by name.
    pub buckets: BTreeMap<String, BucketFacts>,
    /// Origin access controls, by ID.
    pub access_controls: BTreeMap<String, Fact<AccessControl>>,
    /// The keys of trusted key groups, by group.
    pub key_groups: BTreeMap<String, Fact<Vec<String>>>,
    /// Whether origin request policies forward the Host, by ID.
    pub request_policies: BTreeMap<String, Fact<bool>>,
}

/// What is known of one bucket.
#[derive(Clone, Debug)]
pub struct BucketFacts {
    /// Its policy.
    pub policy: Fact<Policy>,
    /// Its public access block.
    pub public_access: Fact<PublicAccessBlock>,
    /// Its keys.
    pub listing: Fact<Listing>,
    /// Whether the origin served keys that the listing lacks, so that the listing may be that of
    /// another bucket or moment.
    pub listing_doubted: bool,
}

impl Facts {
    /// Asks for all that the causes read about these distributions.
    pub fn gather(account: &dyn Account, ids: &[String], depth: Depth) -> Self {
        let ask_zone = |zone: String| {
            Fact::ask(account, Question::new("route53/list-resource-record-sets", zone), dns::parse)
        };
        let zones = match depth {
            Depth::Incident => account.subjects("route53/list-resource-record-sets"),
            Depth::Causes => Vec::new(),
        };
        Self {
            summaries: summaries(account),
            distributions: ids
                .iter()
                .map(|id| (id.clone(), DistributionFacts::gather(account, id, depth)))
                .collect(),
            zones: zones.into_iter().map(ask_zone).collect(),
            trail: deep(account, depth, Question::all("cloudtrail/lookup-events"), trail::parse),
        }
    }

    /// Every change that is known, in its order in time.
    pub fn changes(&self) -> &[Change] {
        self.trail.known().map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether what was read of something at `read_at` still holds for a request at `at`.
    pub fn holds(&self, names: &[&str], read_at: Option<Timestamp>, at: Timestamp) -> Held {
        let concerned = |change: &&Change| names.iter().any(|name| change.concerns(name));
        let mut changes = self.changes().iter().filter(concerned);
        match read_at {
            // Read before the request: a change in between makes it the past. Without a trail
            // nobody can say that there was none.
            Some(read_at) if read_at < at => {
                if changes.any(|change| change.at > read_at && change.at <= at) {
                    Held::Changed
                } else if self.trail.is_told() {
                    Held::Holds
                } else {
                    Held::Unsure
                }
            }
            _ => {
                let until = read_at.unwrap_or(Timestamp::MAX);
                if changes.any(|change| change.at > at && change.at <= until) {
                    Held::Changed
                } else {
                    Held::Holds
                }
            }
        }
    }
}

/// Whether a fact holds for a moment other than the one at which it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Held {
    /// It does.
    Holds,
    /// It was read before, and nobody knows what happened in between.
    Unsure,
    /// It was changed in between.
    Changed,
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
            buckets: BTreeMap::new(),
            access_controls: BTreeMap::new(),
            key_groups: BTreeMap::new(),
            request_policies: BTreeMap::new(),
            distribution,
        };
        let Some(distribution) = facts.distribution.known().cloned() else { return facts };
        match distribution.web_acl() {
            Some(arn) => {
                let about = acl_question(arn);
                facts.web_acl =
                    Fact::ask(account, Question::new("wafv2/get-web-acl", &about), WebAcl::parse);
                let logging = Question::new("wafv2/get-logging-configuration", about);
                facts.waf_logging = Fact::ask(account, logging, Logging::parse);
            }
            None => facts.web_acl.state = State::Nothing,
        }
        for origin in &distribution.config.origins.items {
            if let Some(endpoint) = bucket::endpoint(&origin.domain_name) {
                facts
                    .buckets
                    .entry(endpoint.bucket.clone())
                    .or_insert_with(|| BucketFacts::gather(account, &endpoint.bucket, depth));
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
        facts
    }

    fn gather_behavior(&mut self, account: &dyn Account, behavior: &Behavior) {
        for group in behavior.trusted_key_groups.items.iter().filter(|_| behavior.is_signed()) {
            self.key_groups.entry(group.clone()).or_insert_with(|| {
                let question = Question::new("cloudfront/get-key-group", group);
                Fact::ask(account, question, key_group)
            });
        }
        let policy = &behavior.origin_request_policy_id;
        if !policy.is_empty() {
            self.request_policies.entry(policy.clone()).or_insert_with(|| {
                let question = Question::new("cloudfront/get-origin-request-policy", policy);
                Fact::ask(account, question, forwards_host)
            });
        }
    }
}

impl BucketFacts {
    fn gather(account: &dyn Account, name: &str, depth: Depth) -> Self {
        let about = |operation| Question::new(operation, name);
        Self {
            policy: Fact::ask(account, about("s3api/get-bucket-policy"), |answer| {
                Policy::parse(&bucket::policy_text(answer)?).map_err(|error| error.to_string())
            }),
            public_access: Fact::ask(
                account,
                about("s3api/get-public-access-block"),
                bucket::public_access_block,
            ),
            listing: deep(account, depth, about("s3api/list-objects-v2"), Listing::parse),
            listing_doubted: false,
        }
    }
}

/// WAF's ID for ARNs of today, the whole ID for WAF Classic.
fn acl_question(arn: &str) -> String {
    acl_id(arn).to_owned()
}

fn key_group(answer: Value) -> Result<Vec<String>, String> {
    let items = answer
        .pointer("/KeyGroup/KeyGroupConfig/Items")
        .and_then(Value::as_array)
        .ok_or("no `KeyGroupConfig.Items` in it")?;
    Ok(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Whether an origin request policy sends the viewer's Host to the origin.
fn forwards_host(answer: Value) -> Result<bool, String> {
    let headers = answer
        .pointer("/OriginRequestPolicy/OriginRequestPolicyConfig/HeadersConfig")
        .ok_or("no `HeadersConfig` in it")?;
    let named = headers
        .pointer("/Headers/Items")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .any(|name| name.eq_ignore_ascii_case("host"));
    match headers.get("HeaderBehavior").and_then(Value::as_str) {
        Some("allViewer" | "allViewerAndWhitelistCloudFront") => Ok(true),
        Some("whitelist") => Ok(named),
        Some("allExcept") => Ok(!named),
        Some("none") => Ok(false),
        _ => Err("no `HeaderBehavior` that is known".to_owned()),
    }
}
