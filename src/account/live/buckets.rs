//! S3's answers in the CLI's form, each bucket asked in its own Region.

use std::future::Future;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::{Builder, Config, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{Object, PublicAccessBlockConfiguration};
use serde_json::{Map, Value, json};

use super::refused;
use crate::account::Answer;

/// `get-bucket-policy`.
pub async fn policy(client: &Client, bucket: &str, region: Option<String>) -> Answer {
    let asked = |config| {
        let request = client.get_bucket_policy().bucket(bucket).customize();
        request.config_override(config).send()
    };
    match in_region(region, asked).await {
        Ok(said) => Answer::Said(json!({ "Policy": said.policy() })),
        Err(answer) => answer,
    }
}

/// `get-public-access-block`.
pub async fn public_access(client: &Client, bucket: &str, region: Option<String>) -> Answer {
    let asked = |config| {
        let request = client.get_public_access_block().bucket(bucket).customize();
        request.config_override(config).send()
    };
    match in_region(region, asked).await {
        Ok(said) => {
            let block = said.public_access_block_configuration();
            let on = |flag: fn(&PublicAccessBlockConfiguration) -> _| {
                block.and_then(flag).unwrap_or(false)
            };
            Answer::Said(json!({ "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": on(|block| block.block_public_acls()),
                "IgnorePublicAcls": on(|block| block.ignore_public_acls()),
                "BlockPublicPolicy": on(|block| block.block_public_policy()),
                "RestrictPublicBuckets": on(|block| block.restrict_public_buckets()),
            }}))
        }
        Err(answer) => answer,
    }
}

/// `get-bucket-request-payment`.
pub async fn request_payment(client: &Client, bucket: &str, region: Option<String>) -> Answer {
    let asked = |config| {
        let request = client.get_bucket_request_payment().bucket(bucket).customize();
        request.config_override(config).send()
    };
    match in_region(region, asked).await {
        Ok(said) => Answer::Said(json!({ "Payer": said.payer().map(|payer| payer.as_str()) })),
        Err(answer) => answer,
    }
}

/// `get-bucket-ownership-controls`.
pub async fn ownership(client: &Client, bucket: &str, region: Option<String>) -> Answer {
    let asked = |config| {
        let request = client.get_bucket_ownership_controls().bucket(bucket).customize();
        request.config_override(config).send()
    };
    match in_region(region, asked).await {
        Ok(said) => {
            let rules = said.ownership_controls().map(|controls| controls.rules());
            let rules = rules.unwrap_or_default().iter();
            Answer::Said(json!({ "OwnershipControls": { "Rules": rules
                .map(|rule| json!({ "ObjectOwnership": rule.object_ownership.as_str() }))
                .collect::<Vec<_>>() } }))
        }
        Err(answer) => answer,
    }
}

/// `list-objects-v2`, one page: the start of a whole bucket, or what begins with a key. A page that
/// is full says so and then proves no absence.
pub async fn listing(
    client: &Client,
    bucket: &str,
    prefix: Option<&str>,
    region: Option<String>,
) -> Answer {
    let asked = |config| {
        let request = client.list_objects_v2().bucket(bucket).set_prefix(prefix.map(str::to_owned));
        request.customize().config_override(config).send()
    };
    match in_region(region, asked).await {
        Ok(said) => Answer::Said(json!({
            "Name": bucket,
            "Prefix": prefix.unwrap_or_default(),
            "IsTruncated": said.is_truncated().unwrap_or(false),
            "Contents": said.contents().iter().map(object).collect::<Vec<_>>(),
        })),
        Err(answer) => answer,
    }
}

fn object(object: &Object) -> Value {
    json!({
        "Key": object.key,
        "LastModified": object.last_modified.map(|at| at.to_string()),
        "Size": object.size,
        "StorageClass": object.storage_class.as_ref().map(|class| class.as_str()),
        "RestoreStatus": object.restore_status.as_ref().map(|status| {
            json!({ "IsRestoreInProgress": status.is_restore_in_progress })
        }),
    })
}

/// An object of a log bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stored {
    /// Its key.
    pub key: String,
    /// When it was written, in seconds.
    pub written: i64,
    /// Its length.
    pub bytes: u64,
}

/// All objects below a prefix, as far as so many go.
pub async fn stored(
    client: &Client,
    bucket: &str,
    prefix: &str,
    most: usize,
) -> Result<Vec<Stored>, Answer> {
    let mut all = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let asked = |config| {
            let request = client.list_objects_v2().bucket(bucket).prefix(prefix);
            let request = request.set_continuation_token(next.clone());
            request.customize().config_override(config).send()
        };
        let said = in_region(None, asked).await?;
        all.extend(said.contents().iter().map(|object| Stored {
            key: object.key.clone().unwrap_or_default(),
            written: object.last_modified.map(|at| at.secs()).unwrap_or_default(),
            bytes: object.size.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default(),
        }));
        next = said.next_continuation_token;
        if next.is_none() || all.len() >= most {
            return Ok(all);
        }
    }
}

