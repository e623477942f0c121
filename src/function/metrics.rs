//! Metrics in CloudWatch's embedded metric format: lines of JSON on standard output, which cost no
//! call and no permission.

#![expect(
    clippy::disallowed_methods,
    reason = "metrics have the time of their writing: this is one of the ends"
)]

use std::collections::BTreeMap;
use std::io::Write;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What one invocation counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Objects that were delivered, each once.
    pub objects: u64,
    /// Objects that could not be read, now or ever. With partial batch responses the function's own
    /// `Errors` stays at zero.
    pub failed: u64,
    /// Lines and records that were read.
    pub records: u64,
    /// What events brought along, counted among the objects.
    pub carried: u64,
    /// WAF log objects that were read.
    pub waf_objects: u64,
    /// Log objects of origins that were read.
    pub origin_objects: u64,
    /// Refusals by distribution.
    pub by_distribution: BTreeMap<String, u64>,
    /// Refusals by cause.
    pub by_cause: BTreeMap<&'static str, u64>,
    /// Refusals without a cause.
    pub unattributed: u64,
    /// Incidents that were opened.
    pub opened: u64,
    /// Alerts that went out.
    pub sent: u64,
    /// Alerts that lie unsent.
    pub unsent: u64,
    /// Objects of others.
    pub ignored: u64,
    /// Objects for which there was no time left.
    pub not_started: u64,
}

impl Metrics {
    /// The lines. Refusals are counted by distribution and by cause, never by both: each
    /// combination would be a metric that is billed.
    pub fn lines(&self, now: Timestamp) -> Vec<String> {
        let mut lines = vec![line(
            now,
            None,
            &[
                ("Objects", self.objects),
                ("ObjectsFailed", self.failed),
                ("ObjectsIgnored", self.ignored),
                ("NotStarted", self.not_started),
                ("Records", self.records),
                ("Unattributed", self.unattributed),
                ("IncidentsOpen", self.opened),
                ("AlertsSent", self.sent),
                ("UnsentAlerts", self.unsent),
            ],
        )];
        for (distribution, count) in &self.by_distribution {
            let name = if distribution.is_empty() { "unknown" } else { distribution };
            lines.push(line(now, Some(("DistributionId", name)), &[("Forbidden", *count)]));
        }
        for (cause, count) in &self.by_cause {
            lines.push(line(now, Some(("Cause", cause)), &[("Forbidden", *count)]));
        }
        lines
    }

    /// Writes the lines to standard output, where CloudWatch Logs finds them.
    pub fn emit(&self) {
        let mut text = self.lines(Timestamp::now()).join("\n");
        text.push('\n');
        // A log that cannot be written to is no reason to fail.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }
}

fn line(now: Timestamp, dimension: Option<(&str, &str)>, values: &[(&str, u64)]) -> String {
    let metrics: Vec<Value> =
        values.iter().map(|(name, _)| json!({ "Name": name, "Unit": "Count" })).collect();
    let dimensions: Vec<&str> = dimension.iter().map(|(name, _)| *name).collect();
    let about = json!({
        "Timestamp": now.as_millisecond(),
        "CloudWatchMetrics": [{
            "Namespace": "why403", "Dimensions": [dimensions], "Metrics": metrics,
        }],
    });
    let mut out = Map::from_iter([("_aws".to_owned(), about)]);
    out.extend(dimension.map(|(name, value)| (name.to_owned(), json!(value))));
    out.extend(values.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    Value::Object(out).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_by_distribution_and_by_cause_never_by_both() {
        let metrics = Metrics {
            by_distribution: [("E1".to_owned(), 3)].into(),
            by_cause: [("waf", 2)].into(),
            ..Metrics::default()
        };
        let lines = metrics.lines(Timestamp::UNIX_EPOCH);
        assert_eq!(lines.len(), 3);
        let dimensions = |line: &String| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["_aws"]["CloudWatchMetrics"][0]["Dimensions"].clone()
        };
        let all: Vec<Value> = lines.iter().map(dimensions).collect();
        assert_eq!(all, [json!([[]]), json!([["DistributionId"]]), json!([["Cause"]])]);
    }
}
