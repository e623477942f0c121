//! Where a signature is found, and what the answer is where it is not.

use super::*;

#[test]
fn without_a_signature_it_depends_on_what_was_logged() {
    let other = Column::Value(b"color=red&expires=1&signature=x");
    let session = Column::Value(b"session=1;%20theme=dark");
    let cases = [
        (Column::Dash, Column::Dash, Some(true), Signature::Absent),
        (other, Column::Dash, Some(true), Signature::Absent),
        (other, session, Some(true), Signature::Absent),
        // A column that has a value was logged.
        (Column::Dash, session, None, Signature::Absent),
        (Column::Dash, Column::Dash, Some(false), Signature::NotSeen),
        (Column::Dash, Column::Dash, None, Signature::NotSeen),
        (Column::Dash, Column::Missing, Some(true), Signature::NotSeen),
        (Column::Missing, Column::Dash, Some(true), Signature::NotSeen),
        (Column::Missing, Column::Missing, None, Signature::NotSeen),
    ];
    for (query, cookie, cookies_logged, wanted) in cases {
        let asked = Asked { query, cookie, cookies_logged, ..bare() };
        assert_eq!(signature(&asked, Some(&keys())), wanted, "{asked:?}");
    }
}

#[test]
fn a_column_is_read_as_missing_dash_or_value() {
    assert_eq!(Column::of(None), Column::Missing);
    assert_eq!(Column::of(Some(b"-")), Column::Dash);
    assert_eq!(Column::of(Some(b"")), Column::Dash);
    assert_eq!(Column::of(Some(b"a")), Column::Value(b"a"));
}

#[test]
fn a_sound_canned_policy() {
    let found = present(&with_query(&canned(2_000_000_000)));
    assert_eq!(found.carrier, Carrier::Query);
    assert_eq!(found.policy, Policy::Canned);
    assert_eq!(found.key, Key::Id(KeyId::parse(KEY.as_bytes()).unwrap()));
    assert_eq!(found.checks.resource, Check::NotAsked);
    assert!(found.checks.is_sound());
    assert_eq!(found.checks.faults().count(), 0);
}

#[test]
fn any_name_makes_a_signed_url_and_hides_the_cookies() {
    let cookie = format!(
        "CloudFront-Expires=2000000000;%20CloudFront-Signature={SIGNATURE};%20CloudFront-Key-Pair-Id={KEY}"
    );
    for name in ["Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"] {
        let query = format!("a=1&{name}=x");
        let asked = Asked { cookie: Column::Value(cookie.as_bytes()), ..with_query(&query) };
        assert_eq!(present(&asked).carrier, Carrier::Query, "{name}");
    }
    let asked = Asked { cookie: Column::Value(cookie.as_bytes()), ..bare() };
    let found = present(&asked);
    assert_eq!((found.carrier, found.policy), (Carrier::Cookie, Policy::Canned));
    assert!(found.checks.is_sound());
}

#[test]
fn cookies_with_a_custom_policy() {
    let text = base64(&policy("https://www.example.com/a/*", ""));
    let cookie = format!(
        "a=b;%20CloudFront-Policy={text};%20CloudFront-Signature={SIGNATURE};CloudFront-Key-Pair-Id={KEY};%20CloudFront-Hash-Algorithm=SHA256"
    );
    let asked = Asked { cookie: Column::Value(cookie.as_bytes()), ..bare() };
    let found = present(&asked);
    assert_eq!((found.carrier, found.policy), (Carrier::Cookie, Policy::Custom));
    assert!(found.checks.is_sound(), "{:?}", found.checks);
    assert_eq!(parts(&asked).unwrap().hash, HashAlgorithm::Sha256);
}

