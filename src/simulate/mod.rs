//! Made-up incidents with known causes, for demos, tests and fire drills.
//!
//! A shop behind CloudFront is made up from a seed, with its usual traffic and its usual noise, and
//! one thing goes wrong with it. What comes out is a bundle as `capture` writes it, and the truth:
//! for each refusal its cause. The same scenario, seed and moment give the same bytes.

mod facts;
mod logs;
mod shop;
pub mod weeks;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::causes::{Cause, Severity};
use crate::incidents::{BUCKET_SECONDS, Bucket};
use shop::{Ask, Request, Shop, Want};
use weeks::{DAY, MIDNIGHT, Random, Site};

/// Buckets that the logs cover.
const SPAN: Bucket = 72;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// Nothing.
    Healthy,
    /// A rule of the WAF.
    WafRule,
    /// The policy of the bucket.
    BucketPolicyLost,
    /// Objects that are not there.
    ObjectsMissing,
    /// Links that are too old.
    SignaturesExpired,
    /// The country of the viewers.
    Country,
    /// A header that the origin waits for.
    OriginHeader,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Blocked(&'static str),
    Country,
    NotGranted,
    Missing,
    Expired,
    NoHeader,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Healthy,
        Self::WafRule,
        Self::BucketPolicyLost,
        Self::ObjectsMissing,
        Self::SignaturesExpired,
        Self::Country,
        Self::OriginHeader,
    ];

    /// Its name.
    pub fn id(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::WafRule => "waf-rule",
            Self::BucketPolicyLost => "bucket-policy-lost",
            Self::ObjectsMissing => "objects-missing",
            Self::SignaturesExpired => "signatures-expired",
            Self::Country => "country",
            Self::OriginHeader => "origin-header",
        }
    }

    /// What happens, in one sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Healthy => "Nothing goes wrong: a scanner is blocked, and old links are refused",
            Self::WafRule => "A managed rule of the web ACL begins to block uploads",
            Self::BucketPolicyLost => {
                "The policy of the bucket no longer lets the distribution read it"
            }
            Self::ObjectsMissing => "A release asks for files that nobody has uploaded",
            Self::SignaturesExpired => "The shop hands out signed links that are too old",
            Self::Country => "The distribution no longer serves a country",
            Self::OriginHeader => {
                "The distribution no longer sends the header that its origin waits for"
            }
        }
    }

    /// Why a request is refused once the thing has gone wrong.
    fn refuses(self, ask: &Ask) -> Option<Refused> {
        match (self, ask.want) {
            (Self::WafRule, Want::Upload) => Some(Refused::Blocked("SizeRestrictions_BODY")),
            (Self::BucketPolicyLost, Want::Picture | Want::Download) => Some(Refused::NotGranted),
            (Self::ObjectsMissing, Want::Release) => Some(Refused::Missing),
            (Self::SignaturesExpired, Want::Download) => Some(Refused::Expired),
            (Self::Country, _) if ask.place.country == shop::UNSERVED => Some(Refused::Country),
            (Self::OriginHeader, Want::Page | Want::Upload) => Some(Refused::NoHeader),
            _ => None,
        }
    }

    /// What those ask for who are refused, where they are more than usual.
    fn asked_by_the_refused(self) -> Option<Want> {
        match self {
            Self::Healthy => None,
            Self::WafRule => Some(Want::Upload),
            Self::BucketPolicyLost => Some(Want::Picture),
            Self::ObjectsMissing => Some(Want::Release),
            Self::SignaturesExpired => Some(Want::Download),
            Self::Country | Self::OriginHeader => Some(Want::Page),
        }
    }

    /// The cause, and the change that started it.
    fn cause(self) -> Option<(Refused, Option<&'static str>)> {
        Some(match self {
            Self::Healthy => return None,
            Self::WafRule => (Refused::Blocked(""), Some("UpdateWebACL")),
            Self::BucketPolicyLost => (Refused::NotGranted, Some("PutBucketPolicy")),
            Self::ObjectsMissing => (Refused::Missing, None),
            Self::SignaturesExpired => (Refused::Expired, None),
            Self::Country => (Refused::Country, Some("UpdateDistribution")),
            Self::OriginHeader => (Refused::NoHeader, Some("UpdateDistribution")),
        })
    }
}

impl Refused {
    fn cause(self) -> (Cause, &'static str) {
        match self {
            Self::Blocked(_) => (Cause::Waf, "edge"),
            Self::Country => (Cause::GeoRestriction, "denied-country"),
            Self::NotGranted => (Cause::S3Origin, "access-not-granted"),
            Self::Missing => (Cause::S3Origin, "object-missing"),
            Self::Expired => (Cause::SignedAccess, "expired"),
            Self::NoHeader => (Cause::CustomOrigin, "secret-header"),
        }
    }
}

/// A simulated incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulated {
    /// The files of the bundle, and `truth.ndjson` and `expect.json` beside them.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The distribution.
    pub distribution_id: String,
    /// When it goes wrong.
    pub onset: Timestamp,
    /// Requests of any status, and how many of them are refused.
    pub requests: usize,
    /// Refusals.
    pub refused: usize,
}