/// The bytes of one object.
pub async fn bytes(client: &Client, bucket: &str, key: &str) -> Result<Vec<u8>, Answer> {
    let asked = |config| {
        let request = client.get_object().bucket(bucket).key(key).customize();
        request.config_override(config).send()
    };
    let said = in_region(None, asked).await?;
    match said.body.collect().await {
        Ok(body) => Ok(body.to_vec()),
        Err(error) => Err(Answer::Unreadable(error.to_string())),
    }
}

/// `head-object`.
pub async fn head(client: &Client, bucket: &str, key: &str, region: Option<String>) -> Answer {
    let asked = |config| {
        let request = client.head_object().bucket(bucket).key(key).customize();
        request.config_override(config).send()
    };
    match in_region(region, asked).await {
        Ok(said) => {
            let texts = [
                ("ServerSideEncryption", said.server_side_encryption.map(|kind| kind.to_string())),
                ("SSEKMSKeyId", said.ssekms_key_id),
                ("StorageClass", said.storage_class.map(|class| class.to_string())),
                ("ArchiveStatus", said.archive_status.map(|status| status.to_string())),
                ("Restore", said.restore),
                ("LastModified", said.last_modified.map(|at| at.to_string())),
            ];
            let known = texts.into_iter().filter_map(|(name, text)| Some((name, text?)));
            let said: Map<String, Value> =
                known.map(|(name, text)| (name.to_owned(), Value::String(text))).collect();
            Answer::Said(Value::Object(said))
        }
        Err(answer) => answer,
    }
}

/// Asks a bucket in the Region that is known of it, and once more in the one that S3 names where
/// that was another.
pub async fn in_region<T, E, F>(
    mut region: Option<String>,
    ask: impl Fn(Builder) -> F,
) -> Result<T, Answer>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    SdkError<E, HttpResponse>: ProvideErrorMetadata,
{
    for _ in 0..2 {
        let config = Config::builder();
        let config = match region.clone() {
            Some(region) => config.region(Region::new(region)),
            None => config,
        };
        match ask(config).await {
            Ok(said) => return Ok(said),
            Err(error) => match elsewhere(&error, region.as_deref()) {
                Some(other) => region = Some(other),
                None => return Err(without_body(&error).unwrap_or_else(|| refused(&error))),
            },
        }
    }
    Err(Answer::Error { code: "PermanentRedirect".to_owned() })
}

/// The answer to HEAD has no body that could name its error.
fn without_body<E>(error: &SdkError<E, HttpResponse>) -> Option<Answer>
where
    SdkError<E, HttpResponse>: ProvideErrorMetadata,
{
    let status = error.raw_response()?.status().as_u16();
    (error.code().is_none() && matches!(status, 403 | 404))
        .then(|| Answer::Error { code: status.to_string() })
}

/// The Region that S3 names when a bucket is asked in another one.
fn elsewhere<E>(error: &SdkError<E, HttpResponse>, asked: Option<&str>) -> Option<String> {
    let named = error.raw_response()?.headers().get("x-amz-bucket-region")?;
    (asked != Some(named)).then(|| named.to_owned())
}

/// The Region in `BUCKET.s3.REGION.amazonaws.com`.
pub fn region_of(domain: &str) -> Option<String> {
    let host = domain.strip_suffix(".amazonaws.com")?;
    let last = host.rsplit('.').next()?;
    let region = last.strip_prefix("s3-website-").or_else(|| last.strip_prefix("s3-"));
    let region = region.unwrap_or(last);
    (region.matches('-').count() >= 2).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::region_of;

    #[test]
    fn a_buckets_name_tells_its_region() {
        let region = |domain| region_of(domain);
        assert_eq!(region("a.b.s3.eu-west-1.amazonaws.com").as_deref(), Some("eu-west-1"));
        assert_eq!(region("b.s3-us-west-2.amazonaws.com").as_deref(), Some("us-west-2"));
        assert_eq!(region("b.s3-website-us-east-1.amazonaws.com").as_deref(), Some("us-east-1"));
        assert_eq!(
            region("b.s3.dualstack.ap-south-1.amazonaws.com").as_deref(),
            Some("ap-south-1")
        );
        assert_eq!(region("b.s3.amazonaws.com"), None);
    }
}