#[test]
fn what_lies_behind_the_cut_of_a_real_time_log_is_unknown() {
    let cut = |cookie: &str| {
        let asked = Asked {
            cookie: Column::Value(cookie.as_bytes()),
            cookie_cut_at: Some(cookie.len()),
            ..bare()
        };
        signature(&asked, Some(&keys()))
    };
    assert_eq!(cut("session=1;%20CloudFront-Pol"), Signature::NotSeen);
    assert_eq!(cut("session=1;%20theme=d"), Signature::NotSeen);
    for cookie in [
        format!("CloudFront-Key-Pair-Id={KEY};%20CloudFront-Policy=eyJT"),
        format!("CloudFront-Key-Pair-Id={KEY};%20a=b"),
    ] {
        let Signature::Present(found) = cut(&cookie) else { panic!("{cookie}") };
        assert_eq!(found.checks.key, Check::Holds);
        assert_eq!(found.checks.form, Check::Unknown, "{cookie}");
        assert_eq!(found.checks.end, Check::Unknown);
        assert_eq!(found.checks.faults().count(), 0, "{cookie}");
    }
    // What was read in full before the cut still counts.
    let expired = format!("CloudFront-Expires=1000000000;%20CloudFront-Key-Pair-Id={KEY};%20x");
    let Signature::Present(found) = cut(&expired) else { panic!() };
    assert_eq!(found.checks.end, Check::Fails);
    assert_eq!(found.checks.form, Check::Unknown);
    let Signature::Present(found) = cut("CloudFront-Key-Pair-Id=K2JC") else { panic!() };
    assert_eq!((found.key, found.checks.key), (Key::Cut, Check::Unknown));
}

#[test]
fn two_values_of_one_name_leave_nothing_certain() {
    let twice = format!("{}&Expires=2000000000", canned(1_000_000_000));
    assert_eq!(faults(&twice), [(Fault::Expired, Certainty::Uncertain)]);
    assert!(!checks(&twice).is_sound());
    let same = format!("{}&Expires=1000000000", canned(1_000_000_000));
    assert_eq!(faults(&same), [(Fault::Expired, Certainty::Certain)]);
    // See: promaton/cloudfront-sign-rs#12, which put `Expires` beside `Policy`.
    let both = format!("{}&Expires=1000000000", custom(&policy("http://other/", "")));
    assert_eq!(faults(&both), [(Fault::PolicyMismatch, Certainty::Uncertain)]);
}

#[test]
fn cookies_beside_a_query_that_was_not_logged_leave_nothing_certain() {
    let cookie = format!("CloudFront-Expires=1000000000;CloudFront-Key-Pair-Id={KEY}");
    let cookie = Column::Value(cookie.as_bytes());
    let found = present(&Asked { query: Column::Missing, cookie, ..bare() });
    assert!(found.checks.faults().all(|found| found.certainty == Certainty::Uncertain));
}

#[test]
fn the_key_is_asked_for_among_the_usable_ones() {
    let other = canned(2_000_000_000).replace(KEY, "APKA9ONS7QCOWEXAMPLE");
    assert_eq!(faults(&other), [(Fault::UnknownKey, Certainty::Certain)]);
    let Signature::Present(found) = signature(&with_query(&other), None) else { panic!() };
    assert_eq!(found.checks.key, Check::Unknown);
    assert!(!found.checks.is_sound());
    // See: jasonsims/aws-cloudfront-sign#2: the key goes before the date.
    let old = canned(0).replace(KEY, "APKA9ONS7QCOWEXAMPLE");
    assert_eq!(
        faults(&old),
        [(Fault::UnknownKey, Certainty::Certain), (Fault::Expired, Certainty::Certain)]
    );
}

#[test]
fn a_key_id_has_capital_letters_and_digits_only() {
    for good in ["K", KEY, "APKA9ONS7QCOWEXAMPLE", "A2345678901234567890123456789012"] {
        assert_eq!(KeyId::parse(good.as_bytes()).unwrap().as_str(), good);
    }
    for bad in ["", "k2jc", "K2JC MDE", "K<b>", "K\0", "A23456789012345678901234567890123"] {
        assert_eq!(KeyId::parse(bad.as_bytes()), None, "{bad}");
    }
    let odd = canned(2_000_000_000).replace(KEY, "k2jc");
    assert_eq!(present(&with_query(&odd)).key, Key::NotAnId);
    assert_eq!(faults(&odd)[0], (Fault::UnknownKey, Certainty::Certain));
}

