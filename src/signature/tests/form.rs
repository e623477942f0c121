//! What is malformed, and how sure that is.

use super::*;

fn malformed(query: &str) -> Option<(Malformation, Certainty)> {
    checks(query).faults().find_map(|found| match found.fault {
        Fault::Malformed(malformation) => Some((malformation, found.certainty)),
        _ => None,
    })
}

#[test]
fn parts_may_be_missing() {
    use Malformation::{NoKeyPairId, NoPolicy, NoSignature};
    let cases = [
        ("Expires=2000000000&Signature=AAAA".to_owned(), NoKeyPairId),
        ("Expires=2000000000&Signature=AAAA&Key-Pair-Id=".to_owned(), NoKeyPairId),
        (format!("Expires=2000000000&Key-Pair-Id={KEY}"), NoSignature),
        (format!("Expires=2000000000&Signature=&Key-Pair-Id={KEY}"), NoSignature),
        (format!("Expires=2000000000&Signature&Key-Pair-Id={KEY}"), NoSignature),
        (format!("Signature=AAAA&Key-Pair-Id={KEY}"), NoPolicy),
        (format!("Hash-Algorithm=SHA1&Signature=AAAA&Key-Pair-Id={KEY}"), NoPolicy),
        // The key goes first, as in CloudFront's own answer.
        ("Hash-Algorithm=SHA1".to_owned(), NoKeyPairId),
    ];
    for (query, wanted) in cases {
        assert_eq!(malformed(&query), Some((wanted, Certainty::Certain)), "{query}");
    }
}

#[test]
fn a_time_is_a_number_of_seconds() {
    use Certainty::{Certain, Uncertain};
    use Malformation::{After2038, Milliseconds, NotANumber};
    let cases = [
        ("2000000000", None),
        ("0", None),
        ("007", None),
        ("2147483647", None),
        ("2147483648", Some((After2038, Uncertain))),
        ("99999999999", Some((After2038, Uncertain))),
        // See: aws/aws-sdk-js#2236, MalformedPolicy.
        ("1773174646000", Some((Milliseconds, Certain))),
        ("99999999999999999999999999", Some((Milliseconds, Certain))),
        ("", Some((NotANumber, Certain))),
        ("-1", Some((NotANumber, Certain))),
        ("+1", Some((NotANumber, Certain))),
        ("1.5", Some((NotANumber, Certain))),
        ("1e9", Some((NotANumber, Certain))),
        ("2026-03-10", Some((NotANumber, Certain))),
        ("%25D9%25A1", Some((NotANumber, Certain))),
    ];
    for (expires, wanted) in cases {
        let mut found = malformed(&canned(expires));
        if expires.is_empty() {
            // An empty `Expires` is both: no policy and no number; the first is told.
            assert_eq!(found, Some((Malformation::NoPolicy, Certain)));
            found = Some((NotANumber, Certain));
        }
        assert_eq!(found, wanted, "{expires}");
    }
    assert_eq!(checks(&canned("1773174646000")).end, Check::Unknown);
}

#[test]
fn base64_has_three_letters_of_its_own() {
    use Certainty::{Certain, Uncertain};
    use Malformation::{Alphabet, Signature};
    let cases = [
        ("ab-~", None),
        ("abc_", None),
        ("ab__", None),
        // AWS's own examples leave the padding out.
        ("abc", None),
        ("ab-%7E", None),
        ("ab-%257E", Some((Alphabet, Uncertain))),
        ("ab+/", Some((Alphabet, Uncertain))),
        ("abc=", Some((Alphabet, Uncertain))),
        ("ab%0Acd", Some((Alphabet, Uncertain))),
        ("a_bc", Some((Signature, Certain))),
        ("abcde", Some((Signature, Certain))),
        ("ab.c", Some((Signature, Certain))),
        ("____", Some((Signature, Certain))),
        ("%C3%A4bc", Some((Signature, Certain))),
    ];
    for (value, wanted) in cases {
        let query = canned(2_000_000_000).replace(SIGNATURE, value);
        assert_eq!(malformed(&query), wanted, "{value}");
    }
}

