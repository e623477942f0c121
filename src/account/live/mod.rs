//! A live account, read-only.
//!
//! Each answer of an SDK is put into the form that the CLI prints, as far as it is read, so that
//! everything behind [`Account`] has one shape to know. What AWS refuses is an answer too. Answers
//! are kept for a few minutes in the warm function.

#![expect(
    clippy::disallowed_methods,
    reason = "a live answer has the time of its reading: this is one of the ends"
)]

mod cloudfront;
mod waf;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use aws_sdk_s3::config::Region;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::{Account, Answer, Question, bucket};

/// How long an answer is kept. A change of the configuration is seen after that at the latest.
const KEPT: Duration = Duration::from_secs(180);

/// How long an error is kept that may pass: throttling must not become a fact.
const KEPT_ERROR: Duration = Duration::from_secs(20);

/// Answers that are kept.
const KEPT_ANSWERS: usize = 10_000;

/// The clients. CloudFront and its web ACLs live in us-east-1, wherever the function runs; buckets
/// live where they live.
#[derive(Clone, Debug)]
pub struct Clients {
    /// CloudFront, in us-east-1.
    pub cloudfront: aws_sdk_cloudfront::Client,
    /// AWS WAF, in us-east-1.
    pub waf: aws_sdk_wafv2::Client,
    /// S3, in the function's own Region.
    pub s3: aws_sdk_s3::Client,
}

/// The account that the function runs in.
pub struct LiveAccount {
    clients: Clients,
    handle: Handle,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    answers: HashMap<Question, Kept>,
    /// The ARNs of web ACLs, by the ID at their end: AWS asks for more than that.
    acls: HashMap<String, String>,
    /// The Regions of buckets, where an origin's name tells them.
    regions: HashMap<String, String>,
}

struct Kept {
    answer: Answer,
    read: Instant,
    read_at: Timestamp,
}

impl LiveAccount {
    /// An account behind these clients. `handle` is the runtime on which they run; questions are
    /// asked from threads that may block.
    pub fn new(clients: Clients, handle: Handle) -> Self {
        Self { clients, handle, known: Mutex::default() }
    }

    /// Forgets what was read before a moment, since it says nothing of a later request.
    pub fn forget_before(&self, moment: Timestamp) {
        self.known().answers.retain(|_, kept| kept.read_at >= moment);
    }

