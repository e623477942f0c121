//! Whether a signature is the one that the private half of a key makes of what it is said to
//! cover.
//!
//! CloudFront takes RSA keys of 2,048 bits (PKCS #1 v1.5) and ECDSA keys on P-256, each over SHA-1,
//! or over SHA-256 where `Hash-Algorithm=SHA256` says so (`private-content-linux-openssl`,
//! `private-content-trusted-signers`).
//!
//! A custom policy is what the viewer sent. A canned one covers the URL, which the log writes in a
//! spelling of its own: encoded once more, or not; the Host without its port. Each spelling that
//! the viewer can have sent is tried, and only where none of them was signed is the signature bad.
//! Where the same URL with another scheme, Host or order of parameters was signed, it is a genuine
//! signature of something else, which is said and proves nothing.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::pkcs8::DecodePublicKey;
use rsa::Pkcs1v15Sign;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::parameters::base_query;
use super::parts::{HashAlgorithm, Parts, canned_text};
use super::resource::Url;
use super::{Asked, Column};

/// The public half of a key pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Rsa(Box<rsa::PublicKey>),
    P256(Box<p256::ecdsa::VerifyingKey>),
}

impl PublicKey {
    /// Reads a key in PEM, as `get-public-key` has it; `None` if CloudFront takes no such key.
    pub fn from_pem(pem: &str) -> Option<Self> {
        let pem = pem.trim();
        let rsa = || rsa::PublicKey::from_public_key_pem(pem).ok();
        let p256 = || p256::ecdsa::VerifyingKey::from_public_key_pem(pem).ok();
        let rsa = rsa().map(|key| Self(Kind::Rsa(Box::new(key))));
        rsa.or_else(|| Some(Self(Kind::P256(Box::new(p256()?)))))
    }

    fn signed(&self, hash: HashAlgorithm, text: &[u8], signature: &[u8]) -> bool {
        let (sha1, sha256) = (|| Sha1::digest(text), || Sha256::digest(text));
        match (&self.0, hash) {
            (Kind::Rsa(key), HashAlgorithm::Sha1) => {
                key.verify(Pkcs1v15Sign::new::<Sha1>(), &sha1(), signature).is_ok()
            }
            (Kind::Rsa(key), HashAlgorithm::Sha256) => {
                key.verify(Pkcs1v15Sign::new::<Sha256>(), &sha256(), signature).is_ok()
            }
            (Kind::P256(key), hash) => {
                let Ok(signature) = p256::ecdsa::Signature::from_der(signature) else {
                    return false;
                };
                match hash {
                    HashAlgorithm::Sha1 => key.verify_prehash(&sha1(), &signature).is_ok(),
                    HashAlgorithm::Sha256 => key.verify_prehash(&sha256(), &signature).is_ok(),
                }
            }
        }
    }
}

/// What became of the check of a signature with its public key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verified {
    /// There is nothing to check: no signature, or one that cannot be read.
    #[default]
    Unseen,
    /// The public key is not known.
    NoKey,
    /// The signature was taken out of the log before it was handed on.
    Masked,
    /// The check was given up: there are too many signatures.
    TooMany,
    /// It verifies: the holder of the private key signed this.
    Good,
    /// It verifies for something else, which the log says was not asked for.
    Elsewhere(Elsewhere),
    /// It verifies with the hash that the request does not name.
    OtherHash,
    /// It does not verify, whichever way the request can have been written.
    Bad,
}

impl Verified {
    /// The stable identifier, for outcomes that a bundle keeps.
    pub fn id(self) -> Option<&'static str> {
        KEPT.iter().find(|(_, one)| *one == self).map(|(id, _)| *id)
    }

    /// The outcome of an identifier.
    pub fn of_id(id: &str) -> Option<Self> {
        KEPT.iter().find(|(known, _)| *known == id).map(|(_, one)| *one)
    }
}

/// The outcomes that a bundle keeps of signatures that it has no more.
const KEPT: [(&str, Verified); 7] = [
    ("good", Verified::Good),
    ("bad", Verified::Bad),
    ("other-hash", Verified::OtherHash),
    ("other-scheme", Verified::Elsewhere(Elsewhere::Scheme)),
    ("other-host", Verified::Elsewhere(Elsewhere::Host)),
    ("other-order", Verified::Elsewhere(Elsewhere::Order)),
    ("other-base64", Verified::Elsewhere(Elsewhere::Base64)),
];

/// What was signed in place of what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Elsewhere {
    /// The other of `http` and `https`.
    Scheme,
    /// Another name of the distribution.
    Host,
    /// The parameters of the query in another order.
    Order,
    /// The same, if base64 is read that CloudFront's page does not allow.
    Base64,
}

/// How many checks may still be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work(pub usize);

