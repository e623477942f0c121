//! A live account, read-only.
//!
//! Each answer of an SDK is put into the form that the CLI prints, as far as it is read, so that
//! everything behind [`Account`] has one shape to know. What AWS refuses is an answer too. Answers
//! are kept for a few minutes, in the warm function and on a shelf for all functions.

#![expect(
    clippy::disallowed_methods,
    reason = "a live answer has the time of its reading: this is one of the ends"
)]

mod accounts;
mod buckets;
mod changes;
mod cloudfront;
mod deliveries;
mod origins;
mod role;
mod shelf;
mod tenants;
mod waf;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_config::{Region, SdkConfig};
use aws_sdk_cloudtrail::types::LookupAttributeKey;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use changes::LookUp;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::runtime::Handle;

pub use accounts::Accounts;
pub use buckets::Stored;
use role::Role;
pub use shelf::Shelf;

use super::{Account, Answer, Question, bucket, is_of_aws};

/// How long an answer is kept. A change of the configuration is seen after that at the latest.
const KEPT: Duration = Duration::from_secs(180);

/// How long an error is kept that may pass: throttling must not become a fact.
const KEPT_ERROR: Duration = Duration::from_secs(20);

/// Answers that are kept.
const KEPT_ANSWERS: usize = 10_000;

/// How far back changes are looked up. Whoever looks at an older incident says so.
const CHANGES: SignedDuration = SignedDuration::from_hours(24);

/// The Region in which CloudFront, its web ACLs, its deliveries and their changes are asked about.
const GLOBAL: &str = "us-east-1";

/// The clients. CloudFront and what belongs to it live in us-east-1, wherever the function runs;
/// buckets, load balancers and keys live where they live.
#[derive(Clone, Debug)]
pub struct Clients {
    cloudfront: aws_sdk_cloudfront::Client,
    waf: aws_sdk_wafv2::Client,
    cloudtrail: aws_sdk_cloudtrail::Client,
    route53: aws_sdk_route53::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    elb: aws_sdk_elasticloadbalancingv2::Client,
    kms: aws_sdk_kms::Client,
    s3: aws_sdk_s3::Client,
}

impl Clients {
    /// The clients of one configuration.
    pub fn new(config: &SdkConfig) -> Self {
        let global = config.to_builder().region(Region::new(GLOBAL)).build();
        Self {
            cloudfront: aws_sdk_cloudfront::Client::new(&global),
            waf: aws_sdk_wafv2::Client::new(&global),
            cloudtrail: aws_sdk_cloudtrail::Client::new(&global),
            route53: aws_sdk_route53::Client::new(&global),
            logs: aws_sdk_cloudwatchlogs::Client::new(&global),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(&global),
            kms: aws_sdk_kms::Client::new(&global),
            s3: s3_client(config),
        }
    }
}

/// The client for buckets. An endpoint that is an address knows no bucket in its name.
pub fn s3_client(config: &SdkConfig) -> aws_sdk_s3::Client {
    let named = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
    let local = named.iter().any(|name| std::env::var(name).is_ok_and(|url| !url.is_empty()));
    let builder = aws_sdk_s3::config::Builder::from(config).force_path_style(local);
    aws_sdk_s3::Client::from_conf(builder.build())
}

/// What may be asked besides settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Whether single objects may be asked about, which needs the right to read them.
    pub heads: bool,
    /// Since when changes are looked up, where that is not the last day.
    pub since: Option<Timestamp>,
}

/// One account.
struct LiveAccount {
    access: Access,
    handle: Handle,
    reach: Reach,
    shelf: Option<Arc<dyn Shelf>>,
    known: Mutex<Known>,
}

/// As whom an account is asked.
enum Access {
    /// With the credentials that we have.
    Own(Box<Clients>),
    /// By a role.
    Role(Box<Role>),
}

#[derive(Default)]
struct Known {
    answers: HashMap<Question, Kept>,
    /// The ARNs of web ACLs, by the ID at their end: AWS asks for more than that.
    acls: HashMap<String, String>,
    /// Buckets that are origins, with their Regions where an origin's name tells them.
    buckets: BTreeMap<String, Option<String>>,
    /// The names of load balancers that are origins.
    balancers: BTreeSet<String>,
    /// The names of distributions.
    names: BTreeSet<String>,
    /// Keys that encrypt objects.
    keys: BTreeSet<String>,
    /// Answers that are not yet where others look for them, by their names.
    unshared: Vec<(String, Vec<u8>)>,
    /// What was read before it says nothing of the requests that are looked at.
    least: Timestamp,
}

struct Kept {
    answer: Answer,
    read: Instant,
    read_at: Timestamp,
}

