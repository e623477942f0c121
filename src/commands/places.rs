//! Where the logs of a distribution lie, by its own configuration.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use why403::account::{Account, Answer, Question, bucket, facts};
use why403::logs::key;

/// A place in S3 that holds logs of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The folder of a bundle that they go to.
    pub kind: &'static str,
    /// The bucket.
    pub bucket: String,
    /// What their keys begin with.
    pub prefix: String,
}

/// The time that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its begin.
    pub since: Timestamp,
    /// Its end.
    pub until: Timestamp,
}

/// An hour before and after: logs are named by the hour of their requests, WAF logs by the five
/// minutes of theirs, and a request can begin in one and end in another.
const HOUR: i64 = 3600;

/// Hours of one window; longer ones are looked at by their last ones.
const MOST_HOURS: i64 = 24 * 31;

impl Window {
    /// The hours of it, each by its first second.
    fn hours(self) -> impl Iterator<Item = Timestamp> {
        let last = self.until.as_second().div_euclid(HOUR);
        let first = self.since.as_second().div_euclid(HOUR).max(last - MOST_HOURS);
        (first..=last).filter_map(|hour| Timestamp::from_second(hour * HOUR).ok())
    }

    /// Whether an object may hold requests of it, by the time in its key, else by when it was
    /// written.
    pub fn has(self, key: &str, written: i64) -> bool {
        let (since, until) = (self.since.as_second(), self.until.as_second());
        if let Some(hour) = key::hour(key) {
            return hour.as_second() > since - HOUR && hour.as_second() <= until;
        }
        match key::waf_slot(key) {
            Some(slot) => slot.as_second() > since - HOUR && slot.as_second() <= until,
            None => written >= since,
        }
    }
}

/// The places of a distribution's logs, and what is known of it that cannot be captured.
pub fn of(account: &dyn Account, id: &str, window: Window) -> (Vec<Place>, Vec<String>) {
    let (mut places, mut complaints) = (Vec::new(), Vec::new());
    let (answer, _) = account.ask(&Question::new("cloudfront/get-distribution", id));
    let Answer::Said(distribution) = answer else { return (places, complaints) };
    legacy(&distribution, id, window, &mut places);
    deliveries(account, &distribution, id, &mut places, &mut complaints);
    waf(account, &distribution, window, &mut places, &mut complaints);
    places.sort();
    places.dedup();
    (places, complaints)
}

/// Legacy standard logging: `PREFIX/ID.YYYY-MM-DD-HH.UNIQUE.gz`.
fn legacy(distribution: &Value, id: &str, window: Window, places: &mut Vec<Place>) {
    let logging = distribution.pointer("/Distribution/DistributionConfig/Logging");
    let text = |name| logging.and_then(|logging| logging.get(name)).and_then(Value::as_str);
    let Some(bucket) = text("Bucket").filter(|bucket| !bucket.is_empty()) else { return };
    let bucket = bucket::endpoint(bucket).map_or_else(|| bucket.to_owned(), |end| end.bucket);
    let prefix = folder(text("Prefix").unwrap_or_default());
    for hour in window.hours() {
        let hour = TimeZone::UTC.to_datetime(hour).strftime("%Y-%m-%d-%H").to_string();
        let prefix = format!("{prefix}{id}.{hour}.");
        places.push(Place { kind: "access", bucket: bucket.clone(), prefix });
    }
}

/// Deliveries of version 2: source, delivery and destination are three lists that name each other.
fn deliveries(
    account: &dyn Account,
    distribution: &Value,
    id: &str,
    places: &mut Vec<Place>,
    complaints: &mut Vec<String>,
) {
    let arn = distribution.pointer("/Distribution/ARN").and_then(Value::as_str).unwrap_or_default();
    let sources = list(account, "logs/describe-delivery-sources", "deliverySources");
    let mine: Vec<&str> = sources
        .iter()
        .filter(|source| {
            let arns = source.get("resourceArns").and_then(Value::as_array);
            arns.into_iter().flatten().any(|one| one.as_str() == Some(arn))
        })
        .filter_map(|source| source.get("name").and_then(Value::as_str))
        .collect();
    if mine.is_empty() {
        return;
    }
    let destinations = list(account, "logs/describe-delivery-destinations", "deliveryDestinations");
    for delivery in list(account, "logs/describe-deliveries", "deliveries") {
        let text = |name| delivery.get(name).and_then(Value::as_str);
        if !text("deliverySourceName").is_some_and(|name| mine.contains(&name)) {
            continue;
        }
        let destination = destinations.iter().find_map(|one| {
            let arn = one.get("arn").and_then(Value::as_str);
            let to = one.pointer("/deliveryDestinationConfiguration/destinationResourceArn");
            (arn == text("deliveryDestinationArn")).then(|| to.and_then(Value::as_str)).flatten()
        });
        let Some((bucket, prefix)) = destination.and_then(of_arn) else {
            complaints.push("a delivery of logs goes elsewhere than to S3: not read".to_owned());
            continue;
        };
        let account = arn.split(':').nth(4).unwrap_or_default();
        let suffix = delivery
            .pointer("/s3DeliveryConfiguration/suffixPath")
            .and_then(Value::as_str)
            .unwrap_or("AWSLogs/{account-id}/CloudFront/");
        let suffix = suffix.trim_start_matches('/').replace("{account-id}", account);
        let suffix = suffix.replace("{accountid}", account).replace("{DistributionId}", id);
        // What varies with time is read as a whole: the keys tell the time.
        let fixed = suffix.split('{').next().unwrap_or_default();
        let prefix = format!("{}{fixed}", folder(&prefix));
        places.push(Place { kind: "access", bucket, prefix });
    }
}

