//! From a path to a key, and what is known of the key.

use crate::account::bucket::{Head, Listing};
use crate::account::distribution::{Distribution, Origin};
use crate::account::facts::BucketFacts;
use crate::logs::record::Refusal;
use crate::viewer::Viewer;

/// The state of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyState {
    /// It is there.
    Present,
    /// It is there and archived, in this storage class.
    Archived(Box<str>),
    /// It is there and encrypted, and its key does not open.
    Sealed {
        /// Who told it.
        source: &'static str,
        /// Why.
        why: Box<str>,
    },
    /// It is there and encrypted, and whether its key opens is not known; the key's ID.
    Encrypted(Box<str>),
    /// It is there, archived, and restored by now; whether it was when it was asked for, nobody
    /// knows.
    Restored,
    /// It is there, and was written after the request.
    Later,
    /// It is there, and was written so shortly before the request that an error of the time
    /// before may still have come from a cache.
    JustWritten,
    /// It is not there.
    Absent {
        /// The origin served keys that the listing lacks, so that the listing may be another's.
        doubted: bool,
    },
    /// It is not there, and one that is near it is; how it differs.
    Near {
        /// How it differs.
        how: Near,
        /// As for an absent key.
        doubted: bool,
    },
    /// Nobody knows.
    Unknown,
}

/// How a near key differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Near {
    /// Upper and lower case.
    Case,
    /// The origin path is put before it twice, or is missing.
    OriginPath,
    /// It stands for a folder whose `index.html` is there.
    Folder,
    /// `/` is asked and no default root object is set.
    NoRoot,
    /// The default root object starts with a slash.
    RootWithSlash,
}

/// The key that CloudFront asks for: the log's encoding undone once, the viewer's own once more,
/// behind the origin path. The default root object stands for `/` alone, not for folders.
pub fn of(path: &Viewer, distribution: &Distribution, origin: &Origin) -> String {
    let path = String::from_utf8_lossy(&path.meant()).into_owned();
    let path = match path.as_str() {
        "/" | "" => format!("/{}", distribution.config.default_root_object),
        _ => path,
    };
    let whole = format!("{}{path}", origin.origin_path);
    whole.strip_prefix('/').unwrap_or(&whole).to_owned()
}

fn listings(bucket: &BucketFacts) -> impl Iterator<Item = &Listing> {
    bucket.listings.iter().filter_map(|fact| fact.known())
}

/// Whether a complete listing lacks a key.
pub fn is_absent(bucket: &BucketFacts, key: &str) -> bool {
    // S3 reads a plus in a path as a space as well.
    let spaced = key.replace('+', " ");
    let has =
        |listing: &Listing| listing.keys.contains_key(key) || listing.keys.contains_key(&spaced);
    listings(bucket).any(|listing| listing.speaks_of(key)) && !listings(bucket).any(has)
}

/// Whether an archived object is being restored.
pub fn is_being_restored(bucket: &BucketFacts, key: &str) -> bool {
    let head = bucket.heads.get(key).and_then(|fact| fact.known());
    head.is_some_and(Head::is_being_restored)
        || listings(bucket)
            .any(|listing| listing.keys.get(key).is_some_and(|entry| entry.being_restored))
}

/// What is known of a key at the moment of a request. `tail` is for how many seconds an error may
/// outlive its cause; `encrypted` says what an object is that a key of KMS
/// encrypts.
pub fn state(
    refusal: &Refusal,
    distribution: &Distribution,
    origin: &Origin,
    bucket: &BucketFacts,
    key: &str,
    tail: i64,
    encrypted: impl Fn(&str) -> Option<KeyState>,
) -> KeyState {
    let root = &distribution.config.default_root_object;
    let asks_root = matches!(refusal.path.sent().as_slice(), b"/" | b"");
    let doubted = bucket.listing_doubted;
    if asks_root && root.starts_with('/') {
        return KeyState::Near { how: Near::RootWithSlash, doubted: false };
    }
    if let Some(fact) = bucket.heads.get(key) {
        if let Some(head) = fact.known() {
            if let Some(class) = head.archived() {
                return KeyState::Archived(class.into());
            }
            if let Some(state) = head.kms_key().and_then(encrypted) {
                return state;
            }
            if head.is_restored() {
                return KeyState::Restored;
            }
        } else if fact.is_nothing() {
            return KeyState::Absent { doubted: false };
        }
    }
    // S3 reads a plus in a path as a space as well.
    let spaced = key.replace('+', " ");
    let entry = listings(bucket)
        .find_map(|listing| listing.keys.get(key).or_else(|| listing.keys.get(&spaced)));
    if let Some(entry) = entry {
        let age = entry.last_modified.map(|at| refusal.time.as_second() - at.as_second());
        let class = entry.storage_class.as_str();
        return match age {
            Some(age) if age < 0 => KeyState::Later,
            _ if matches!(class, "GLACIER" | "DEEP_ARCHIVE") && !entry.restored => {
                KeyState::Archived(class.into())
            }
            _ if entry.restored => KeyState::Restored,
            Some(age) if age <= tail => KeyState::JustWritten,
            _ => KeyState::Present,
        };
    }
    if let Some(head) = bucket.heads.get(key).and_then(|fact| fact.known()) {
        let later = head.written().is_some_and(|written| written > refusal.time);
        return if later { KeyState::Later } else { KeyState::Present };
    }
    if asks_root && root.is_empty() {
        return KeyState::Near { how: Near::NoRoot, doubted: false };
    }
    // What is put and deleted leaves no event, so a listing of before the request says nothing
    // for certain.
    let older = bucket
        .listings
        .iter()
        .any(|fact| fact.known().is_some() && fact.read_at.is_some_and(|read| read < refusal.time));
    let doubted = doubted || older;
    let speaks = listings(bucket).any(|listing| listing.speaks_of(key));
    let near = listings(bucket).find_map(|listing| near_key(listing, origin, key));
    match near {
        Some(how) if speaks => KeyState::Near { how, doubted },
        _ if speaks => KeyState::Absent { doubted },
        _ => KeyState::Unknown,
    }
}

fn near_key(listing: &Listing, origin: &Origin, key: &str) -> Option<Near> {
    let has = |key: &str| listing.keys.contains_key(key);
    let prefix = origin.origin_path.strip_prefix('/').unwrap_or(&origin.origin_path);
    if !prefix.is_empty() {
        let bare = key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/'));
        if bare.is_some_and(has) {
            return Some(Near::OriginPath);
        }
    }
    if listing.lower.get(&key.to_lowercase()).is_some_and(|other| other != key) {
        return Some(Near::Case);
    }
    let folder = key.strip_suffix('/').unwrap_or(key);
    if has(&format!("{folder}/index.html")) {
        return Some(Near::Folder);
    }
    // The first folder of the path may be one that the origin path should have been, or the
    // bucket may keep everything below one folder that the origin path should name.
    let below = key.split_once('/').map(|(_, rest)| rest);
    let missing_folder = prefix.is_empty() && !key.is_empty() && {
        let mut tops: Vec<&str> =
            listing.keys.keys().filter_map(|key| key.split_once('/')).map(|(top, _)| top).collect();
        tops.dedup();
        tops.iter().take(MOST_TOPS).any(|top| has(&format!("{top}/{key}")))
    };
    let doubled = prefix.is_empty() && below.is_some_and(|rest| rest.contains('/') && has(rest));
    (missing_folder || doubled).then_some(Near::OriginPath)
}

/// Top folders of a bucket that are tried in the place of a missing origin path.
const MOST_TOPS: usize = 50;
