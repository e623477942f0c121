//! Signed URLs and cookies of two signers that are not ours, checked with their public keys.
//! `tests/data/signed/make.py` made them, with botocore and with the OpenSSL command line.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    reason = "a test reads files and may fail"
)]

use serde_json::Value;
use why403::signature::{
    Asked, Column, Elsewhere, HashAlgorithm, PublicKey, Verified, Work, parts, verify,
};

const RSA: &str = include_str!("data/signed/rsa.pub.pem");
const EC: &str = include_str!("data/signed/ec.pub.pem");
const NAME: &str = "d111111abcdef8.cloudfront.net";

/// One request as the log has it.
#[derive(Clone, Debug)]
struct Signed {
    scheme: String,
    host: String,
    path: String,
    query: Option<String>,
    cookies: Option<String>,
    key: String,
}

impl Signed {
    fn of(one: &Value) -> Self {
        let url = one["url"].as_str().unwrap();
        let (scheme, rest) = url.split_once("://").unwrap();
        let (host, rest) = rest.split_once('/').unwrap();
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        Self {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            path: format!("/{}", logged(path)),
            query: query.map(logged),
            cookies: one["cookies"].as_str().map(logged),
            key: one["key"].as_str().unwrap().to_owned(),
        }
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            protocol: Column::Value(self.scheme.as_bytes()),
            host: Column::Value(self.host.as_bytes()),
            path: self.path.as_bytes(),
            query: self.query.as_ref().map_or(Column::Dash, |text| Column::Value(text.as_bytes())),
            cookie: self
                .cookies
                .as_ref()
                .map_or(Column::Dash, |text| Column::Value(text.as_bytes())),
            cookies_logged: Some(true),
            ..Asked::default()
        }
    }

    fn public_key(&self) -> PublicKey {
        PublicKey::from_pem(if self.key.contains("RSA") { RSA } else { EC }).unwrap()
    }

    fn verified(&self, most: usize) -> Option<Verified> {
        let asked = self.asked();
        // An ID of another key is no question of this one.
        let parts = parts(&asked).filter(|parts| parts.key.as_str() == self.key)?;
        Some(verify(&asked, &parts, &self.public_key(), &[NAME], &mut Work(most)))
    }
}

/// CloudFront writes a percent sign and a space of the viewer's encoded once more.
fn logged(text: &str) -> String {
    text.replace('%', "%25").replace(' ', "%20")
}

fn all() -> Vec<Signed> {
    let all: Value = serde_json::from_str(include_str!("data/signed/signed.json")).unwrap();
    all.as_array().unwrap().iter().map(Signed::of).collect()
}

#[test]
fn what_others_signed_verifies() {
    let all = all();
    assert!(all.len() >= 30);
    for signed in &all {
        assert_eq!(signed.verified(1000), Some(Verified::Good), "{signed:?}");
    }
    let count = |keep: &dyn Fn(&Signed) -> bool| all.iter().filter(|one| keep(one)).count();
    assert!(count(&|one| one.cookies.is_some()) >= 6 && count(&|one| one.key.contains("EC")) >= 6);
    let of_sha256 =
        |one: &Signed| parts(&one.asked()).is_some_and(|parts| parts.hash == HashAlgorithm::Sha256);
    assert!(count(&of_sha256) >= 6);
}

#[test]
fn the_public_key_of_another_does_not_do() {
    for signed in all() {
        let other = if signed.key.contains("RSA") { EC } else { RSA };
        let other = PublicKey::from_pem(other).unwrap();
        let asked = signed.asked();
        let found = verify(&asked, &parts(&asked).unwrap(), &other, &[NAME], &mut Work(1000));
        assert_eq!(found, Verified::Bad);
    }
}

