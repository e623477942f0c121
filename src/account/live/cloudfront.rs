//! CloudFront's answers in the CLI's form, as far as they are read.

use aws_sdk_cloudfront::Client;
use aws_sdk_cloudfront::types::{
    CustomErrorResponses, Distribution, DistributionConfig, DistributionSummary, ForwardedValues,
    Origin, OriginGroup,
};
use serde_json::{Value, json};

use super::refused;
use crate::account::Answer;

/// `get-distribution`.
pub async fn distribution(client: &Client, id: &str) -> Answer {
    match client.get_distribution().id(id).send().await {
        Ok(said) => match said.distribution() {
            Some(distribution) => {
                Answer::Said(json!({ "Distribution": of_distribution(distribution) }))
            }
            None => Answer::Unreadable("no distribution in it".to_owned()),
        },
        Err(error) => refused(&error),
    }
}

/// `list-distributions`, all pages.
pub async fn distributions(client: &Client) -> Answer {
    let mut items: Vec<Value> = Vec::new();
    let mut pages = client.list_distributions().into_paginator().send();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => {
                let list = page.distribution_list();
                items.extend(list.into_iter().flat_map(|list| list.items()).map(summary));
            }
            Err(error) => return refused(&error),
        }
    }
    Answer::Said(json!({ "DistributionList": { "Items": items } }))
}

/// `get-origin-access-control`.
pub async fn access_control(client: &Client, id: &str) -> Answer {
    match client.get_origin_access_control().id(id).send().await {
        Ok(said) => {
            let config =
                said.origin_access_control().and_then(|c| c.origin_access_control_config());
            match config {
                Some(config) => Answer::Said(json!({ "OriginAccessControl": {
                    "Id": id,
                    "OriginAccessControlConfig": {
                        "Name": config.name,
                        "SigningProtocol": config.signing_protocol.as_str(),
                        "SigningBehavior": config.signing_behavior.as_str(),
                        "OriginAccessControlOriginType":
                            config.origin_access_control_origin_type.as_str(),
                    },
                }})),
                None => Answer::Unreadable("no origin access control in it".to_owned()),
            }
        }
        Err(error) => refused(&error),
    }
}

/// `get-key-group`.
pub async fn key_group(client: &Client, id: &str) -> Answer {
    match client.get_key_group().id(id).send().await {
        Ok(said) => match said.key_group().and_then(|group| group.key_group_config()) {
            Some(config) => Answer::Said(json!({ "KeyGroup": {
                "Id": id,
                "KeyGroupConfig": { "Name": config.name, "Items": config.items },
            }})),
            None => Answer::Unreadable("no key group in it".to_owned()),
        },
        Err(error) => refused(&error),
    }
}

/// `get-public-key`.
pub async fn public_key(client: &Client, id: &str) -> Answer {
    match client.get_public_key().id(id).send().await {
        Ok(said) => match said.public_key().and_then(|key| key.public_key_config()) {
            Some(config) => Answer::Said(json!({ "PublicKey": {
                "Id": id,
                "PublicKeyConfig": { "Name": config.name, "EncodedKey": config.encoded_key },
            }})),
            None => Answer::Unreadable("no public key in it".to_owned()),
        },
        Err(error) => refused(&error),
    }
}

/// `get-origin-request-policy`.
pub async fn origin_request_policy(client: &Client, id: &str) -> Answer {
    match client.get_origin_request_policy().id(id).send().await {
        Ok(said) => {
            let policy = said.origin_request_policy();
            let headers = policy
                .and_then(|policy| policy.origin_request_policy_config())
                .and_then(|config| config.headers_config());
            match headers {
                Some(headers) => {
                    let names = headers.headers().map(|headers| headers.items());
                    Answer::Said(json!({ "OriginRequestPolicy": {
                        "Id": id,
                        "OriginRequestPolicyConfig": { "HeadersConfig": {
                            "HeaderBehavior": headers.header_behavior.as_str(),
                            "Headers": { "Items": names.unwrap_or_default() },
                        }},
                    }}))
                }
                None => Answer::Unreadable("no origin request policy in it".to_owned()),
            }
        }
        Err(error) => refused(&error),
    }
}