#[test]
fn the_address_is_compared_with_the_range() {
    let cases = [
        ("192.0.2.0/24", "192.0.2.7", Check::Holds),
        ("192.0.2.7/32", "192.0.2.7", Check::Holds),
        ("192.0.2.7", "192.0.2.7", Check::Holds),
        ("192.0.2.7", "192.0.2.8", Check::Fails),
        ("192.0.2.1/24", "192.0.2.7", Check::Holds),
        ("192.0.2.0/24", "192.0.3.7", Check::Fails),
        ("0.0.0.0/0", "203.0.113.9", Check::Holds),
        ("192.0.2.0/24", "::ffff:192.0.2.7", Check::Holds),
        ("192.0.2.0/24", "2001:db8::7", Check::Fails),
        ("0.0.0.0/0", "2001:db8::7", Check::MayFail),
        ("192.0.2.0/24", "unknown", Check::Unknown),
        ("2001:db8::/32", "2001:db8::7", Check::Unknown),
        ("192.0.2.0/33", "192.0.2.7", Check::Unknown),
    ];
    for (range, client, wanted) in cases {
        let text = policy("*", &format!(r#","IpAddress":{{"AWS:SourceIp":"{range}"}}"#));
        let query = custom(&text);
        let client_ip = Column::Value(client.as_bytes());
        let found = present(&Asked { client_ip, ..with_query(&query) });
        assert_eq!(found.checks.address, wanted, "{range} {client}");
    }
    let query = custom(&policy("*", r#","IpAddress":{"AWS:SourceIp":"192.0.2.0/24"}"#));
    let found = present(&Asked { client_ip: Column::Missing, ..with_query(&query) });
    assert_eq!(found.checks.address, Check::Unknown);
}

#[test]
fn every_fault_is_listed() {
    let text = policy(
        "https://other.example/*",
        r#","DateGreaterThan":{"AWS:EpochTime":1999999999},"IpAddress":{"AWS:SourceIp":"198.51.100.0/24"}"#,
    )
    .replace("2000000000", "1000000000");
    let query = custom(&text).replace(KEY, "KOTHER").replace(SIGNATURE, "!");
    let details: Vec<_> = checks(&query).faults().map(|found| found.fault.detail()).collect();
    let all =
        ["unknown-key", "malformed", "policy-mismatch", "not-yet-valid", "expired", "ip-mismatch"];
    assert_eq!(details, all);
}

#[test]
fn the_parts_for_a_verification() {
    let query = format!("size=large&{}&license=yes&Hash-Algorithm=SHA1", canned(1_357_034_400));
    let found = parts(&with_query(&query)).unwrap();
    assert_eq!(
        String::from_utf8(found.signed.clone()).unwrap(),
        r#"{"Statement":[{"Resource":"https://www.example.com/a/b.jpg?size=large&license=yes","Condition":{"DateLessThan":{"AWS:EpochTime":1357034400}}}]}"#
    );
    assert_eq!((found.carrier, found.hash), (Carrier::Query, HashAlgorithm::Sha1));
    assert_eq!(found.key.to_string(), KEY);
    assert_eq!(found.signature.len(), 32);
    assert!(!format!("{found:?}").contains("1357034400"));

    let text = policy("*", "");
    let found = parts(&with_query(&custom(&text))).unwrap();
    assert_eq!(found.signed, text.as_bytes());

    let canned = canned(1);
    assert_eq!(parts(&bare()), None);
    assert_eq!(parts(&Asked { host: Column::Missing, ..with_query(&canned) }), None);
    assert_eq!(parts(&with_query(&canned.replace(SIGNATURE, ""))), None);
    assert_eq!(parts(&with_query(&format!("{canned}&Hash-Algorithm=MD5"))), None);
    assert_eq!(parts(&with_query(&format!("{canned}&Expires=2"))), None);
}
