//! What a signature says, for people.

use super::*;

fn differs(resource: &str, own: &str) -> Option<Part> {
    present(&with_query(&format!("{own}{}", custom(&policy(resource, ""))))).differs
}

#[test]
fn the_part_of_a_url_that_differs_is_named() {
    assert_eq!(differs("https://www.example.com/a/b.jpg", ""), None);
    assert_eq!(differs("http://www.example.com/a/b.jpg", ""), Some(Part::Scheme));
    assert_eq!(differs("https://d1.cloudfront.net/a/*", ""), Some(Part::Host));
    assert_eq!(differs("https://www.example.com/a/?.png", ""), Some(Part::Path));
    assert_eq!(differs("https://www.example.com/a/b.jpg", "utm=1&"), Some(Part::Query));
    assert_eq!(differs("https://other.example/c", ""), None, "more than one");
}

#[test]
fn a_policy_that_is_cut_off_is_told_from_one_that_is_none() {
    let whole = base64(&policy("*", ""));
    let malformation = |policy: &str| {
        checks(&format!("Policy={policy}&Signature={SIGNATURE}&Key-Pair-Id={KEY}")).malformation
    };
    let whole = whole.trim_end_matches('_');
    assert_eq!(malformation(whole), None);
    for length in [40, 41, 42, 43] {
        let cut = whole.get(..length).unwrap();
        assert_eq!(malformation(cut), Some(Malformation::PolicyCut), "{length}");
    }
    assert_eq!(malformation("%21%21"), Some(Malformation::PolicyEncoding));
    assert_eq!(malformation(&base64("no json")), Some(Malformation::PolicyJson));
}

#[test]
fn one_that_ran_out_on_the_way_is_known() {
    let until = |end: i64| {
        let query = canned(end);
        let ended = Timestamp::from_second(END).ok();
        let asked = Asked { began: began(END, 60_000), ended, ..with_query(&query) };
        let found = present(&asked);
        (found.checks.end, found.ran_out)
    };
    assert_eq!(until(END - 30), (Check::Holds, true));
    assert_eq!(until(END + 30), (Check::Holds, false));
    assert_eq!(until(END - 90), (Check::Fails, false));
}

#[test]
fn a_viewer_by_ipv6_is_told_from_one_of_another_network() {
    let query = custom(&policy("*", r#","IpAddress":{"AWS:SourceIp":"192.0.2.7/32"}"#));
    let by = |address: &'static [u8]| {
        let found = present(&Asked { client_ip: Column::Value(address), ..with_query(&query) });
        (found.checks.address, found.by_ipv6)
    };
    assert_eq!(by(b"192.0.2.7"), (Check::Holds, false));
    assert_eq!(by(b"192.0.2.8"), (Check::Fails, false));
    assert_eq!(by(b"2001:db8::1"), (Check::Fails, true));
    assert_eq!(by(b"::ffff:192.0.2.7"), (Check::Holds, false));
}

#[test]
fn what_is_told_holds_no_secret_and_no_whole_address() {
    let text = policy(
        "https://www.example.com/a/b.jpg?token=t0psecret&size=1",
        r#","IpAddress":{"AWS:SourceIp":"192.0.2.77"}"#,
    );
    let query = format!("token=t0psecret&x=%1B[31m&{}", custom(&text));
    let told = told(&with_query(&query)).unwrap();
    assert_eq!(
        told.resource.as_deref(),
        Some("https://www.example.com/a/b.jpg?token=REDACTED&size=1")
    );
    assert_eq!(told.viewers.as_deref(), Some("one address in 192.0.2.0/24"));
    let all = format!("{told:?}");
    for secret in ["t0psecret", SIGNATURE, "192.0.2.77", "\u{1b}"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
    assert!(told.asked.unwrap().starts_with("https://www.example.com/a/b.jpg?token=REDACTED&x="));
}