fn summary(summary: &DistributionSummary) -> Value {
    json!({
        "Id": summary.id,
        "ARN": summary.arn,
        "DomainName": summary.domain_name,
        "Aliases": { "Items": summary.aliases.as_ref().map(|aliases| aliases.items()) },
        "Origins": {
            "Items": summary.origins.iter().flat_map(|o| o.items.iter().map(origin)).collect::<Vec<_>>(),
        },
        "CustomErrorResponses": error_responses(summary.custom_error_responses.as_ref()),
        "Enabled": summary.enabled,
    })
}

fn of_distribution(distribution: &Distribution) -> Value {
    // Two types of AWS's with the same fields.
    macro_rules! keys {
        ($owners:expr) => {
            $owners.as_ref().map(|owners| {
                let items = owners.items.iter().flatten().map(|owner| {
                    let ids = owner.key_pair_ids.as_ref().map(|ids| ids.items());
                    json!({ "KeyPairIds": { "Items": ids.unwrap_or_default() } })
                });
                json!({ "Enabled": owners.enabled, "Items": items.collect::<Vec<_>>() })
            })
        };
    }
    json!({
        "Id": distribution.id,
        "ARN": distribution.arn,
        "Status": distribution.status,
        "DomainName": distribution.domain_name,
        "LastModifiedTime": distribution.last_modified_time.to_string(),
        "ActiveTrustedKeyGroups": keys!(distribution.active_trusted_key_groups),
        "ActiveTrustedSigners": keys!(distribution.active_trusted_signers),
        "DistributionConfig": distribution.distribution_config.as_ref().map(config),
    })
}

// The old form of forwarding is deprecated and still in use.
#[allow(deprecated)]
fn config(config: &DistributionConfig) -> Value {
    // Two types of AWS's with the same fields.
    macro_rules! behavior {
        ($behavior:expr, $pattern:expr) => {
            json!({
                "PathPattern": $pattern,
                "TargetOriginId": $behavior.target_origin_id,
                "TrustedSigners": $behavior.trusted_signers.as_ref().map_or(json!({}), |signers| {
                    json!({ "Enabled": signers.enabled, "Items": signers.items })
                }),
                "TrustedKeyGroups": $behavior.trusted_key_groups.as_ref().map_or(json!({}), |groups| {
                    json!({ "Enabled": groups.enabled, "Items": groups.items })
                }),
                "ViewerProtocolPolicy": $behavior.viewer_protocol_policy.as_str(),
                "AllowedMethods": $behavior.allowed_methods.as_ref().map(|methods| {
                    let names = methods.items.iter().map(|method| method.as_str());
                    json!({ "Items": names.collect::<Vec<_>>() })
                }),
                "FunctionAssociations": { "Items": $behavior.function_associations.iter()
                    .flat_map(|all| all.items())
                    .map(|one| json!({
                        "FunctionARN": one.function_arn, "EventType": one.event_type.as_str(),
                    }))
                    .collect::<Vec<_>>() },
                "LambdaFunctionAssociations": { "Items": $behavior.lambda_function_associations
                    .iter()
                    .flat_map(|all| all.items())
                    .map(|one| json!({
                        "LambdaFunctionARN": one.lambda_function_arn,
                        "EventType": one.event_type.as_str(),
                    }))
                    .collect::<Vec<_>>() },
                "OriginRequestPolicyId": $behavior.origin_request_policy_id,
                "CachePolicyId": $behavior.cache_policy_id,
                "ForwardedValues": forwarded($behavior.forwarded_values.as_ref()),
            })
        };
    }
    let default = config.default_cache_behavior.as_ref();
    let behaviors = config.cache_behaviors.iter().flat_map(|all| all.items());
    json!({
        "Aliases": { "Items": config.aliases.as_ref().map(|aliases| aliases.items()) },
        "DefaultRootObject": config.default_root_object,
        "Origins": {
            "Items": config.origins.iter().flat_map(|o| o.items.iter().map(origin)).collect::<Vec<_>>(),
        },
        "OriginGroups": { "Items": config.origin_groups.iter()
            .flat_map(|groups| groups.items())
            .map(origin_group)
            .collect::<Vec<_>>() },
        "DefaultCacheBehavior": default.map_or(json!({}), |default| behavior!(default, "")),
        "CacheBehaviors": {
            "Items": behaviors.map(|one| behavior!(one, one.path_pattern)).collect::<Vec<_>>(),
        },
        "CustomErrorResponses": error_responses(config.custom_error_responses.as_ref()),
        "Logging": config.logging.as_ref().map(|logging| {
            json!({
                "Enabled": logging.enabled,
                "IncludeCookies": logging.include_cookies,
                "Bucket": logging.bucket,
                "Prefix": logging.prefix,
            })
        }),
        "Enabled": config.enabled,
        "Restrictions": config.restrictions.as_ref().and_then(|all| {
            let geo = all.geo_restriction()?;
            Some(json!({ "GeoRestriction": {
                "RestrictionType": geo.restriction_type.as_str(), "Items": geo.items,
            }}))
        }),
        "WebACLId": config.web_acl_id,
        "Staging": config.staging.unwrap_or(false),
        "ConnectionMode": config.connection_mode.as_ref().map(|mode| mode.as_str()),
        "ViewerMtlsConfig": config.viewer_mtls_config.as_ref().map(|mtls| {
            json!({ "Mode": mtls.mode.as_str() })
        }),
    })
}