impl LiveAccount {
    /// An account. `handle` is the runtime on which its clients run; questions are asked from
    /// threads that may block. The shelf holds what other functions were told.
    fn new(access: Access, handle: Handle, reach: Reach, shelf: Option<Arc<dyn Shelf>>) -> Self {
        Self { access, handle, reach, shelf, known: Mutex::default() }
    }

    fn clients(&self) -> Result<Clients, Answer> {
        match &self.access {
            Access::Own(clients) => Ok(clients.as_ref().clone()),
            Access::Role(role) => self.handle.block_on(role.clients()),
        }
    }

    fn role(&self) -> Option<&Role> {
        match &self.access {
            Access::Own(_) => None,
            Access::Role(role) => Some(role),
        }
    }

    /// The objects of a log bucket below a prefix, as far as so many go.
    fn stored(&self, bucket: &str, prefix: &str, most: usize) -> Result<Vec<Stored>, Answer> {
        let s3 = self.clients()?.s3;
        self.handle.block_on(buckets::stored(&s3, bucket, prefix, most))
    }

    /// The bytes of one object of a log bucket.
    fn bytes(&self, bucket: &str, key: &str) -> Result<Vec<u8>, Answer> {
        let s3 = self.clients()?.s3;
        self.handle.block_on(buckets::bytes(&s3, bucket, key))
    }

    /// Forgets what was read before a moment, since it says nothing of a later request.
    fn forget_before(&self, moment: Timestamp) {
        let mut known = self.known();
        known.answers.retain(|_, kept| kept.read_at >= moment);
        known.least = moment;
    }

