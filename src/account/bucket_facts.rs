//! The facts of one bucket.

use std::collections::BTreeMap;

use super::bucket::{self, Head, Listing, PublicAccessBlock};
use super::facts::{Depth, read_policy};
use super::witness::Witness;
use super::{Account, Fact, Question};
use crate::policy::Policy;

/// What is known of one bucket.
#[derive(Clone, Debug)]
pub struct BucketFacts {
    /// Its policy.
    pub policy: Fact<Policy>,
    /// Its public access block.
    pub public_access: Fact<PublicAccessBlock>,
    /// Its keys, from one listing or from several with prefixes.
    pub listings: Vec<Fact<Listing>>,
    /// Objects that were asked about singly, by key.
    pub heads: BTreeMap<String, Fact<Head>>,
    /// Whether whoever asks must pay.
    pub requester_pays: Fact<bool>,
    /// Whether access lists are switched off (`BucketOwnerEnforced`).
    pub lists_off: Fact<bool>,
    /// What the bucket did with keys that this policy refuses.
    pub witness: Witness,
    /// Whether the origin served keys that the listing lacks, so that the listing may be that of
    /// another bucket or moment.
    pub listing_doubted: bool,
}

impl BucketFacts {
    pub(super) fn gather(account: &dyn Account, name: &str, depth: Depth) -> Self {
        let about = |operation| Question::new(operation, name);
        Self {
            policy: Fact::ask(account, about("s3api/get-bucket-policy"), read_policy),
            public_access: Fact::ask(
                account,
                about("s3api/get-public-access-block"),
                bucket::public_access_block,
            ),
            listings: match depth {
                Depth::Causes => Vec::new(),
                Depth::Incident => listings(account, name),
            },
            heads: below(account, "s3api/head-object", name)
                .into_iter()
                .map(|(key, question)| (key, Fact::ask(account, question, Head::parse)))
                .collect(),
            requester_pays: Fact::ask(
                account,
                about("s3api/get-bucket-request-payment"),
                bucket::requester_pays,
            ),
            lists_off: Fact::ask(
                account,
                about("s3api/get-bucket-ownership-controls"),
                bucket::lists_off,
            ),
            witness: Witness::default(),
            listing_doubted: false,
        }
    }
}

/// What an operation was asked about below a bucket, `BUCKET/KEY`, by key.
fn below(account: &dyn Account, operation: &'static str, name: &str) -> Vec<(String, Question)> {
    let all = account.subjects(operation).into_iter();
    all.filter_map(|about| {
        let key = about.strip_prefix(name)?.strip_prefix('/')?.to_owned();
        Some((key, Question::new(operation, about)))
    })
    .collect()
}

/// The listing of the whole bucket, and those that were asked with a prefix.
fn listings(account: &dyn Account, name: &str) -> Vec<Fact<Listing>> {
    const OPERATION: &str = "s3api/list-objects-v2";
    let whole = Fact::ask(account, Question::new(OPERATION, name), Listing::parse);
    let parts = below(account, OPERATION, name);
    let parts = parts.into_iter().map(|(prefix, question)| {
        Fact::ask(account, question, |answer| {
            let mut listing = Listing::parse(answer)?;
            // The CLI writes no prefix into its answer; the file's name has it.
            if listing.prefix.is_empty() {
                listing.prefix = prefix;
            }
            Ok(listing)
        })
    });
    std::iter::once(whole).chain(parts).collect()
}