/// Makes up six hours of a site that end at `until`, in which this happens.
pub fn simulate(scenario: Scenario, seed: u64, until: Timestamp) -> Simulated {
    let random = &mut Random::new(seed);
    let shop = Shop::new(random);
    let end = until.as_second().div_euclid(BUCKET_SECONDS);
    // A site begins at a midnight, so that its night is the night.
    let midnight = (end - SPAN).div_euclid(DAY) * DAY;
    let begin = end - SPAN - midnight;
    let onset = (end - midnight) as f64 * 5.0 - random.between(45.0, 75.0);
    let onset_second = midnight * BUCKET_SECONDS + (onset * 60.0) as i64;

    let mut traffic = Site::of_days(2);
    traffic.trickle_with(random, 40.0, 1.5, 0.5, 0.8);
    let mut scanners = Site::of_days(2);
    scanners.trickle(random, 0.6, 1.0);
    let mut old_links = Site::of_days(2);
    old_links.trickle(random, 0.2, 1.0);
    let mut struck = Site::of_days(2);
    if scenario != Scenario::Healthy {
        let left = (end - midnight) as f64 * 5.0 - onset;
        struck.burst(random, onset + 1.0, 240, left - 1.0);
    }

    let mut requests: Vec<Request> = Vec::new();
    let kinds = [
        (&traffic, None),
        (&scanners, Some(Want::Scan)),
        (&old_links, Some(Want::OldDownload)),
        (&struck, scenario.asked_by_the_refused()),
    ];
    for (number, (site, want)) in kinds.into_iter().enumerate() {
        for bucket in begin..begin + SPAN {
            for _ in 0..site.refusals.count(MIDNIGHT + bucket) {
                let start = (midnight + bucket) * BUCKET_SECONDS;
                let mut at = start + random.between(0.0, BUCKET_SECONDS as f64) as i64;
                let is_struck = number == 3;
                if is_struck {
                    at = at.max(onset_second + 60);
                }
                let country =
                    (is_struck && scenario == Scenario::Country).then_some(shop::UNSERVED);
                let ask = shop.ask(random, want, country);
                let refused = match ask.want {
                    Want::Scan => Some(Refused::Blocked("AWSManagedIPReputationList")),
                    Want::OldDownload => Some(Refused::Expired),
                    // The minute in which a change reaches the edges has no one else in it.
                    _ if at >= onset_second => scenario.refuses(&ask),
                    _ => None,
                };
                if at >= onset_second && at < onset_second + 60 && refused.is_some() {
                    continue;
                }
                requests.push(shop.request(random, at, ask, refused));
            }
        }
    }
    requests.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));

    let mut files = facts::files(&shop, scenario, onset_second);
    logs::add(&mut files, &shop, &requests, random);
    truth(&mut files, &shop, scenario, onset_second, &requests);
    Simulated {
        files,
        distribution_id: shop.id,
        onset: Timestamp::from_second(onset_second).unwrap_or(until),
        refused: requests.iter().filter(|one| one.refused.is_some()).count(),
        requests: requests.len(),
    }
}

/// What is to be found: a line for each refusal, and the incident.
fn truth(
    files: &mut BTreeMap<String, Vec<u8>>,
    shop: &Shop,
    scenario: Scenario,
    onset: i64,
    requests: &[Request],
) {
    let change = scenario.cause().and_then(|(_, change)| change);
    let mut lines = String::new();
    for (one, refused) in requests.iter().filter_map(|one| Some((one, one.refused?))) {
        let (cause, detail) = refused.cause();
        let mut line = serde_json::json!({
            "request_id": one.id, "distribution_id": shop.id, "status": 403, "path": one.path,
            "edge": one.ask.place.edge, "country": one.ask.place.country,
            "cause": cause.id(), "detail": detail,
        });
        // Only the origin's own log would prove it, and what was before a change of the
        // configuration nobody has read.
        let decidable = match refused {
            Refused::NoHeader => Some("unsure"),
            _ if change == Some("UpdateDistribution") && one.at < onset => Some("open"),
            _ => None,
        };
        if let (Some(decidable), Some(line)) = (decidable, line.as_object_mut()) {
            line.insert("decidable".to_owned(), decidable.into());
        }
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    files.insert("truth.ndjson".to_owned(), lines.into_bytes());
    let expected = scenario.cause().map(|(refused, change)| {
        let (cause, detail) = refused.cause();
        let severity = Severity::of(cause, Some(detail)).id();
        let mut expected =
            serde_json::json!({"cause": cause.id(), "detail": detail, "severity": severity});
        if let (Some(change), Some(expected)) = (change, expected.as_object_mut()) {
            expected.insert("trigger".to_owned(), change.into());
        }
        expected
    });
    let expected = serde_json::Value::Array(expected.into_iter().collect());
    files.insert("expect.json".to_owned(), format!("{expected:#}\n").into_bytes());
}