    /// Notes where a web ACL is, so that it can be asked about by its ID.
    pub fn note_acl(&self, arn: &str) {
        let id = super::facts::acl_id(arn).to_owned();
        self.known().acls.insert(id, arn.to_owned());
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        // A thread that panicked while it held the lock left whole answers behind.
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn fetch(&self, question: &Question) -> Answer {
        let about = question.about.as_str();
        match question.operation {
            "cloudfront/get-distribution" => {
                let answer = cloudfront::distribution(&self.clients.cloudfront, about).await;
                if let Answer::Said(value) = &answer {
                    self.learn(value);
                }
                answer
            }
            "cloudfront/list-distributions" => {
                cloudfront::distributions(&self.clients.cloudfront).await
            }
            "cloudfront/get-origin-access-control" => {
                cloudfront::access_control(&self.clients.cloudfront, about).await
            }
            "cloudfront/get-key-group" => {
                cloudfront::key_group(&self.clients.cloudfront, about).await
            }
            "cloudfront/get-origin-request-policy" => {
                cloudfront::origin_request_policy(&self.clients.cloudfront, about).await
            }
            "wafv2/get-web-acl" => match self.acl(about) {
                Some(arn) => waf::web_acl(&self.clients.waf, &arn).await,
                None => Answer::Unasked,
            },
            "wafv2/get-logging-configuration" => match self.acl(about) {
                Some(arn) => waf::logging(&self.clients.waf, &arn).await,
                None => Answer::Unasked,
            },
            "s3api/get-bucket-policy" => self.bucket_policy(about).await,
            "s3api/get-public-access-block" => self.public_access(about).await,
            _ => Answer::Unasked,
        }
    }

    fn acl(&self, id: &str) -> Option<String> {
        self.known().acls.get(id).cloned()
    }

    /// Keeps what later questions need: where the web ACL and the buckets are.
    fn learn(&self, distribution: &Value) {
        let config = distribution.pointer("/Distribution/DistributionConfig");
        let arn = config.and_then(|config| config.get("WebACLId")).and_then(Value::as_str);
        if let Some(arn) = arn.filter(|arn| !arn.is_empty()) {
            self.note_acl(arn);
        }
        let origins = config.and_then(|config| config.pointer("/Origins/Items"));
        for origin in origins.and_then(Value::as_array).into_iter().flatten() {
            let Some(domain) = origin.get("DomainName").and_then(Value::as_str) else { continue };
            let Some(endpoint) = bucket::endpoint(domain) else { continue };
            if let Some(region) = region_of(domain) {
                self.known().regions.insert(endpoint.bucket, region);
            }
        }
    }

    fn s3_config(&self, region: Option<String>) -> aws_sdk_s3::config::Builder {
        let builder = aws_sdk_s3::Config::builder();
        match region {
            Some(region) => builder.region(Region::new(region)),
            None => builder,
        }
    }

    /// Asks a bucket in its own Region: the one that an origin's name tells, else the one that S3
    /// names when it is asked in the wrong one.
    async fn bucket_policy(&self, bucket: &str) -> Answer {
        let mut region = self.known().regions.get(bucket).cloned();
        for _ in 0..2 {
            let asked = self.clients.s3.get_bucket_policy().bucket(bucket).customize();
            match asked.config_override(self.s3_config(region.clone())).send().await {
                Ok(said) => return Answer::Said(json!({ "Policy": said.policy() })),
                Err(error) => match elsewhere(&error, region.as_deref()) {
                    Some(other) => region = Some(other),
                    None => return refused(&error),
                },
            }
        }
        Answer::Error { code: "PermanentRedirect".to_owned() }
    }

    async fn public_access(&self, bucket: &str) -> Answer {
        let mut region = self.known().regions.get(bucket).cloned();
        for _ in 0..2 {
            let asked = self.clients.s3.get_public_access_block().bucket(bucket).customize();
            match asked.config_override(self.s3_config(region.clone())).send().await {
                Ok(said) => {
                    let block = said.public_access_block_configuration();
                    let on = |flag: fn(&aws_sdk_s3::types::PublicAccessBlockConfiguration) -> _| {
                        block.and_then(flag).unwrap_or(false)
                    };
                    return Answer::Said(json!({ "PublicAccessBlockConfiguration": {
                        "BlockPublicAcls": on(|block| block.block_public_acls()),
                        "IgnorePublicAcls": on(|block| block.ignore_public_acls()),
                        "BlockPublicPolicy": on(|block| block.block_public_policy()),
                        "RestrictPublicBuckets": on(|block| block.restrict_public_buckets()),
                    }}));
                }
                Err(error) => match elsewhere(&error, region.as_deref()) {
                    Some(other) => region = Some(other),
                    None => return refused(&error),
                },
            }
        }
        Answer::Error { code: "PermanentRedirect".to_owned() }
    }
}

impl Account for LiveAccount {
    fn ask(&self, question: &Question) -> (Answer, Option<Timestamp>) {
        if let Some(kept) = self.known().answers.get(question) {
            let lasts = match kept.answer {
                Answer::Unreadable(_) => KEPT_ERROR,
                _ => KEPT,
            };
            if kept.read.elapsed() < lasts {
                return (kept.answer.clone(), Some(kept.read_at));
            }
        }
        // An answer holds from before it was asked for: a change in between may be in it or not.
        let read_at = Timestamp::now();
        let answer = self.handle.block_on(self.fetch(question));
        if answer == Answer::Unasked {
            return (answer, None);
        }
        let mut known = self.known();
        if known.answers.len() >= KEPT_ANSWERS {
            known.answers.clear();
        }
        let kept = Kept { answer: answer.clone(), read: Instant::now(), read_at };
        known.answers.insert(question.clone(), kept);
        (answer, Some(read_at))
    }

    fn subjects(&self, _operation: &'static str) -> Vec<String> {
        Vec::new()
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

/// The Region that S3 names when a bucket is asked in another one.
fn elsewhere<E>(
    error: &SdkError<E, aws_sdk_s3::config::http::HttpResponse>,
    asked: Option<&str>,
) -> Option<String> {
    let named = error.raw_response()?.headers().get("x-amz-bucket-region")?;
    (asked != Some(named)).then(|| named.to_owned())
}

/// The Region in `BUCKET.s3.REGION.amazonaws.com`.
fn region_of(domain: &str) -> Option<String> {
    let host = domain.strip_suffix(".amazonaws.com")?;
    let last = host.rsplit('.').next()?;
    let region = last.strip_prefix("s3-website-").or_else(|| last.strip_prefix("s3-"));
    let region = region.unwrap_or(last);
    (region.matches('-').count() >= 2).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::region_of;

    #[test]
    fn a_buckets_name_tells_its_region() {
        let region = |domain| region_of(domain);
        assert_eq!(region("a.b.s3.eu-west-1.amazonaws.com").as_deref(), Some("eu-west-1"));
        assert_eq!(region("b.s3-us-west-2.amazonaws.com").as_deref(), Some("us-west-2"));
        assert_eq!(region("b.s3-website-us-east-1.amazonaws.com").as_deref(), Some("us-east-1"));
        assert_eq!(
            region("b.s3.dualstack.ap-south-1.amazonaws.com").as_deref(),
            Some("ap-south-1")
        );
        assert_eq!(region("b.s3.amazonaws.com"), None);
    }
}
