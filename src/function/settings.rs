//! What the function is told, by its environment.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `WHY403_TABLE` | the DynamoDB table of what was seen before | none: the function does not start |
//! | `WHY403_TOPIC_ARN` | the SNS topic of the alerts | none: the function does not start |
//! | `WHY403_CHAT_TOPIC_ARN` | the SNS topic of the alerts for Amazon Q Developer in chat applications | none of them |
//! | `WHY403_DEAD_LETTER_QUEUE_URL` | the queue of objects that cannot be read | none: the function does not start |
//! | `WHY403_WAF_LOG_BUCKETS` | buckets of WAF logs, separated by commas; their objects are read first | none of them |
//! | `WHY403_WAF_LOG_PREFIX` | only keys below it are read of these buckets | all keys |
//! | `WHY403_ACCESS_LOG_BUCKETS` | buckets of access logs, separated by commas | none of them |
//! | `WHY403_ACCESS_LOG_PREFIX` | only keys below it are read of these buckets | all keys |
//! | `WHY403_ORIGIN_LOG_BUCKETS` | buckets with logs of origins, separated by commas; their objects are read first, and alerts wait for them | none of them |
//! | `WHY403_READ_ROLE_ARNS` | roles in the accounts that own the distributions, separated by commas; the first that knows a distribution is asked about it | none: the function's own account |
//! | `WHY403_ALERT_SEVERITIES` | which incidents are alerts: `fault`, `enforcement`, `unknown`, separated by commas | all of them |
//! | `WHY403_ASK_OBJECTS` | `true` where objects may be asked about singly (`HeadObject`), which needs the right to read them | `false` |
//! | `WHY403_GEOIP` | a country database in the MMDB format, from the package or a layer | none |
//! | `WHY403_LIMITS` | limits of reading that are moved, as `NAME=VALUE,...`; see [`crate::limits`] | none |
//! | `WHY403_LOG_LEVEL` | `error`, `warn`, `info`, `debug` or `trace` | `info` |
//!
//! AWS's own variables (`AWS_REGION`, `AWS_ENDPOINT_URL`, …) mean what they mean to every SDK.

#![expect(
    clippy::disallowed_methods,
    reason = "settings come from the environment: this is one of the ends"
)]

use std::env;

use crate::alerts::Audience;
use crate::incidents::plan::Heard;
use crate::limits::{BadMove, Limits, Move};
use crate::trigger::Object;

/// The settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The table.
    pub table: String,
    /// The topic.
    pub topic: String,
    /// The topic for a chat.
    pub chat_topic: Option<String>,
    /// The dead-letter queue.
    pub dead_letters: String,
    /// Buckets of WAF logs.
    pub waf_buckets: Vec<String>,
    /// Where access logs and WAF logs are, and below which keys.
    pub folders: Vec<Folder>,
    /// Buckets with logs of origins.
    pub origin_buckets: Vec<String>,
    /// Roles of the accounts that own the distributions.
    pub read_roles: Vec<String>,
    /// What people want to hear of.
    pub heard: Heard,
    /// Whether objects may be asked about singly.
    pub asks_objects: bool,
    /// A file that tells where addresses are.
    pub geoip: Option<String>,
    /// What reading an object may cost.
    pub limits: Limits,
    /// How much is written to the log.
    pub log_level: String,
}

/// A setting without which the function does not start, by the name of its variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It is not there.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// It names a limit that there is not, or a value that is none.
    #[error("WHY403_LIMITS: {0}")]
    Limit(#[from] BadMove),
}

impl Settings {
    /// Reads the environment.
    pub fn from_env() -> Result<Self, Wrong> {
        Self::from(|name| env::var(name).ok())
    }

    fn from(get: impl Fn(&str) -> Option<String>) -> Result<Self, Wrong> {
        let get = |name: &'static str| get(name).filter(|value| !value.trim().is_empty());
        let need = |name: &'static str| get(name).ok_or(Wrong::Missing(name));
        let folder = |named: &'static str, prefix: Option<String>| Folder {
            buckets: names(get(named)),
            prefix: prefix.unwrap_or_default(),
        };
        Ok(Self {
            table: need("WHY403_TABLE")?,
            topic: need("WHY403_TOPIC_ARN")?,
            chat_topic: get("WHY403_CHAT_TOPIC_ARN"),
            dead_letters: need("WHY403_DEAD_LETTER_QUEUE_URL")?,
            waf_buckets: names(get("WHY403_WAF_LOG_BUCKETS")),
            origin_buckets: names(get("WHY403_ORIGIN_LOG_BUCKETS")),
            folders: vec![
                folder("WHY403_ACCESS_LOG_BUCKETS", get("WHY403_ACCESS_LOG_PREFIX")),
                folder("WHY403_WAF_LOG_BUCKETS", get("WHY403_WAF_LOG_PREFIX")),
                folder("WHY403_ORIGIN_LOG_BUCKETS", None),
            ],
            read_roles: names(get("WHY403_READ_ROLE_ARNS")),
            heard: heard(get("WHY403_ALERT_SEVERITIES").as_deref()),
            asks_objects: get("WHY403_ASK_OBJECTS").is_some_and(|value| value == "true"),
            geoip: get("WHY403_GEOIP"),
            limits: moved(get("WHY403_LIMITS").as_deref())?,
            log_level: get("WHY403_LOG_LEVEL").unwrap_or_else(|| "info".to_owned()),
        })
    }
}

