//! Who tells what is not known of a bucket, and how a near key differs, in words.

use super::super::kind::Kind;
use super::grant::Lacks;
use super::key::Near;
use super::{CONFIG, LISTING, POLICY};
use crate::account::Question;

impl Lacks {
    /// Who would tell it; `policy` is who told the policy.
    pub(super) fn source(self, policy: &'static str) -> &'static str {
        match self {
            Self::Policy | Self::Nothing => policy,
            Self::PublicAccess => "s3api/get-public-access-block",
            Self::Lists => "s3api/get-bucket-ownership-controls",
            Self::Identity => "cloudfront/get-cloud-front-origin-access-identity",
        }
    }

    /// The question that would decide.
    pub(super) fn question(self, bucket: &str, kind: &Kind) -> Option<Question> {
        let operation = match self {
            Self::Policy => POLICY,
            Self::PublicAccess => "s3api/get-public-access-block",
            Self::Lists => "s3api/get-bucket-ownership-controls",
            Self::Identity => {
                let id = kind.bucket.as_ref().and_then(|met| met.identity.as_deref());
                let operation = "cloudfront/get-cloud-front-origin-access-identity";
                return Some(Question::new(operation, id.unwrap_or_default()));
            }
            Self::Nothing => return None,
        };
        Some(Question::new(operation, bucket))
    }
}

impl Near {
    /// How the key differs.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Case => "a key that differs only in upper and lower case is there",
            Self::OriginPath => "the key is there without the origin path, or with it",
            Self::Folder => {
                "the key is a folder, and its index.html is there; CloudFront adds no index \
                 documents below the root"
            }
            Self::NoRoot => "/ is asked, and the distribution has no default root object",
            Self::RootWithSlash => "the default root object starts with a slash",
        }
    }

    /// Who told it.
    pub(super) fn source(self) -> &'static str {
        match self {
            Self::NoRoot | Self::RootWithSlash => CONFIG,
            Self::Case | Self::OriginPath | Self::Folder => LISTING,
        }
    }
}
