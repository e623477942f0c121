//! Requests that AWS WAF samples: some of those of the last three hours, for one rule.
//!
//! A sample has no request id and is a part of the traffic, so that one which looks like a refused
//! request supports, and its absence says nothing.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::limits::SAMPLED_REQUESTS;

/// One sampled request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sampled {
    /// When WAF got it, in seconds.
    pub second: i64,
    /// The viewer's address.
    pub client_ip: String,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The Host, in lower case, where it is among the headers.
    pub host: Option<String>,
    /// Whether it was blocked; `None` for what is neither a block nor a pass.
    pub blocked: Option<bool>,
    /// The rule within a rule group.
    pub rule: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raw {
    request: RawRequest,
    timestamp: Value,
    action: String,
    #[serde(default)]
    rule_name_within_rule_group: Option<String>,
}

#[derive(Deserialize)]
struct RawRequest {
    #[serde(rename = "ClientIP")]
    client_ip: String,
    #[serde(rename = "URI")]
    uri: String,
    #[serde(rename = "Method")]
    method: String,
    #[serde(rename = "Headers", default)]
    headers: Vec<RawHeader>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawHeader {
    name: String,
    value: String,
}

/// Reads an answer. A sample that cannot be read is left out, since none of them has to be there.
pub fn parse(answer: Value) -> Result<Vec<Sampled>, String> {
    let all = answer.get("SampledRequests").and_then(Value::as_array);
    let all = all.ok_or("no `SampledRequests` in it")?.iter().take(SAMPLED_REQUESTS);
    Ok(all.filter_map(|one| sampled(Raw::deserialize(one).ok()?)).collect())
}

fn sampled(raw: Raw) -> Option<Sampled> {
    let RawRequest { client_ip, uri, method, headers } = raw.request;
    let second = match &raw.timestamp {
        Value::String(text) => text.parse::<Timestamp>().ok()?.as_second(),
        // Older commands write seconds with a fraction.
        Value::Number(seconds) => seconds.as_f64().map(|seconds| seconds as i64)?,
        _ => return None,
    };
    let host = headers.into_iter().find(|header| header.name.eq_ignore_ascii_case("host"));
    Some(Sampled {
        second,
        client_ip,
        method,
        path: uri.split('?').next().unwrap_or_default().to_owned(),
        host: host.map(|header| header.value.to_ascii_lowercase()),
        blocked: match raw.action.as_str() {
            "BLOCK" => Some(true),
            "ALLOW" | "COUNT" => Some(false),
            _ => None,
        },
        rule: raw.rule_name_within_rule_group.filter(|rule| !rule.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_read_of_samples_is_left_out() {
        let good = json!({
            "Request": { "ClientIP": "192.0.2.1", "URI": "/a?b=1", "Method": "GET",
                "Headers": [{ "Name": "Host", "Value": "WWW.example" }] },
            "Weight": 1, "Timestamp": "2026-05-11T11:20:00.481000+02:00", "Action": "BLOCK" });
        let answer = json!({ "SampledRequests": [good, 5, { "Request": {} }, null] });
        let read = parse(answer).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].second, read[0].path.as_str()), (1_778_491_200, "/a"));
        assert_eq!((read[0].host.as_deref(), read[0].blocked), (Some("www.example"), Some(true)));
        assert!(parse(json!({ "PopulationSize": 0 })).is_err());
    }
}
