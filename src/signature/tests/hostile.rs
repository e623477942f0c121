//! What no honest viewer sends.

use proptest::prelude::*;

use super::*;

fn column(bytes: &Option<Vec<u8>>) -> Column<'_> {
    Column::of(bytes.as_deref())
}

/// Bytes that look a little like what is expected, so that more than the first line is reached.
fn near_miss() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("Expires=".to_owned()),
        Just("Policy=".to_owned()),
        Just("Signature=".to_owned()),
        Just("Key-Pair-Id=".to_owned()),
        Just("CloudFront-Policy=".to_owned()),
        Just("CloudFront-Key-Pair-Id=".to_owned()),
        Just("eyJTdGF0ZW1lbnQiOlt7".to_owned()),
        Just("&".to_owned()),
        Just(";%20".to_owned()),
        Just("%25".to_owned()),
        Just("\u{fffd}é".to_owned()),
        "[ -~]{0,8}",
        any::<i64>().prop_map(|number| number.to_string()),
        ".{0,6}".prop_map(|text| base64(&text)),
    ];
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        proptest::collection::vec(piece, 0..20).prop_map(|all| all.concat().into_bytes()),
    ]
}

fn asked_of<'a>(parts: &'a [Option<Vec<u8>>; 5], path: &'a [u8], cut: Option<usize>) -> Asked<'a> {
    let [protocol, host, query, cookie, client] = parts;
    Asked {
        protocol: column(protocol),
        host: column(host),
        path,
        query: column(query),
        cookie: column(cookie),
        cookies_logged: None,
        cookie_cut_at: cut,
        client_ip: column(client),
        began: began(END, 5),
        ended: None,
    }
}

proptest! {
    #[test]
    fn nothing_panics(
        parts_of in proptest::array::uniform5(proptest::option::of(near_miss())),
        path in near_miss(),
        cut in proptest::option::of(0usize..100),
    ) {
        let asked = asked_of(&parts_of, &path, cut);
        let state = signature(&asked, Some(&keys()));
        if let Signature::Present(found) = state {
            prop_assert!(found.checks.faults().count() <= 6);
            if let Key::Id(id) = found.key {
                prop_assert!(id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
            }
        }
        if parts(&asked).is_some() {
            prop_assert!(matches!(state, Signature::Present(_)));
        }
        redact(&path);
    }

    #[test]
    fn any_policy_text_is_read(text in "\\PC{0,200}", resource in "[a-z*?:/.\\\\%&=]{0,60}") {
        checks(&custom(&text));
        checks(&custom(&policy(&resource.replace('\\', "\\\\"), "")));
    }

    #[test]
    fn the_order_of_parameters_does_not_matter(
        pairs in proptest::sample::subsequence(vec![0usize, 1, 2, 3, 4, 5, 6], 0..=7).prop_shuffle(),
    ) {
        let all = [
            "Expires=1773174000".to_owned(),
            "Expires=soon".to_owned(),
            format!("Policy={}", base64(&policy("https://*", ""))),
            format!("Signature={SIGNATURE}"),
            "Signature=ab+/".to_owned(),
            format!("Key-Pair-Id={KEY}"),
            "Hash-Algorithm=MD5".to_owned(),
        ];
        let query = |order: &[usize]| {
            order.iter().map(|at| all[*at].clone()).collect::<Vec<_>>().join("&")
        };
        let cookies = |order: &[usize]| {
            let each = order.iter().map(|at| format!("CloudFront-{}", all[*at]));
            each.collect::<Vec<_>>().join(";%20")
        };
        let mut sorted = pairs.clone();
        sorted.sort_unstable();
        let state = |query: &str, cookies: &str| {
            let asked = Asked {
                query: Column::of(Some(query.as_bytes())),
                cookie: Column::of(Some(cookies.as_bytes())),
                ..bare()
            };
            signature(&asked, Some(&keys()))
        };
        prop_assert_eq!(state(&query(&pairs), ""), state(&query(&sorted), ""));
        prop_assert_eq!(state("", &cookies(&pairs)), state("", &cookies(&sorted)));
    }

    #[test]
    fn a_policy_for_this_url_never_fails_on_it(
        path in "(/[a-z0-9._-]{0,8}){1,4}",
        stars in proptest::collection::vec(0usize..30, 0..4),
    ) {
        let mut resource = format!("https://www.example.com{path}");
        for at in stars {
            let from = "https://".len() + at % (resource.len() - "https://".len() + 1);
            resource.insert(from, '*');
        }
        let query = custom(&policy(&resource, ""));
        let found = present(&Asked { path: path.as_bytes(), ..with_query(&query) });
        prop_assert_eq!(found.checks.resource, Check::Holds, "{} {}", resource, path);
    }
}

#[test]
fn large_inputs_take_little_time() {
    let started = std::time::Instant::now();
    for query in [
        "Signature=".repeat(6_000),
        "&".repeat(60_000),
        "%25".repeat(20_000),
        format!("Policy={}", "%2541".repeat(10_000)),
        custom(&policy(&"*a?".repeat(2_000), "")),
        custom(&policy(&format!("*://*/*{}b", "a".repeat(4_000)), "")),
    ] {
        for _ in 0..20 {
            let path = vec![b'a'; 60_000];
            signature(&Asked { path: &path, ..with_query(&query) }, Some(&keys()));
            redact(query.as_bytes());
        }
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