fn error_responses(responses: Option<&CustomErrorResponses>) -> Value {
    let items: Vec<Value> = responses
        .into_iter()
        .flat_map(|responses| responses.items())
        .map(|one| {
            json!({
                "ErrorCode": one.error_code,
                "ResponsePagePath": one.response_page_path,
                "ResponseCode": one.response_code,
                "ErrorCachingMinTTL": one.error_caching_min_ttl,
            })
        })
        .collect();
    json!({ "Items": items })
}

fn forwarded(values: Option<&ForwardedValues>) -> Value {
    match values {
        Some(values) => {
            let names = values.headers.as_ref().map(|headers| headers.items());
            json!({ "Headers": { "Items": names.unwrap_or_default() } })
        }
        None => Value::Null,
    }
}

fn origin(origin: &Origin) -> Value {
    // The values of headers are secrets; whether there is one is all that anybody reads.
    let headers: Vec<Value> = origin
        .custom_headers
        .iter()
        .flat_map(|headers| headers.items())
        .map(|header| json!({ "HeaderName": header.header_name, "HeaderValue": "" }))
        .collect();
    json!({
        "Id": origin.id,
        "DomainName": origin.domain_name,
        "OriginPath": origin.origin_path,
        "CustomHeaders": { "Items": headers },
        "S3OriginConfig": origin.s3_origin_config.as_ref().map(|s3| {
            json!({ "OriginAccessIdentity": s3.origin_access_identity })
        }),
        "CustomOriginConfig": origin.custom_origin_config.as_ref().map(|custom| {
            json!({ "OriginProtocolPolicy": custom.origin_protocol_policy.as_str() })
        }),
        "OriginAccessControlId": origin.origin_access_control_id,
        "VpcOriginConfig": origin.vpc_origin_config.as_ref().map(|vpc| {
            json!({ "VpcOriginId": vpc.vpc_origin_id })
        }),
    })
}

fn origin_group(group: &OriginGroup) -> Value {
    let codes = group.failover_criteria.iter().filter_map(|criteria| criteria.status_codes());
    let members = group.members.iter().flat_map(|members| members.items());
    json!({
        "Id": group.id,
        "FailoverCriteria": {
            "StatusCodes": { "Items": codes.flat_map(|codes| codes.items()).collect::<Vec<_>>() },
        },
        "Members": {
            "Items": members.map(|one| json!({ "OriginId": one.origin_id })).collect::<Vec<_>>(),
        },
    })
}
