//! Answers that all functions share for a few minutes, each with the time at which AWS was asked.
//!
//! Lists of what there is are not shared: a new distribution is first seen there, and a function
//! that starts looks for itself. What holds a secret is not shared either.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{KEPT, LiveAccount};
use crate::account::{Answer, Question};
use crate::limits::{FACT_BYTES, FACT_NAME_BYTES, FACT_UNPACKED_BYTES};
use crate::logs::tally::hash;

/// Where answers lie for all functions.
pub trait Shelf: Send + Sync {
    /// What lies under a name.
    fn take(&self, name: &str) -> Result<Option<Vec<u8>>, String>;

    /// Puts something under a name, in the place of what lay there.
    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), String>;
}

/// An answer as it lies there.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Shared {
    read_at: Timestamp,
    answer: Told,
}

/// What may lie there: what AWS answered, be it an error.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Told {
    Said(Value),
    Error(String),
}

impl LiveAccount {
    /// What another function was told, as long as that is neither too old nor older than the
    /// requests that are looked at.
    pub(super) fn shelved(&self, question: &Question) -> Option<(Answer, Timestamp)> {
        let shelf = self.shelf.as_ref()?;
        let bytes = shelf.take(&self.name(question)?);
        let bytes = bytes.unwrap_or_else(|error| {
            tracing::warn!(%question, error, "what others were told cannot be read");
            None
        });
        let Shared { read_at, answer } = unpack(&bytes?)?;
        let kept = SignedDuration::try_from(KEPT).ok()?;
        let age = Timestamp::now().duration_since(read_at);
        if age.is_negative() || age >= kept || read_at < self.known().least {
            return None;
        }
        tracing::debug!(%question, %read_at, "another function was told");
        let answer = match answer {
            Told::Said(said) => Answer::Said(said),
            Told::Error(code) => Answer::Error { code },
        };
        Some((answer, read_at))
    }

    /// Keeps an answer for others, until there is time to put it where they look.
    pub(super) fn shelve(&self, question: &Question, answer: &Answer, read_at: Timestamp) {
        let Some(name) = self.shelf.as_ref().and_then(|_| self.name(question)) else { return };
        let answer = match answer {
            Answer::Said(said) => Told::Said(said.clone()),
            Answer::Error { code } => Told::Error(code.clone()),
            _ => return,
        };
        if let Some(bytes) = pack(&Shared { read_at, answer }) {
            self.known().unshared.push((name, bytes));
        }
    }

    /// Puts what was answered since the last time where others look. Blocks.
    pub(super) fn share(&self) {
        let unshared = std::mem::take(&mut self.known().unshared);
        let Some(shelf) = &self.shelf else { return };
        for (name, bytes) in unshared {
            if let Err(error) = shelf.put(&name, bytes) {
                tracing::warn!(error, "others will have to ask as well");
                return;
            }
        }
    }

    /// Under which name an answer lies: whose it is, what was asked, and what else it depends on.
    fn name(&self, question: &Question) -> Option<String> {
        let depends = match question.operation {
            "cloudfront/list-distributions"
            | "cloudfront/list-distribution-tenants"
            | "cloudfront/list-realtime-log-configs"
            | "logs/describe-deliveries"
            | "logs/describe-delivery-sources"
            | "logs/describe-delivery-destinations" => return None,
            "cloudtrail/lookup-events" => {
                let known = self.known();
                let buckets: Vec<&str> = known.buckets.keys().map(String::as_str).collect();
                format!("#{:016x}", hash(buckets.join(",").as_bytes()))
            }
            // What nobody would ask AWS need not be looked for.
            "s3api/head-object" if !self.reach.heads => return None,
            "elbv2/describe-load-balancers" => {
                let known = self.known();
                if known.balancers.is_empty() {
                    return None;
                }
                let names: Vec<&str> = known.balancers.iter().map(String::as_str).collect();
                format!("#{:016x}", hash(names.join(",").as_bytes()))
            }
            _ => String::new(),
        };
        let whose = self.role().map_or("own", |role| role.arn());
        let name = format!("{whose}#{}/{}{depends}", question.operation, question.about);
        (name.len() <= FACT_NAME_BYTES).then_some(name)
    }
}

/// Whether a policy in it tests a header that only a secret fills, be it the policy of a bucket or
/// one that a change tells. What origins are sent and who changed something with which key is left
/// out of every answer as it is made.
fn holds_secret(json: &str) -> bool {
    let lower = json.to_ascii_lowercase();
    ["aws:referer", "aws:useragent"].iter().any(|key| lower.contains(key))
}

/// Nothing where it is larger than an item may be, or nobody else's business.
fn pack(shared: &Shared) -> Option<Vec<u8>> {
    let json = serde_json::to_string(shared).ok().filter(|json| !holds_secret(json))?;
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
    packed.write_all(json.as_bytes()).ok()?;
    packed.finish().ok().filter(|packed| packed.len() <= FACT_BYTES)
}