#[test]
fn a_policy_is_json_of_one_statement() {
    use Certainty::{Certain, Uncertain};
    use Malformation::*;
    let ends = r#""Condition":{"DateLessThan":{"AWS:EpochTime":2000000000}}"#;
    let cases = [
        (format!(r#"{{"Statement":[{{{ends}}}]}}"#), None),
        (format!("{{ \"Statement\" : [\r\n\t{{ {ends} }} ] }}\n"), None),
        (format!(r#"{{"Version":"x","Statement":[{{"Sid":"1",{ends}}}]}}"#), None),
        (format!(r#"{{"Statement":[{{{ends}}},{{{ends}}}]}}"#), Some((Statements, Uncertain))),
        (format!(r#"{{"Statement":{{{ends}}}}}"#), Some((Statement, Uncertain))),
        (r#"{"Statement":[]}"#.into(), Some((Statement, Certain))),
        (r#"{"Statement":["x"]}"#.into(), Some((Statement, Certain))),
        (r#"{"statement":[{}]}"#.into(), Some((Statement, Certain))),
        ("[]".into(), Some((Statement, Certain))),
        ("7".into(), Some((Statement, Certain))),
        ("not json".into(), Some((PolicyJson, Certain))),
        (format!(r#"{{"Statement":[{{{ends}}}]}}}}"#), Some((PolicyJson, Certain))),
        ("\u{feff}{}".into(), Some((PolicyJson, Certain))),
        ("[".repeat(5_000), Some((PolicyJson, Certain))),
        (r#"{"Statement":[{"Resource":"*"}]}"#.into(), Some((NoDateLessThan, Certain))),
        (r#"{"Statement":[{"Condition":7}]}"#.into(), Some((NoDateLessThan, Certain))),
        (
            r#"{"Statement":[{"Condition":{"DateLessThan":{}}}]}"#.into(),
            Some((NotANumber, Certain)),
        ),
        (policy("*", "").replace("2000000000", "null"), Some((NotANumber, Certain))),
        (policy("*", "").replace("2000000000", "\"2000000000\""), Some((NumberForm, Uncertain))),
        (policy("*", "").replace("2000000000", "2000000000.25"), Some((NumberForm, Uncertain))),
        (policy("*", "").replace("2000000000", "\"soon\""), Some((NotANumber, Certain))),
        // See: aws/aws-sdk-js#3407.
        (policy("*", "").replace("2000000000", "1597969348879"), Some((Milliseconds, Certain))),
        (policy("*", "").replace("2000000000", "1e300"), Some((Milliseconds, Certain))),
        (policy("*", "").replace("\"*\"", "[\"*\"]"), Some((Resource, Uncertain))),
        (policy("*", r#","IpAddress":{"AWS:SourceIp":"::/0"}"#), Some((IpAddress, Uncertain))),
        (
            policy("*", r#","IpAddress":{"AWS:SourceIp":["192.0.2.0/24"]}"#),
            Some((IpAddress, Uncertain)),
        ),
    ];
    for (text, wanted) in cases {
        assert_eq!(malformed(&custom(&text)), wanted, "{text}");
    }
    let binary = format!("Policy=_-&Signature=AAAA&Key-Pair-Id={KEY}");
    assert_eq!(malformed(&binary), Some((PolicyEncoding, Certain)));
    let long = custom(&policy(&"a".repeat(POLICY_BYTES), ""));
    assert_eq!(malformed(&long), Some((PolicyLength, Uncertain)));
    assert_eq!(checks(&long).end, Check::Unknown);
}

#[test]
fn a_policy_without_a_resource_is_for_every_url() {
    let text = r#"{"Statement":[{"Condition":{"DateLessThan":{"AWS:EpochTime":2000000000}}}]}"#;
    assert_eq!(checks(&custom(text)).resource, Check::NotAsked);
    assert!(checks(&custom(text)).is_sound());
}

#[test]
fn the_hash_is_one_of_two() {
    let query = |hash: &str| format!("{}&Hash-Algorithm={hash}", canned(2_000_000_000));
    assert_eq!(malformed(&query("SHA1")), None);
    assert_eq!(malformed(&query("SHA256")), None);
    let wanted = Some((Malformation::HashAlgorithm, Certainty::Uncertain));
    for hash in ["", "sha256", "MD5"] {
        assert_eq!(malformed(&query(hash)), wanted, "{hash}");
    }
}

#[test]
fn a_column_longer_than_any_of_cloudfronts_was_not_seen() {
    let query = format!("{}&a={}", canned(1), "x".repeat(COLUMN_BYTES));
    assert_eq!(signature(&with_query(&query), None), Signature::NotSeen);
    let path = vec![b'/'; COLUMN_BYTES + 1];
    let query = custom(&policy("https://other/", ""));
    let found = present(&Asked { path: &path, ..with_query(&query) });
    assert_eq!(found.checks.resource, Check::Unknown);
}