/// A WAF log: `AWSLogs/ACCOUNT/WAFLogs/cloudfront/NAME/YYYY/MM/dd/HH/mm/...`.
fn waf(
    account: &dyn Account,
    distribution: &Value,
    window: Window,
    places: &mut Vec<Place>,
    complaints: &mut Vec<String>,
) {
    let acl = distribution.pointer("/Distribution/DistributionConfig/WebACLId");
    let Some(arn) = acl.and_then(Value::as_str).filter(|arn| arn.starts_with("arn:")) else {
        return;
    };
    let question = Question::new("wafv2/get-logging-configuration", facts::acl_id(arn)).named(arn);
    let (Answer::Said(answer), _) = account.ask(&question) else { return };
    let owner = arn.split(':').nth(4).unwrap_or_default();
    let name = arn.rsplit('/').nth(1).unwrap_or_default();
    let to = answer.pointer("/LoggingConfiguration/LogDestinationConfigs");
    for to in to.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        let Some((bucket, prefix)) = of_arn(to) else {
            complaints.push("the WAF logs elsewhere than to S3: not read".to_owned());
            continue;
        };
        for hour in window.hours() {
            let hour = TimeZone::UTC.to_datetime(hour).strftime("%Y/%m/%d/%H").to_string();
            let folder = folder(&prefix);
            let prefix = format!("{folder}AWSLogs/{owner}/WAFLogs/cloudfront/{name}/{hour}/");
            places.push(Place { kind: "waf", bucket: bucket.clone(), prefix });
        }
    }
}

fn list(account: &dyn Account, operation: &'static str, name: &str) -> Vec<Value> {
    match account.ask(&Question::all(operation)).0 {
        Answer::Said(answer) => {
            answer.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// `arn:aws:s3:::BUCKET[/PREFIX]`.
fn of_arn(arn: &str) -> Option<(String, String)> {
    let name = arn.split_once(":s3:::")?.1;
    let (bucket, prefix) = name.split_once('/').unwrap_or((name, ""));
    Some((bucket.to_owned(), prefix.to_owned()))
}

/// A prefix that stands for a folder.
fn folder(prefix: &str) -> String {
    match prefix.trim_matches('/') {
        "" => String::new(),
        bare => format!("{bare}/"),
    }
}

/// `s3://BUCKET/PREFIX` as somebody writes it.
pub fn named(kind: &'static str, text: &str) -> Option<Place> {
    let name = text.strip_prefix("s3://")?;
    let (bucket, prefix) = name.split_once('/').unwrap_or((name, ""));
    let place = Place { kind, bucket: bucket.to_owned(), prefix: prefix.to_owned() };
    (!bucket.is_empty()).then_some(place)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Told;

    impl Account for Told {
        fn ask(&self, question: &Question) -> (Answer, Option<Timestamp>) {
            let arn = "arn:aws:cloudfront::1:distribution/E1";
            let acl = "arn:aws:wafv2:us-east-1:1:global/webacl/guard/ab";
            let said = match question.operation {
                "cloudfront/get-distribution" => json!({"Distribution": {"ARN": arn,
                    "DistributionConfig": {"WebACLId": acl, "Logging": {
                        "Bucket": "logs.s3.amazonaws.com", "Prefix": "cf"}}}}),
                "logs/describe-delivery-sources" => {
                    json!({"deliverySources": [{"name": "mine", "resourceArns": [arn]}]})
                }
                "logs/describe-deliveries" => json!({"deliveries": [
                    {"deliverySourceName": "mine", "deliveryDestinationArn": "d1"},
                    {"deliverySourceName": "other", "deliveryDestinationArn": "d1"}]}),
                "logs/describe-delivery-destinations" => json!({"deliveryDestinations": [
                    {"arn": "d1", "deliveryDestinationConfiguration": {
                        "destinationResourceArn": "arn:aws:s3:::v2/p"}}]}),
                "wafv2/get-logging-configuration" => json!({"LoggingConfiguration": {
                    "LogDestinationConfigs": ["arn:aws:s3:::aws-waf-logs-x"]}}),
                _ => return (Answer::Unasked, None),
            };
            (Answer::Said(said), None)
        }

        fn subjects(&self, _operation: &'static str) -> Vec<String> {
            Vec::new()
        }
    }

    #[test]
    fn the_configuration_tells_where_logs_lie() {
        let at = |text: &str| text.parse().unwrap();
        let window =
            Window { since: at("2026-03-10T14:30:00Z"), until: at("2026-03-10T15:10:00Z") };
        let (places, complaints) = of(&Told, "E1", window);
        let places: Vec<String> = places
            .iter()
            .map(|place| format!("{} {}/{}", place.kind, place.bucket, place.prefix))
            .collect();
        assert_eq!(
            places,
            [
                "access logs/cf/E1.2026-03-10-14.",
                "access logs/cf/E1.2026-03-10-15.",
                "access v2/p/AWSLogs/1/CloudFront/",
                "waf aws-waf-logs-x/AWSLogs/1/WAFLogs/cloudfront/guard/2026/03/10/14/",
                "waf aws-waf-logs-x/AWSLogs/1/WAFLogs/cloudfront/guard/2026/03/10/15/",
            ]
        );
        assert_eq!(complaints, Vec::<String>::new());
        assert!(window.has("cf/E1234567.2026-03-10-14.x.gz", 0));
        assert!(!window.has("cf/E1234567.2026-03-10-13.x.gz", i64::MAX));
        assert!(!window.has("other", 0) && window.has("other", i64::MAX));
    }
}
