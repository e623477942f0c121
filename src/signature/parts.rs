//! What a verification of the signature with the public key needs.

use std::fmt;

use super::Asked;
use super::parameters::{Carrier, KeyId, Looked, Slot, look};
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
    let signed = match found.policy.value() {
        Some(policy) => policy_text(policy, &mut notes)?,
        None => match Statement::canned(&found.expires, &mut notes).ends {
            Demand::Is(ends) => canned_text(&Url::of(asked)?.text()?, ends),
            Demand::Nothing | Demand::Unread => return None,
        },
    };
    Some(Parts {
        carrier: found.carrier,
        key: KeyId::parse(found.key.value()?)?,
        hash,
        signed,
        signature: decoded(found.signature.value()?, Malformation::Signature, &mut notes)?,
    })
}

/// The canned policy without white space, as `private-content-creating-signed-url-canned-policy`
/// prescribes it.
fn canned_text(url: &[u8], ends: i64) -> Vec<u8> {
    let before = br#"{"Statement":[{"Resource":""#;
    let between = br#"","Condition":{"DateLessThan":{"AWS:EpochTime":"#;
    [&before[..], url, between, ends.to_string().as_bytes(), b"}}}]}"].concat()
}
