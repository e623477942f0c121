//! `Resource` against the URL.

use super::*;

fn covered(resource: &str, protocol: &str, host: &str, path: &str, own: &str) -> Check {
    let query = format!("{own}{}", custom(&policy(resource, "")));
    let asked = Asked {
        protocol: Column::Value(protocol.as_bytes()),
        host: Column::Value(host.as_bytes()),
        path: path.as_bytes(),
        ..with_query(&query)
    };
    present(&asked).checks.resource
}

#[test]
fn wildcards_stay_within_their_section() {
    let cases = [
        // The examples of AWS's page.
        ("https://www.example.com/hello*world", "/helloworld", "", Check::Holds),
        ("https://www.example.com/hello*world", "/hello-world", "", Check::Holds),
        ("https://www.example.com/*game.zip*", "/game.zip", "", Check::Holds),
        ("https://www.example.com/*game.zip*", "/my_game.zip", "license=yes&", Check::Holds),
        ("https://www.example.com/a.jpg?size=large", "/a.jpg", "size=large&", Check::Holds),
        (r"https://www.example.com/a.jpg\\?size=large", "/a.jpg", "size=large&", Check::Holds),
        ("https://*", "/training/orientation.pdf", "", Check::Holds),
        ("*", "/anything", "x=1&", Check::Holds),
        ("*example.com", "/", "", Check::Holds),
        ("https://www.example.com*", "/a/b", "x=1&", Check::Holds),
        ("https://www.example.com/hello*", "/hello/a", "x=1&", Check::Holds),
        // An older page let a wildcard match anywhere, so these are not certain.
        ("https://www.example.com/hello*world", "/hello", "world&", Check::MayFail),
        ("http*", "/a", "", Check::MayFail),
        ("https://w*/b.jpg", "/a/b.jpg", "", Check::MayFail),
        // Plain ones.
        ("https://www.example.com/a.jpg", "/a.jpg", "", Check::Holds),
        ("https://WWW.example.com/a.jpg", "/a.jpg", "", Check::Holds),
        ("https://www.example.com/a.jpg", "/A.jpg", "", Check::Fails),
        ("https://www.example.com/a.jpg", "/b.jpg", "", Check::Fails),
        ("https://www.example.com/a/*", "/b/c", "", Check::Fails),
        ("http://www.example.com/a.jpg", "/a.jpg", "", Check::Fails),
        ("http*://www.example.com/a.jpg", "/a.jpg", "", Check::Holds),
        ("*://www.example.com/a.jpg", "/a.jpg", "", Check::Holds),
        ("https://d111111abcdef8.cloudfront.net/a.jpg", "/a.jpg", "", Check::Fails),
        ("https://*.example.com/a.jpg", "/a.jpg", "", Check::Holds),
        ("https://www.example.com/?.jpg", "/a.jpg", "", Check::Holds),
        ("https://www.example.com/?.jpg", "/ab.jpg", "", Check::Fails),
        ("https://www.example.com/a.jp?", "/a.jpg", "", Check::Holds),
        // Parameters added, taken away or changed after signing.
        ("https://www.example.com/a.jpg", "/a.jpg", "utm=1&", Check::Fails),
        ("https://www.example.com/a.jpg?size=large", "/a.jpg", "", Check::Fails),
        ("https://www.example.com/a.jpg?size=large", "/a.jpg", "size=small&", Check::Fails),
        ("https://www.example.com/a.jpg?*", "/a.jpg", "", Check::Holds),
        ("https://www.example.com/a.jpg?size=*", "/a.jpg", "size=9&x=1&", Check::Holds),
        // A resource without protocol and host, and one that is only a path.
        ("/a.jpg", "/a.jpg", "", Check::Fails),
        ("", "/", "", Check::Fails),
        ("*/a.jpg", "/a.jpg", "", Check::Holds),
        ("*/a.jpg?u=http://x", "/a.jpg", "u=http://x&", Check::Holds),
    ];
    for (resource, path, own, wanted) in cases {
        let found = covered(resource, "https", "www.example.com", path, own);
        assert_eq!(found, wanted, "{resource} {path} {own}");
    }
}

#[test]
fn small_differences_in_spelling_are_not_certain() {
    let cases = [
        // The viewer encoded what the policy does not, or the other way round.
        (
            "https://www.example.com/a b.jpg",
            "https",
            "www.example.com",
            "/a%2520b.jpg",
            Check::MayFail,
        ),
        (
            "https://www.example.com/a%20b.jpg",
            "https",
            "www.example.com",
            "/a%2520b.jpg",
            Check::Holds,
        ),
        (
            "https://www.example.com/a%20b.jpg",
            "https",
            "www.example.com",
            "/a%20b.jpg",
            Check::MayFail,
        ),
        ("https://www.example.com/a", "wss", "www.example.com", "/a", Check::MayFail),
        ("wss://www.example.com/a", "wss", "www.example.com", "/a", Check::Holds),
        ("http://www.example.com/a", "wss", "www.example.com", "/a", Check::Fails),
        ("https://www.example.com/a", "https", "www.example.com:443", "/a", Check::MayFail),
        ("https://www.example.com/a", "https", "WWW.Example.com", "/a", Check::Holds),
    ];
    for (resource, protocol, host, path, wanted) in cases {
        assert_eq!(covered(resource, protocol, host, path, ""), wanted, "{resource} {host} {path}");
    }
}

#[test]
fn a_section_that_was_not_logged_cannot_match_or_fail() {
    let check = |resource: &str| {
        let query = custom(&policy(resource, ""));
        let unseen = Asked { protocol: Column::Missing, host: Column::Dash, ..with_query(&query) };
        present(&unseen).checks.resource
    };
    assert_eq!(check("https://www.example.com/a/b.jpg"), Check::Unknown);
    assert_eq!(check("https://www.example.com/other"), Check::Fails);
    assert_eq!(check("*"), Check::Holds);
    assert_eq!(check("*/a/b.jpg"), Check::Holds);
}

#[test]
fn a_pattern_that_goes_back_for_ever_ends_without_an_answer() {
    let resource = format!("https://www.example.com/*{}b", "a".repeat(4_000));
    let path = format!("/{}", "a".repeat(8_000));
    assert_eq!(covered(&resource, "https", "www.example.com", &path, ""), Check::Unknown);
}