/// Checks a signature with the public key that it names. `names` are the distribution's own.
pub fn verify(
    asked: &Asked<'_>,
    parts: &Parts,
    key: &PublicKey,
    names: &[&str],
    work: &mut Work,
) -> Verified {
    if parts.masked {
        return Verified::Masked;
    }
    let candidates = candidates(asked, parts, names);
    let other_hash = match parts.hash {
        HashAlgorithm::Sha1 => HashAlgorithm::Sha256,
        HashAlgorithm::Sha256 => HashAlgorithm::Sha1,
    };
    let tries = candidates.iter().map(|(text, outcome)| (parts.hash, text, *outcome));
    let exact = candidates.iter().filter(|(_, outcome)| *outcome == Verified::Good);
    let tries = tries.chain(exact.map(|(text, _)| (other_hash, text, Verified::OtherHash)));
    for (hash, text, outcome) in tries {
        let Some(left) = work.0.checked_sub(1) else { return Verified::TooMany };
        work.0 = left;
        if key.signed(hash, text, &parts.signature) {
            return match outcome {
                Verified::Good if !parts.exact => Verified::Elsewhere(Elsewhere::Base64),
                outcome => outcome,
            };
        }
    }
    Verified::Bad
}

/// The texts that may have been signed, each with what it means if it was: first those that the
/// viewer can have asked for, then those that the log contradicts.
fn candidates(asked: &Asked<'_>, parts: &Parts, names: &[&str]) -> Vec<(Vec<u8>, Verified)> {
    let mut all = vec![(parts.signed.clone(), Verified::Good)];
    let (Some(ends), Some(url)) = (parts.ends, Url::of(asked)) else { return all };
    let mut add = |url: &Url, outcome| {
        let Some(text) = url.text() else { return };
        let text = canned_text(&text, ends);
        if all.iter().all(|(known, _)| *known != text) {
            all.push((text, outcome));
        }
    };
    for url in spellings(asked, &url) {
        add(&url, Verified::Good);
        add(
            &Url { host: url.host.as_deref().map(|host| with_port(&url, host)), ..url },
            Verified::Good,
        );
    }
    let scheme = match url.protocol.as_deref() {
        Some(b"http" | b"ws") => b"https".to_vec(),
        _ => b"http".to_vec(),
    };
    let schemed = Url { protocol: Some(scheme), ..url.clone() };
    let sorted = |url: &Url| Url { query: url.query.as_deref().map(in_order), ..url.clone() };
    add(&schemed, Verified::Elsewhere(Elsewhere::Scheme));
    add(&sorted(&url), Verified::Elsewhere(Elsewhere::Order));
    add(&sorted(&schemed), Verified::Elsewhere(Elsewhere::Order));
    for name in names.iter().take(NAMES) {
        for url in [&url, &schemed] {
            let url = Url { host: Some(name.to_ascii_lowercase().into_bytes()), ..url.clone() };
            add(&url, Verified::Elsewhere(Elsewhere::Host));
        }
    }
    all
}

/// Names of the distribution that are tried; more than some are wildcards as a rule.
const NAMES: usize = 8;

/// The URL as it may have been before it was logged: with the log's encoding undone, in the path,
/// in the query, in both or in neither. WebSocket is signed as the HTTP request that it begins as.
fn spellings(asked: &Asked<'_>, url: &Url) -> Vec<Url> {
    let raw_query = match asked.query {
        Column::Value(query) => Some(base_query(query)),
        _ => url.query.clone(),
    };
    let mut all = Vec::new();
    for path in [&url.path[..], asked.path] {
        for query in [url.query.clone(), raw_query.clone()] {
            all.push(Url { path: path.to_vec(), query, ..url.clone() });
        }
    }
    let plain = match url.protocol.as_deref() {
        Some(b"ws") => Some(b"http".to_vec()),
        Some(b"wss" | b"grpcs") => Some(b"https".to_vec()),
        _ => None,
    };
    if let Some(protocol) = plain {
        all.push(Url { protocol: Some(protocol), ..url.clone() });
    }
    // `https://host` and `https://host/` are asked for in the same way.
    if url.path == b"/" {
        all.push(Url { path: Vec::new(), ..url.clone() });
    }
    all
}

/// The Host is logged without its port.
fn with_port(url: &Url, host: &[u8]) -> Vec<u8> {
    let port: &[u8] = match url.protocol.as_deref() {
        Some(b"http" | b"ws") => b":80",
        _ => b":443",
    };
    [host, port].concat()
}

fn in_order(query: &[u8]) -> Vec<u8> {
    let mut pairs: Vec<&[u8]> = query.split(|byte| *byte == b'&').collect();
    pairs.sort_unstable();
    pairs.join(&b'&')
}
