//! The logs of what was asked, as they lie in buckets, without a word on the causes.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Refused;
use super::shop::{ACCOUNT, HOST, Request, Shop, Want, hex};
use super::weeks::Random;
use crate::incidents::BUCKET_SECONDS;

const FIELDS: &str = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem \
    sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type \
    x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol \
    ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields \
    c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len \
    sc-range-start sc-range-end";

/// Adds the access logs and those of the web ACL.
pub(super) fn add(
    files: &mut BTreeMap<String, Vec<u8>>,
    shop: &Shop,
    requests: &[Request],
    random: &mut Random,
) {
    let mut access: BTreeMap<(String, usize), String> = BTreeMap::new();
    let mut waf: BTreeMap<i64, String> = BTreeMap::new();
    for (number, one) in requests.iter().enumerate() {
        let hour = moment(one.at).strftime("%Y-%m-%d-%H").to_string();
        let object = access
            .entry((hour, number % 3))
            .or_insert_with(|| format!("#Version: 1.0\n#Fields: {FIELDS}\n"));
        object.push_str(&line(shop, one, random));
        if let Some(record) = record(shop, one, random) {
            let object = waf.entry(one.at.div_euclid(BUCKET_SECONDS)).or_default();
            object.push_str(&record.to_string());
            object.push('\n');
        }
    }
    for ((hour, _), text) in access {
        let name = format!("logs/access/cf/{}.{hour}.{}.gz", shop.id, hex(random, 8));
        files.insert(name, packed(&text));
    }
    for (bucket, text) in waf {
        let at = moment(bucket * BUCKET_SECONDS);
        let name = format!(
            "logs/waf/AWSLogs/{ACCOUNT}/WAFLogs/cloudfront/shop-acl/{}/{ACCOUNT}_waflogs_cloudfront\
             _shop-acl_{}_{}.log.gz",
            at.strftime("%Y/%m/%d/%H/%M"),
            at.strftime("%Y%m%dT%H%MZ"),
            hex(random, 8)
        );
        files.insert(name, packed(&text));
    }
}

fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn packed(text: &str) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    // A vector takes everything.
    let _ = out.write_all(text.as_bytes());
    out.finish().unwrap_or_default()
}

/// What an answer looks like: type and length of the body, detailed result type, and whether an
/// origin was asked.
struct Answer {
    media: &'static str,
    length: String,
    result: &'static str,
    asks_origin: bool,
}

fn answer(one: &Request, random: &mut Random) -> Answer {
    let of = |media, length: &str, result, asks_origin| Answer {
        media,
        length: length.to_owned(),
        result,
        asks_origin,
    };
    match one.refused {
        Some(Refused::Blocked(_)) => of("text/html", "919", "Error", false),
        Some(Refused::Country) => of("text/html", "986", "ClientGeoBlocked", false),
        Some(Refused::Expired) => of("text/xml", "110", "Error", false),
        // S3 sends its errors in chunks, so that they have no length.
        Some(Refused::NotGranted | Refused::Missing) => of("application/xml", "-", "Error", true),
        Some(Refused::NoHeader) => of("text/plain", "13", "Error", true),
        None => {
            let media = match one.ask.want {
                Want::Picture => "image/webp",
                Want::Release => "application/javascript",
                Want::Download | Want::OldDownload => "application/pdf",
                Want::Upload => "application/json",
                Want::Page | Want::Scan => "text/html",
            };
            let length = (random.between(1200.0, 60_000.0) as u64).to_string();
            of(media, &length, if one.hit { "Hit" } else { "Miss" }, !one.hit)
        }
    }
}

fn line(shop: &Shop, one: &Request, random: &mut Random) -> String {
    let answer = answer(one, random);
    let first = match answer.asks_origin {
        true => random.between(0.04, 0.3),
        false => random.between(0.0, 0.003),
    };
    let taken = first + random.between(0.001, 0.004);
    let at = moment(one.at);
    let result = if one.refused.is_some() { "Error" } else { answer.result };
    let status = if one.refused.is_some() { 403 } else { 200 };
    let method = if one.ask.want == Want::Upload { "POST" } else { "GET" };
    let (date, time) = (at.strftime("%Y-%m-%d"), at.strftime("%H:%M:%S"));
    let sent = random.between(500.0, 70_000.0) as u64;
    let got = random.between(100.0, 900.0) as u64;
    let port = 1024 + random.draw() % 64_000;
    format!(
        "{date}\t{time}\t{edge}\t{sent}\t{address}\t{method}\t{domain}\t{path}\t{status}\t-\t\
         {agent}\t{query}\t-\t{result}\t{id}\t{HOST}\thttps\t{got}\t{taken:.3}\t-\tTLSv1.3\t\
         TLS_AES_128_GCM_SHA256\t{result}\tHTTP/2.0\t-\t-\t{port}\t{first:.3}\t{detailed}\t{media}\t\
         {length}\t-\t-\n",
        edge = one.ask.place.edge,
        address = one.address,
        domain = shop.domain,
        path = one.path,
        agent = one.agent,
        query = one.query,
        id = one.id,
        detailed = answer.result,
        media = answer.media,
        length = answer.length,
    )
}

/// What the web ACL writes of a request that reaches it.
fn record(shop: &Shop, one: &Request, random: &mut Random) -> Option<Value> {
    let rule = match one.refused {
        // Who is refused before the WAF is asked leaves no record.
        Some(Refused::Country | Refused::Expired) => return None,
        Some(Refused::Blocked(rule)) => Some(rule),
        _ => None,
    };
    let groups = match rule {
        Some(rule) => {
            let group = super::facts::group_of(rule);
            json!([{
                "ruleGroupId": format!("AWS#{group}"),
                "terminatingRule": {"ruleId": rule, "action": "BLOCK", "ruleMatchDetails": null},
                "nonTerminatingMatchingRules": [], "excludedRules": null, "customerConfig": null,
            }])
        }
        None => json!([]),
    };
    let agent = one.agent.replace("%20", " ");
    Some(json!({
        "timestamp": one.at * 1000 + random.between(0.0, 500.0) as i64,
        "formatVersion": 1,
        "webaclId": shop.acl_arn(),
        "terminatingRuleId": rule.map_or("Default_Action".to_owned(), |rule| {
            format!("AWS-{}", super::facts::group_of(rule))
        }),
        "terminatingRuleType": if rule.is_some() { "MANAGED_RULE_GROUP" } else { "REGULAR" },
        "action": if rule.is_some() { "BLOCK" } else { "ALLOW" },
        "terminatingRuleMatchDetails": [],
        "httpSourceName": "CF",
        "httpSourceId": shop.id,
        "ruleGroupList": groups,
        "rateBasedRuleList": [],
        "nonTerminatingMatchingRules": [],
        "requestHeadersInserted": null,
        "responseCodeSent": null,
        "httpRequest": {
            "clientIp": one.address, "country": one.ask.place.country,
            "headers": [
                {"name": "host", "value": HOST},
                {"name": "user-agent", "value": agent},
            ],
            "uri": one.path, "args": one.query.trim_matches('-'), "httpVersion": "HTTP/2.0",
            "httpMethod": if one.ask.want == Want::Upload { "POST" } else { "GET" },
            "requestId": one.id, "fragment": "", "scheme": "https", "host": HOST,
        },
        "labels": [],
        "requestBodySize": 0,
        "requestBodySizeInspectedByWAF": 0,
    }))
}
