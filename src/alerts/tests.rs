use insta::assert_snapshot;
use serde_json::Value;

use super::*;
use crate::report::{ClusterOut, EvidenceOut, MissingOut, RemedyOut, Trigger};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn incident(cause: &'static str, detail: &'static str, severity: &'static str) -> Incident {
    Incident {
        id: "i-1".into(),
        distribution_id: Some("E1SHOPEXAMPLE".into()),
        cause,
        detail: Some(detail),
        rule: None,
        severity,
        state: "open",
        start: at("2026-03-10T14:30:00Z"),
        detected: at("2026-03-10T14:35:00Z"),
        end: None,
        forbidden: 1800,
        expected: 0.5,
        p_value: 1e-12,
        finding_ids: vec!["f-1".into()],
    }
}

fn finding(incident: &Incident, confidence: &'static str, path: &str) -> Finding {
    Finding {
        id: "f-1".into(),
        distribution_id: incident.distribution_id.clone(),
        cause: incident.cause,
        detail: incident.detail,
        rule: incident.rule.clone(),
        confidence,
        requests: 1800,
        share: 1.0,
        first_seen: incident.start,
        last_seen: incident.detected,
        severity: incident.severity,
        clusters: vec![ClusterOut {
            path: path.into(),
            edges: vec!["FRA".into(), "IAD".into()],
            countries: vec!["DE".into()],
            hosts: vec!["www.shop.example".into()],
            methods: vec!["GET".into()],
            about: vec!["path", "edges"],
            requests: 1800,
            country_known: 1800,
            approximate: false,
            lift: Some(61.0),
            examples: vec![path.into()],
            everything: false,
        }],
        evidence: vec![EvidenceOut {
            source: "s3api/get-bucket-policy".into(),
            says: "no statement lets CloudFront read shop-media".into(),
            requests: 1800,
            speaks: "for",
        }],
        examples: Vec::new(),
        moot: Vec::new(),
        masked: 0,
        ruled_out: Vec::new(),
        alternatives: Vec::new(),
        contradicted: false,
        or_else: None,
        follows: Vec::new(),
        echoed: 0,
        asked_by: None,
        shown: None,
        cookies: false,
        past_edge_waf: false,
        missing: Vec::new(),
        trigger: None,
        remedy: RemedyOut {
            summary: "Let distribution E1SHOPEXAMPLE read shop-media again.".into(),
            steps: vec!["aws s3api get-bucket-policy --bucket shop-media".into()],
            without_viewer: None,
            reference: "https://docs.aws.amazon.com/x.html",
        },
    }
}

fn sent(alert: &Alert) -> Outgoing {
    message::outgoing(alert, Audience::Subscribers, Timestamp::UNIX_EPOCH)
}

fn make(incident: &Incident, finding: Finding, state: &'static str) -> Alert {
    let why = None;
    let place = Place { alert_id: "i-1".into(), sequence: 1, state, why, confidence: None };
    let about =
        About { domain: Some("www.shop.example".into()), requests: 45_000, ..About::default() };
    Alert::new(std::slice::from_ref(incident), &[finding], &place, &about).unwrap()
}