/// Nothing where it cannot be read: then AWS is asked.
fn unpack(bytes: &[u8]) -> Option<Shared> {
    let mut json = Vec::new();
    DeflateDecoder::new(bytes).take(FACT_UNPACKED_BYTES).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use aws_config::{BehaviorVersion, SdkConfig};
    use serde_json::json;

    use super::super::{Access, Clients, Reach};
    use super::*;
    use crate::account::{Account, KEPT_SIGNATURES};
    use crate::asked::ASKED;

    #[derive(Default)]
    struct Board(Mutex<BTreeMap<String, Vec<u8>>>);

    impl Shelf for Board {
        fn take(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
            Ok(self.0.lock().unwrap().get(name).cloned())
        }

        fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), String> {
            self.0.lock().unwrap().insert(name.to_owned(), bytes);
            Ok(())
        }
    }

    /// An account that reaches no AWS.
    fn account(board: &Arc<Board>, runtime: &tokio::runtime::Runtime) -> LiveAccount {
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        let access = Access::Own(Box::new(Clients::new(&config)));
        let shelf: Arc<dyn Shelf> = board.clone();
        LiveAccount::new(access, runtime.handle().clone(), Reach::default(), Some(shelf))
    }

    #[test]
    fn what_one_function_was_told_another_knows_for_minutes() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let board = Arc::new(Board::default());
        let of = |id: &str| Question::new("cloudfront/get-distribution", id);
        let ago = |seconds: i64| Timestamp::now() - SignedDuration::from_secs(seconds);
        let told = |name: &str| {
            Answer::Said(json!({ "Distribution": { "Id": name, "DistributionConfig": {
                "Origins": { "Items": [{ "DomainName": "b.s3.eu-west-1.amazonaws.com" }] },
            }}}))
        };
        let one = account(&board, &runtime);
        for (id, age) in [("new", 100), ("old", 200), ("later", -60)] {
            one.shelve(&of(id), &told(id), ago(age));
        }
        one.share();
        let other = account(&board, &runtime);
        let (answer, read_at) = other.ask(&of("new"));
        assert_eq!(answer, told("new"));
        // Its time is that at which AWS was asked.
        assert!(read_at.unwrap() < ago(99), "{read_at:?}");
        // What the answer names is known as if it had been asked for here.
        assert!(other.known().buckets.contains_key("b"));
        assert_eq!(other.shelved(&of("old")), None);
        assert_eq!(other.shelved(&of("later")), None);
        // A request came after it was read.
        other.forget_before(ago(50));
        assert_eq!(other.shelved(&of("new")), None);
    }

    #[test]
    fn changes_of_other_buckets_are_another_answer() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let board = Arc::new(Board::default());
        let trail = Question::all("cloudtrail/lookup-events");
        let one = account(&board, &runtime);
        one.shelve(&trail, &Answer::Said(json!({ "Events": [] })), Timestamp::now());
        one.share();
        assert!(one.shelved(&trail).is_some());
        one.known().buckets.insert("b".to_owned(), None);
        assert_eq!(one.shelved(&trail), None);
        // A list is asked for by everybody.
        let list = Question::all("cloudfront/list-distributions");
        one.shelve(&list, &Answer::Said(json!({})), Timestamp::now());
        one.share();
        assert_eq!(one.shelved(&list), None);
    }

    #[test]
    fn what_aws_knows_nothing_of_is_not_looked_for() {
        struct Untouched;
        impl Shelf for Untouched {
            fn take(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
                panic!("{name}")
            }
            fn put(&self, name: &str, _: Vec<u8>) -> Result<(), String> {
                panic!("{name}")
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        let access = Access::Own(Box::new(Clients::new(&config)));
        let shelf: Arc<dyn Shelf> = Arc::new(Untouched);
        let account =
            LiveAccount::new(access, runtime.handle().clone(), Reach::default(), Some(shelf));
        for operation in [KEPT_SIGNATURES, ASKED] {
            assert_eq!(account.ask(&Question::all(operation)), (Answer::Unasked, None));
        }
    }

    #[test]
    fn what_is_put_is_taken_as_it_was() {
        let read_at = "2026-03-10T15:00:00.5Z".parse().unwrap();
        for answer in [
            Told::Said(json!({ "Distribution": { "Id": "E1", "Empty": null } })),
            Told::Error("NoSuchBucketPolicy".to_owned()),
        ] {
            let shared = Shared { read_at, answer };
            assert_eq!(unpack(&pack(&shared).unwrap()), Some(shared));
        }
        assert_eq!(unpack(b"no answer at all"), None);
    }

    #[test]
    fn what_is_too_large_is_left_out() {
        // Text that does not pack.
        let keys: Vec<String> =
            (0..60_000u64).map(|n| format!("{:016x}", hash(&n.to_le_bytes()))).collect();
        let shared =
            Shared { read_at: Timestamp::UNIX_EPOCH, answer: Told::Said(json!({ "Keys": keys })) };
        assert_eq!(pack(&shared), None);
    }

    #[test]
    fn a_policy_with_a_secret_stays_where_it_is() {
        let packed = |said: Value| {
            let read_at = Timestamp::UNIX_EPOCH;
            pack(&Shared { read_at, answer: Told::Said(said) })
        };
        let secret = r#"{"Condition":{"StringEquals":{"aws:Referer":"s3cret"}}}"#;
        assert_eq!(packed(json!({ "Policy": secret })), None);
        // A change tells the policy that was put, as text in a text.
        let event = json!({ "requestParameters": { "bucketPolicy": secret } }).to_string();
        assert_eq!(packed(json!({ "Events": [{ "CloudTrailEvent": event }] })), None);
        let plain = r#"{"Condition":{"StringEquals":{"aws:SourceArn":"a"}}}"#;
        assert!(packed(json!({ "Policy": plain })).is_some());
    }
}