    /// Notes where a web ACL is, so that it can be asked about by its ID.
    fn note_acl(&self, arn: &str) {
        let id = super::facts::acl_id(arn).to_owned();
        self.known().acls.insert(id, arn.to_owned());
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        // A thread that panicked while it held the lock left whole answers behind.
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn fetch(&self, clients: &Clients, question: &Question) -> Answer {
        let about = question.about.as_str();
        let Clients { cloudfront, waf, logs, route53, s3, kms, .. } = clients;
        match question.operation {
            "cloudfront/get-distribution" => cloudfront::distribution(cloudfront, about).await,
            "cloudfront/list-distributions" => cloudfront::distributions(cloudfront).await,
            "cloudfront/get-origin-access-control" => {
                cloudfront::access_control(cloudfront, about).await
            }
            "cloudfront/get-key-group" => cloudfront::key_group(cloudfront, about).await,
            "cloudfront/get-public-key" => cloudfront::public_key(cloudfront, about).await,
            "cloudfront/get-origin-request-policy" => {
                cloudfront::origin_request_policy(cloudfront, about).await
            }
            "cloudfront/get-cache-policy" => tenants::cache_policy(cloudfront, about).await,
            "cloudfront/get-cloud-front-origin-access-identity" => {
                tenants::identity(cloudfront, about).await
            }
            "cloudfront/list-distribution-tenants" => tenants::list(cloudfront).await,
            "cloudfront/get-distribution-tenant" => tenants::tenant(cloudfront, about).await,
            "cloudfront/get-realtime-log-config" => tenants::realtime(cloudfront, about).await,
            "cloudfront/list-realtime-log-configs" => tenants::realtime_list(cloudfront).await,
            "logs/describe-deliveries" => deliveries::deliveries(logs).await,
            "logs/describe-delivery-sources" => deliveries::sources(logs).await,
            "logs/describe-delivery-destinations" => deliveries::destinations(logs).await,
            "wafv2/get-web-acl" => match self.acl(about) {
                Some(arn) => waf::web_acl(waf, &arn).await,
                None => Answer::Unasked,
            },
            "wafv2/get-logging-configuration" => match self.acl(about) {
                Some(arn) => waf::logging(waf, &arn).await,
                None => Answer::Unasked,
            },
            "wafv2/get-web-acl-for-resource" => origins::web_acl(waf, about).await,
            "elbv2/describe-load-balancers" => self.load_balancers(clients).await,
            "kms/get-key-policy" => origins::key_policy(kms, about).await,
            "cloudtrail/lookup-events" => self.changes(clients).await,
            "route53/list-hosted-zones" => changes::zones(route53).await,
            "route53/list-resource-record-sets" => changes::records(route53, about).await,
            operation if operation.starts_with("s3api/") => self.of_bucket(s3, question).await,
            _ => Answer::Unasked,
        }
    }

    async fn of_bucket(&self, s3: &aws_sdk_s3::Client, question: &Question) -> Answer {
        let about = question.about.as_str();
        let (name, key) = match about.split_once('/') {
            Some((name, key)) => (name, Some(key)),
            None => (about, None),
        };
        let region = self.known().buckets.get(name).cloned().flatten();
        match (question.operation, key) {
            ("s3api/get-bucket-policy", None) => buckets::policy(s3, name, region).await,
            ("s3api/get-public-access-block", None) => {
                buckets::public_access(s3, name, region).await
            }
            ("s3api/get-bucket-request-payment", None) => {
                buckets::request_payment(s3, name, region).await
            }
            ("s3api/get-bucket-ownership-controls", None) => {
                buckets::ownership(s3, name, region).await
            }
            ("s3api/list-objects-v2", key) => buckets::listing(s3, name, key, region).await,
            ("s3api/head-object", Some(key)) if self.reach.heads => {
                buckets::head(s3, name, key, region).await
            }
            _ => Answer::Unasked,
        }
    }

    /// The load balancers of the Regions in which origins have one.
    async fn load_balancers(&self, clients: &Clients) -> Answer {
        let names = self.known().balancers.clone();
        let regions: BTreeSet<String> =
            names.iter().filter_map(|name| origins::region_of_name(name)).collect();
        if regions.is_empty() {
            return Answer::Unasked;
        }
        let mut all = Vec::new();
        for region in regions {
            match origins::load_balancers(&clients.elb, &region).await {
                Ok(some) => all.extend(some),
                Err(answer) => return answer,
            }
        }
        // What is no origin is nobody's business here.
        all.retain(|one| {
            let name = one.get("DNSName").and_then(Value::as_str).unwrap_or_default();
            names.contains(&name.to_ascii_lowercase())
        });
        Answer::Said(json!({ "LoadBalancers": all }))
    }

    /// The changes of CloudFront, of its web ACLs, and of the buckets behind it.
    async fn changes(&self, clients: &Clients) -> Answer {
        let buckets = self.known().buckets.clone();
        let by_source =
            |value| LookUp { by: LookupAttributeKey::EventSource, value, region: Some(GLOBAL) };
        let mut look_ups =
            vec![by_source("cloudfront.amazonaws.com"), by_source("wafv2.amazonaws.com")];
        look_ups.extend(buckets.iter().map(|(name, region)| LookUp {
            by: LookupAttributeKey::ResourceName,
            value: name,
            region: region.as_deref(),
        }));
        let since = self.reach.since.unwrap_or_else(Timestamp::now);
        let since = since.checked_sub(CHANGES).unwrap_or(since);
        changes::events(&clients.cloudtrail, &look_ups, since).await
    }

    /// Keeps an answer until it is too old, whoever got it.
    fn keep(&self, question: &Question, answer: &Answer, read_at: Timestamp) {
        let age = Timestamp::now().duration_since(read_at).unsigned_abs();
        let Some(read) = Instant::now().checked_sub(age) else { return };
        let mut known = self.known();
        if known.answers.len() >= KEPT_ANSWERS {
            known.answers.clear();
        }
        known.answers.insert(question.clone(), Kept { answer: answer.clone(), read, read_at });
    }

    fn acl(&self, id: &str) -> Option<String> {
        self.known().acls.get(id).cloned()
    }

    /// Keeps what later questions need of an answer, whoever got it.
    fn learn_from(&self, question: &Question, answer: &Answer) {
        let Answer::Said(said) = answer else { return };
        match question.operation {
            "cloudfront/get-distribution" => self.learn(said),
            "s3api/head-object" => {
                let key = said.get("SSEKMSKeyId").and_then(Value::as_str);
                self.known().keys.extend(key.map(str::to_owned));
            }
            _ => {}
        }
    }

    /// Keeps what later questions need: where the web ACL, the buckets and the load balancers are,
    /// and by which names people know the distribution.
    fn learn(&self, distribution: &Value) {
        let config = distribution.pointer("/Distribution/DistributionConfig");
        let arn = config.and_then(|config| config.get("WebACLId")).and_then(Value::as_str);
        if let Some(arn) = arn.filter(|arn| !arn.is_empty()) {
            self.note_acl(arn);
        }
        let items = |path| {
            let items = config.and_then(|config| config.pointer(path));
            items.and_then(Value::as_array).into_iter().flatten()
        };
        let mut known = self.known();
        let names = items("/Aliases/Items").filter_map(Value::as_str);
        known.names.extend(names.map(str::to_ascii_lowercase));
        for origin in items("/Origins/Items") {
            let Some(domain) = origin.get("DomainName").and_then(Value::as_str) else { continue };
            if let Some(endpoint) = bucket::endpoint(domain) {
                let region = buckets::region_of(domain);
                if known.buckets.insert(endpoint.bucket, region).is_none() {
                    // The changes of this one were not looked up yet.
                    known.answers.remove(&Question::all("cloudtrail/lookup-events"));
                }
            } else if origins::region_of_name(domain).is_some() {
                known.balancers.insert(domain.to_ascii_lowercase());
            }
        }
    }

    /// What one of AWS's lists names, asked once for all that is then asked singly.
    fn listed(&self, operation: &'static str, list: &str, name: &str) -> Vec<(String, Value)> {
        let (answer, _) = self.ask(&Question::all(operation));
        let Answer::Said(answer) = answer else { return Vec::new() };
        let items = answer.pointer(list).and_then(Value::as_array).into_iter().flatten();
        let named = items.filter_map(|item| {
            let name = item.get(name).and_then(Value::as_str)?;
            Some((name.to_owned(), item.clone()))
        });
        named.collect()
    }

    /// The zones in which names of the distributions may stand.
    fn zones(&self) -> Vec<String> {
        let names = self.known().names.clone();
        if names.is_empty() {
            return Vec::new();
        }
        let zones = self.listed("route53/list-hosted-zones", "/HostedZones", "Id");
        let holds = |zone: &Value| {
            let zone = zone.get("Name").and_then(Value::as_str).unwrap_or_default();
            let zone = zone.strip_suffix('.').unwrap_or(zone).to_ascii_lowercase();
            let below = |name: &String| {
                name.strip_suffix(&zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            };
            !zone.is_empty() && names.iter().any(below)
        };
        zones.into_iter().filter(|(_, zone)| holds(zone)).map(|(id, _)| id).collect()
    }
}

impl Account for LiveAccount {
    fn ask(&self, question: &Question) -> (Answer, Option<Timestamp>) {
        // What only a bundle says of itself is nowhere to be looked for.
        if !is_of_aws(question.operation) {
            return (Answer::Unasked, None);
        }
        if let Some(kept) = self.known().answers.get(question) {
            let lasts = match kept.answer {
                Answer::Unreadable(_) => KEPT_ERROR,
                _ => KEPT,
            };
            if kept.read.elapsed() < lasts {
                return (kept.answer.clone(), Some(kept.read_at));
            }
        }
        if let Some(refused) = self.role().and_then(Role::refused) {
            return (refused, Some(Timestamp::now()));
        }
        if let Some((answer, read_at)) = self.shelved(question) {
            self.learn_from(question, &answer);
            self.keep(question, &answer, read_at);
            return (answer, Some(read_at));
        }
        // An answer holds from before it was asked for: a change in between may be in it or not.
        let read_at = Timestamp::now();
        let answer = match self.clients() {
            Ok(clients) => self.handle.block_on(self.fetch(&clients, question)),
            // The role remembers for itself that it cannot be assumed.
            Err(refused) => return (refused, Some(read_at)),
        };
        if answer == Answer::Unasked {
            return (answer, None);
        }
        self.learn_from(question, &answer);
        // That AWS could not be asked may have taken longer than it is kept.
        let since = match answer {
            Answer::Unreadable(_) => Timestamp::now(),
            _ => read_at,
        };
        self.keep(question, &answer, since);
        self.shelve(question, &answer, read_at);
        (answer, Some(read_at))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn subjects(&self, operation: &'static str) -> Vec<String> {
        match operation {
            "cloudfront/get-realtime-log-config" => {
                let list = "cloudfront/list-realtime-log-configs";
                let configs = self.listed(list, "/RealtimeLogConfigs/Items", "Name");
                configs.into_iter().map(|(name, _)| name).collect()
            }
            "route53/list-resource-record-sets" => self.zones(),
            "wafv2/get-web-acl-for-resource" => {
                let list = "elbv2/describe-load-balancers";
                let all = self.listed(list, "/LoadBalancers", "LoadBalancerArn");
                all.into_iter().map(|(arn, _)| arn).collect()
            }
            "kms/get-key-policy" => self.known().keys.iter().cloned().collect(),
            _ => Vec::new(),
        }
    }
}

/// What AWS refuses is an answer with AWS's code; what never reached AWS is none.
fn refused<E, R>(error: &SdkError<E, R>) -> Answer
where
    SdkError<E, R>: ProvideErrorMetadata,
{
    match error.code() {
        Some(code) if !is_passing(code) => Answer::Error { code: code.to_owned() },
        Some(code) => Answer::Unreadable(format!("AWS answered {code}")),
        None => Answer::Unreadable("AWS could not be asked".to_owned()),
    }
}

/// Errors that pass by themselves and are no fact.
fn is_passing(code: &str) -> bool {
    matches!(
        code,
        "SlowDown"
            | "Throttling"
            | "ThrottlingException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "ServiceUnavailable"
            | "InternalError"
            | "InternalFailure"
            | "WAFInternalErrorException"
    )
}