#[test]
fn a_fault_can_be_acted_on_from_a_phone() {
    let incident = incident("s3-origin", "access-not-granted", "fault");
    let mut finding = finding(&incident, "confirmed", "/media/{hash}.jpg");
    finding.trigger = Some(Trigger {
        event: "PutBucketPolicy".into(),
        by: Some("deploy-role".into()),
        at: at("2026-03-10T14:29:30Z"),
        seconds_before_onset: 30,
    });
    let alert = make(&incident, finding, "open");
    assert_snapshot!(text::subject(&alert), @"[403 fault] www.shop.example: The bucket does not let CloudFront in");
    assert_snapshot!(text::email(&alert), @"
    The bucket does not let CloudFront in on /media/{hash}.jpg at FRA (Frankfurt) and IAD (Washington) only, since 2026-03-10 14:30 UTC.

    1,800 requests to www.shop.example (E1SHOPEXAMPLE) were answered 403 since 2026-03-10 14:30 UTC, 4.0 % of its requests in these logs; hardly any is usual.
    Somebody who should get in does not.

    Cause: s3-origin/access-not-granted, confirmed
    Change before it: PutBucketPolicy by deploy-role at 2026-03-10 14:29 UTC
    Where: /media/{hash}.jpg at FRA (Frankfurt) and IAD (Washington) only, 1,800 requests, 61.0 times as often as among served requests

    What to do
    Let distribution E1SHOPEXAMPLE read shop-media again.
    1. aws s3api get-bucket-policy --bucket shop-media

    Why it is s3-origin/access-not-granted
    - no statement lets CloudFront read shop-media (s3api/get-bucket-policy)

    Console: https://us-east-1.console.aws.amazon.com/cloudfront/v4/home#/distributions/E1SHOPEXAMPLE
    AWS on this: https://docs.aws.amazon.com/x.html
    Alert i-1, message 1, open
    ");
}

#[test]
fn a_rule_at_work_says_so() {
    let mut incident = incident("waf", "edge", "enforcement");
    incident.rule = Some("SizeRestrictions_BODY".into());
    let finding = finding(&incident, "confirmed", "/api/v1/upload");
    let alert = make(&incident, finding, "update");
    assert_snapshot!(text::subject(&alert), @"[403 enforcement update] www.shop.example: The WAF blocks (SizeRestrictions_BODY)");
    assert_snapshot!(alert.title, @"The WAF blocks by SizeRestrictions_BODY on /api/v1/upload at FRA (Frankfurt) and IAD (Washington) only, since 2026-03-10 14:30 UTC");
}

#[test]
fn what_later_evidence_explains_is_withdrawn_and_not_called_over() {
    let mut incident = incident("waf", "edge", "enforcement");
    incident.forbidden = 0;
    incident.end = Some(at("2026-03-10T14:35:00Z"));
    let place = Place {
        alert_id: "i-1".into(),
        sequence: 2,
        state: "resolved",
        why: None,
        confidence: None,
    };
    let about = About { domain: Some("www.shop.example".into()), ..About::default() };
    let alert = Alert::new(&[incident], &[], &place, &about).unwrap();
    assert_snapshot!(text::email(&alert), @"
    Withdrawn: The WAF blocks, since 2026-03-10 14:30 UTC.

    www.shop.example (E1SHOPEXAMPLE): evidence that came later gives these refusals another cause.
    If there are many, they have an alert of their own.

    Console: https://us-east-1.console.aws.amazon.com/cloudfront/v4/home#/distributions/E1SHOPEXAMPLE
    Alert i-1, message 2, resolved
    ");
}

#[test]
fn what_is_not_known_is_said() {
    let incident = incident("unattributed", "insufficient-evidence", "unknown");
    let mut finding = finding(&incident, "possible", "/");
    finding.alternatives = vec!["waf", "custom-origin"];
    finding.missing = vec![MissingOut {
        fact: "cloudfront/get-distribution/E1".into(),
        why: "unasked",
        permission: "cloudfront:GetDistribution",
        command: "aws cloudfront get-distribution --id E1".into(),
        file: Some("aws/cloudfront/get-distribution/E1.json".into()),
        moments: None,
        switched_on: None,
        without_viewer: None,
    }];
    let text = text::email(&make(&incident, finding, "open"));
    assert!(text.contains("This may be a fault, or a rule at work."));
    assert!(text.contains("It may also be: waf, custom-origin"));
    assert!(text.contains("- aws cloudfront get-distribution --id E1"));
}

// See: goaccess#405, #1867, testssl.sh#3090: text of viewers became markup and links.
#[test]
fn nothing_that_a_viewer_sent_becomes_a_link_markup_or_secret() {
    let token = "dGhpc0lzQVNlY3JldFRva2Vu1234";
    for (path, shown) in [
        ("/http://evil.example/x", "/{text}/{file}/x"),
        ("//evil.example/x", "/{file}/x"),
        ("/www.evil.js", "/{file}"),
        ("/<script>alert(1)</script>", "/{text}/{text}"),
        ("/a@evil.example", "/{text}"),
        ("/[x](javascript:y)", "/{text}"),
        ("/%1B[31m", "/{text}"),
        (&format!("/reset/{token}"), "/reset/{token}"),
        ("/reset/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "/reset/{token}"),
        ("/install.sh", "/{file}"),
        ("/static/app.{hash}.min.js", "/static/app.{hash}.min.js"),
        ("/.env", "/.env"),
        ("/api/v1/upload", "/api/v1/upload"),
    ] {
        assert_eq!(safe::path(path), shown, "{path}");
    }
    assert_eq!(
        safe::sentence("192.0.2.36 asked, www.evil.example and <b>http://x</b> (2001:db8:1::7)."),
        "192.0.2.x asked, {text} and {text} (2001:db8:1:x)."
    );
    assert_eq!(safe::host("www.shop.example"), "www[.]shop[.]example");
    assert_eq!(safe::host("<b>.example"), "{text}");
    let incident = incident("waf", "edge", "enforcement");
    let mut hostile = finding(&incident, "confirmed", "/\u{1b}]8;;http://evil.example\u{7}x");
    if let Some(cluster) = hostile.clusters.first_mut() {
        cluster.examples = vec![format!("/reset/{token}?x"), "/https://evil.example/".into()];
    }
    let sent = sent(&make(&incident, hostile, "open"));
    for bad in ["evil", token, "\\u001b", "\u{1b}"] {
        assert!(
            !sent.message.contains(bad) && !sent.subject.as_ref().unwrap().contains(bad),
            "{bad}"
        );
    }
}

#[test]
fn each_protocol_has_its_own_body_and_programs_get_the_schema() {
    let incident = incident("s3-origin", "access-not-granted", "fault");
    let alert = make(&incident, finding(&incident, "confirmed", "/a"), "open");
    let sent = sent(&alert);
    let body: Value = serde_json::from_str(&sent.message).unwrap();
    assert_eq!(body["default"], body["email"]);
    for protocol in ["sqs", "lambda", "http", "https"] {
        let alert: Value = serde_json::from_str(body[protocol].as_str().unwrap()).unwrap();
        assert_eq!(alert["schema"], "why403/alert/1");
        assert_eq!(alert["forbidden"], 1800);
    }
    let names: Vec<&str> = sent.attributes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["distribution_id", "cause", "severity", "confidence", "state"]);
}

#[test]
fn limits_hold_whatever_names_people_choose() {
    let mut incident = incident("waf", "edge", "enforcement");
    incident.rule = Some("ü\u{1b}".repeat(100));
    let mut large = finding(&incident, "confirmed", "/a");
    large.evidence = (0..12)
        .map(|n| EvidenceOut {
            source: "x".into(),
            says: "y".repeat(20_000 + n),
            requests: 1,
            speaks: "for",
        })
        .collect();
    large.remedy.steps = vec!["\"\\".repeat(8_000)];
    let sent = sent(&make(&incident, large, "open"));
    assert!(sent.message.len() < 256 << 10, "{}", sent.message.len());
    let subject = sent.subject.unwrap();
    assert!(subject.len() <= 100 && subject.bytes().all(|b| (0x20..0x7f).contains(&b)));
}