/// Every byte of the path, the query and the cookies before the signature, one after the other, and
/// of the signature some, since every check takes its time. The URL of a custom policy is another
/// question: whether its `Resource` covers it.
#[test]
fn one_changed_byte_verifies_nowhere() {
    let mut tried = 0;
    for signed in all() {
        let fields: [fn(&mut Signed) -> Option<&mut String>; 3] =
            [|one| Some(&mut one.path), |one| one.query.as_mut(), |one| one.cookies.as_mut()];
        for field in fields {
            let mut whole = signed.clone();
            let Some(text) = field(&mut whole).cloned() else { continue };
            let signature = text.find("Signature=").unwrap_or(text.len());
            let custom = signed.query.iter().chain(&signed.cookies).any(|t| t.contains("Policy="));
            let first = if custom { text.find("Policy=").unwrap_or(text.len()) } else { 0 };
            let last = text.find("&Key-Pair-Id").or(text.find("; CloudFront-Key")).unwrap_or(0);
            for at in
                (first..text.len()).filter(|at| *at < signature || at % 13 == 0 || at + 4 > last)
            {
                let mut other = text.clone().into_bytes();
                let byte = other[at];
                // What the log encodes stays encoded.
                if byte == b'%' || text[..at].ends_with('%') || text[..at].ends_with("%2") {
                    continue;
                }
                other[at] = match byte {
                    b'z' | b'Z' | b'9' => byte - 1,
                    _ if byte.is_ascii_alphanumeric() => byte + 1,
                    _ => b'x',
                };
                let mut changed = signed.clone();
                *field(&mut changed).unwrap() = String::from_utf8(other).unwrap();
                // The first check is the one of the request as it was logged.
                let found = changed.verified(1);
                assert_ne!(found, Some(Verified::Good), "{at} of {text}: {changed:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 2000, "{tried}");
}

#[test]
fn nothing_that_was_changed_is_good_in_another_spelling() {
    for mut signed in all().into_iter().step_by(5) {
        signed.path = signed.path.replace("talk", "tulk");
        let canned =
            signed.query.iter().chain(&signed.cookies).any(|text| text.contains("Expires="));
        let wanted = if canned { Verified::Bad } else { Verified::Good };
        assert_eq!(signed.verified(1000), Some(wanted), "{signed:?}");
    }
}

/// A canned policy of the first fixture, asked for in another way.
fn changed(change: impl FnOnce(&mut Signed)) -> Option<Verified> {
    let mut signed = all().remove(0);
    change(&mut signed);
    signed.verified(1000)
}

#[test]
fn what_was_signed_for_something_else_is_said() {
    let scheme = changed(|one| one.scheme = "http".to_owned());
    assert_eq!(scheme, Some(Verified::Elsewhere(Elsewhere::Scheme)));
    let order = changed(|one| {
        let query = one.query.take().unwrap();
        one.query = Some(query.replace("v=2&part=a%252Fb", "part=a%252Fb&v=2"));
    });
    assert_eq!(order, Some(Verified::Bad), "the order of the log is not sorted");
    let host = changed(|one| one.host = "other.example".to_owned());
    assert_eq!(host, Some(Verified::Bad), "a Host that is no name of the distribution's");
    let base64 = changed(|one| {
        let query = one.query.take().unwrap();
        one.query = Some(query.replace("__&Key", "&Key").replace('~', "/"));
    });
    assert_eq!(base64, Some(Verified::Elsewhere(Elsewhere::Base64)));
    let hash = changed(|one| one.query.as_mut().unwrap().push_str("&Hash-Algorithm=SHA256"));
    assert_eq!(hash, Some(Verified::OtherHash));
    let raw = changed(|one| {
        one.path = one.path.replace("%25", "%");
        one.query = Some(one.query.take().unwrap().replace("%25", "%"));
    });
    assert_eq!(raw, Some(Verified::Good), "a log that encodes nothing twice");
}

#[test]
fn what_cannot_be_checked_is_not_called_bad() {
    let masked = |with: fn(&str) -> String| {
        changed(|one| {
            let query = one.query.take().unwrap();
            let (before, rest) = query.split_once("Signature=").unwrap();
            let (signature, after) = rest.split_once('&').unwrap();
            one.query = Some(format!("{before}Signature={}&{after}", with(signature)));
        })
    };
    let letter = |text: &str| text.replace(|c: char| c.is_ascii_alphanumeric(), "A");
    assert_eq!(masked(letter), Some(Verified::Masked));
    assert_eq!(masked(|_| "REDACTED".to_owned()), Some(Verified::Masked));
    assert_eq!(masked(|text| text[..96].to_owned()), Some(Verified::Bad), "cut on its way");
    let mut bad = all().remove(0);
    bad.path.push('x');
    assert_eq!(bad.verified(3), Some(Verified::TooMany));
    for signed in all() {
        // Without the Host or the scheme nobody knows what a canned policy was signed for.
        for gone in [
            Asked { host: Column::Missing, ..signed.asked() },
            Asked { protocol: Column::Missing, ..signed.asked() },
        ] {
            let text = signed.query.iter().chain(&signed.cookies).any(|t| t.contains("Expires="));
            assert_eq!(parts(&gone).is_none(), text);
        }
    }
}

#[test]
fn keys_that_cloudfront_does_not_take_are_none() {
    for text in ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "ssh-rsa AAAA"]
    {
        assert_eq!(PublicKey::from_pem(text), None);
    }
}