/// Some buckets, and the keys of them that are logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The buckets.
    pub buckets: Vec<String>,
    /// How the keys begin.
    pub prefix: String,
}

/// The names in a list with commas.
fn names(list: Option<String>) -> Vec<String> {
    let list = list.unwrap_or_default();
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

impl Settings {
    /// Whether an object lies where logs are. A direct notification may speak of all that a bucket
    /// holds; of a bucket that is not named here everything is read.
    pub fn wants(&self, object: &Object) -> bool {
        let mut named =
            self.folders.iter().filter(|one| one.buckets.contains(&object.bucket)).peekable();
        named.peek().is_none() || named.any(|one| object.key.starts_with(&one.prefix))
    }

    /// Whom alerts are written for.
    pub fn audiences(&self) -> &'static [Audience] {
        match self.chat_topic {
            Some(_) => &[Audience::Subscribers, Audience::Chat],
            None => &[Audience::Subscribers],
        }
    }

    /// Where what is for somebody goes.
    pub fn topic_of(&self, audience: Audience) -> Option<&str> {
        match audience {
            Audience::Subscribers => Some(&self.topic),
            Audience::Chat => self.chat_topic.as_deref(),
        }
    }
}

/// The limits that stand in one variable.
fn moved(named: Option<&str>) -> Result<Limits, BadMove> {
    let named = named.unwrap_or_default().split(',').map(str::trim).filter(|one| !one.is_empty());
    let moves: Vec<Move> = named.map(str::parse).collect::<Result<_, _>>()?;
    Ok(Limits::moved(moves))
}

/// A fault is always heard of.
fn heard(named: Option<&str>) -> Heard {
    let Some(named) = named else { return Heard::default() };
    let has = |severity: &str| named.split(',').any(|one| one.trim() == severity);
    Heard { fault: true, enforcement: has("enforcement"), unknown: has("unknown") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_and_the_rest_has_defaults() {
        let all = |name: &str| match name {
            "WHY403_TABLE" => Some("t".to_owned()),
            "WHY403_TOPIC_ARN" => Some("arn".to_owned()),
            "WHY403_DEAD_LETTER_QUEUE_URL" => Some("url".to_owned()),
            "WHY403_WAF_LOG_BUCKETS" => Some("a, b,".to_owned()),
            _ => None,
        };
        let settings = Settings::from(all).unwrap();
        assert_eq!((settings.waf_buckets.len(), settings.log_level.as_str()), (2, "info"));
        let none = Settings::from(|name| (name != "WHY403_TABLE").then(|| "x".to_owned()));
        assert_eq!(none.unwrap_err().to_string(), "WHY403_TABLE is not set");
    }

    #[test]
    fn of_a_bucket_with_a_prefix_only_keys_below_it_are_read() {
        let settings = Settings::from(|name| {
            let value = match name {
                "WHY403_ACCESS_LOG_BUCKETS" => "cdn,both",
                "WHY403_ACCESS_LOG_PREFIX" => "cf/",
                "WHY403_WAF_LOG_BUCKETS" => "aws-waf-logs-x,both",
                _ => "x",
            };
            (name != "WHY403_LIMITS" && name != "WHY403_WAF_LOG_PREFIX").then(|| value.to_owned())
        });
        let settings = settings.unwrap();
        let wants = |bucket: &str, key: &str| {
            let (bucket, key) = (bucket.to_owned(), key.to_owned());
            settings.wants(&Object { bucket, key, ..Object::default() })
        };
        assert!(wants("cdn", "cf/E1.gz") && !wants("cdn", "elb/x.gz"));
        assert!(wants("aws-waf-logs-x", "any") && wants("both", "any") && wants("other", "any"));
    }

    #[test]
    fn limits_are_moved_by_name() {
        assert_eq!(moved(None).unwrap(), Limits::default());
        let limits = moved(Some("line-bytes=2M, object-ratio=400,")).unwrap();
        assert_eq!((limits.line_bytes, limits.object_ratio), (2 << 20, 400));
        let wrong = Wrong::from(moved(Some("lines=2")).unwrap_err()).to_string();
        assert!(wrong.starts_with("WHY403_LIMITS: there is no limit of this name"), "{wrong}");
    }
}
