//! What a verification of the signature with the public key needs.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};

use super::Asked;
use super::parameters::{Carrier, KeyId, Looked, Slot, look};
use super::redact::REDACTED;
use super::resource::Url;
use super::statement::{Demand, Malformation, Notes, Statement, decoded, policy_text};

/// The hash under a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HashAlgorithm {
    /// The default.
    Sha1,
    /// With `Hash-Algorithm=SHA256`.
    Sha256,
}

/// The parts of a signature that is complete and readable.
#[derive(Clone, PartialEq, Eq)]
pub struct Parts {
    /// Where it was found.
    pub carrier: Carrier,
    /// The key that is said to have signed.
    pub key: KeyId,
    /// The hash that is said to have been used.
    pub hash: HashAlgorithm,
    /// What was signed: the bytes of the custom policy, or the canned policy in the form that
    /// CloudFront builds of the URL and `Expires`.
    pub signed: Vec<u8>,
    /// The signature itself.
    pub signature: Vec<u8>,
    /// When the canned policy ends; `None` for a custom one, whose text is the viewer's own.
    pub(super) ends: Option<i64>,
    /// Whether the signature and the policy are written as CloudFront asks for it, so that no other
    /// text stands for the same bytes.
    pub(super) exact: bool,
    /// Whether somebody took the signature out of the log.
    pub(super) masked: bool,
}

impl Parts {
    /// Whether somebody took the signature out of the log before it was handed on.
    pub fn is_masked(&self) -> bool {
        self.masked
    }

    /// What tells two signatures apart: the key, the hash, what is signed and the signature.
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [self.key.as_str().as_bytes(), &[self.hash as u8], &self.signed] {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        digest.update([u8::from(self.exact), u8::from(self.ends.is_some())]);
        digest.update(&self.signature);
        digest.finalize().into()
    }
}

/// The signature and the policy are as good as a password until the policy ends, so neither is
/// written where something is debugged.
impl fmt::Debug for Parts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Parts")
            .field("carrier", &self.carrier)
            .field("key", &self.key)
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

/// The parts of the request's signature. `None` where one is missing, cannot be read, or is not the
/// only one of its name, and for a canned policy also where the log does not have the whole URL.
pub fn parts(asked: &Asked<'_>) -> Option<Parts> {
    let Looked::Found(found) = look(asked) else {
        return None;
    };
    if found.in_doubt {
        return None;
    }
    let mut notes = Notes::default();
    let hash = match &found.hash {
        Slot::Absent if found.cut => return None,
        Slot::Absent => HashAlgorithm::Sha1,
        Slot::Is(name) if name == b"SHA1" => HashAlgorithm::Sha1,
        Slot::Is(name) if name == b"SHA256" => HashAlgorithm::Sha256,
        Slot::Is(_) | Slot::Cut => return None,
    };
    let (signed, ends) = match found.policy.value() {
        Some(policy) => (policy_text(policy, &mut notes)?, None),
        None => match Statement::canned(&found.expires, &mut notes).ends {
            Demand::Is(ends) => (canned_text(&Url::of(asked)?.text()?, ends), Some(ends)),
            Demand::Nothing | Demand::Unread => return None,
        },
    };
    let written = found.signature.value()?;
    let signature = decoded(written, Malformation::Signature, &mut notes)?;
    let policy = found.policy.value().is_none_or(|policy| is_exact(policy, &signed));
    Some(Parts {
        carrier: found.carrier,
        key: KeyId::parse(found.key.value()?)?,
        hash,
        ends,
        exact: policy && is_exact(written, &signature),
        masked: is_masked(written),
        signed,
        signature,
    })
}

/// Whether a value is just what its bytes are in CloudFront's base64, with padding or without.
fn is_exact(value: &[u8], bytes: &[u8]) -> bool {
    let plain = STANDARD_NO_PAD.encode(bytes);
    let wanted = plain.bytes().map(|byte| match byte {
        b'+' => b'-',
        b'/' => b'~',
        other => other,
    });
    let padding = (3 - bytes.len() % 3) % 3;
    let rest = value.get(plain.len()..).unwrap_or(b"?");
    wanted.eq(value.iter().copied().take(plain.len()))
        && (rest.is_empty() || (rest.len() == padding && rest.iter().all(|byte| *byte == b'_')))
}

/// Whether a signature is none, but what stands in its place where logs are handed on: one letter
/// all over, as `capture` writes it, or a word that says so.
fn is_masked(value: &[u8]) -> bool {
    let mut letters = value.iter().filter(|byte| byte.is_ascii_alphanumeric());
    let first = letters.next();
    letters.all(|letter| Some(letter) == first)
        || memchr::memmem::find(&value.to_ascii_uppercase(), REDACTED.as_bytes()).is_some()
}

/// The canned policy without white space, as `private-content-creating-signed-url-canned-policy`
/// prescribes it.
pub(super) fn canned_text(url: &[u8], ends: i64) -> Vec<u8> {
    let before = br#"{"Statement":[{"Resource":""#;
    let between = br#"","Condition":{"DateLessThan":{"AWS:EpochTime":"#;
    [&before[..], url, between, ends.to_string().as_bytes(), b"}}}]}"].concat()
}
