//! Tenants, policies and field lists: more of CloudFront's answers in the CLI's form.

use aws_sdk_cloudfront::Client;
use aws_sdk_cloudfront::types::{Customizations, DomainResult, RealtimeLogConfig};
use serde_json::{Value, json};

use super::refused;
use crate::account::Answer;

/// Pages of tenants that are read, of 100 each. A list that is cut off says so.
const PAGES: usize = 30;

/// `list-distribution-tenants`.
pub async fn list(client: &Client) -> Answer {
    let mut all: Vec<Value> = Vec::new();
    let mut marker = None;
    for _ in 0..PAGES {
        match client.list_distribution_tenants().set_marker(marker).send().await {
            Ok(said) => {
                all.extend(said.distribution_tenant_list().iter().map(|tenant| {
                    json!({
                        "Id": tenant.id,
                        "DistributionId": tenant.distribution_id,
                        "Domains": domains(&tenant.domains),
                    })
                }));
                marker = said.next_marker.filter(|marker| !marker.is_empty());
            }
            Err(error) => return refused(&error),
        }
        if marker.is_none() {
            break;
        }
    }
    Answer::Said(json!({ "DistributionTenantList": all, "NextMarker": marker }))
}

/// `get-distribution-tenant`.
pub async fn tenant(client: &Client, id: &str) -> Answer {
    match client.get_distribution_tenant().identifier(id).send().await {
        Ok(said) => match said.distribution_tenant() {
            Some(tenant) => Answer::Said(json!({ "DistributionTenant": {
                "Id": tenant.id,
                "DistributionId": tenant.distribution_id,
                "Domains": domains(tenant.domains()),
                "Customizations": tenant.customizations.as_ref().map(customizations),
                "Parameters": tenant.parameters().iter().map(|one| {
                    json!({ "Name": one.name, "Value": one.value })
                }).collect::<Vec<_>>(),
                "Enabled": tenant.enabled,
            }})),
            None => Answer::Unreadable("no tenant in it".to_owned()),
        },
        Err(error) => refused(&error),
    }
}

fn domains(domains: &[DomainResult]) -> Vec<Value> {
    domains.iter().map(|one| json!({ "Domain": one.domain })).collect()
}

fn customizations(own: &Customizations) -> Value {
    let mut out = serde_json::Map::new();
    if let Some(acl) = &own.web_acl {
        let arn = acl.arn.as_deref().unwrap_or_default();
        out.insert("WebAcl".to_owned(), json!({ "Action": acl.action.as_str(), "Arn": arn }));
    }
    if let Some(geo) = &own.geo_restrictions {
        let restriction = geo.restriction_type.as_str();
        let locations = geo.locations.as_deref().unwrap_or_default();
        out.insert(
            "GeoRestrictions".to_owned(),
            json!({ "RestrictionType": restriction, "Locations": locations }),
        );
    }
    Value::Object(out)
}

/// `get-cloud-front-origin-access-identity`.
pub async fn identity(client: &Client, id: &str) -> Answer {
    match client.get_cloud_front_origin_access_identity().id(id).send().await {
        Ok(said) => match said.cloud_front_origin_access_identity() {
            Some(identity) => Answer::Said(json!({ "CloudFrontOriginAccessIdentity": {
                "Id": identity.id,
                "S3CanonicalUserId": identity.s3_canonical_user_id,
            }})),
            None => Answer::Unreadable("no origin access identity in it".to_owned()),
        },
        Err(error) => refused(&error),
    }
}

/// `get-cache-policy`.
pub async fn cache_policy(client: &Client, id: &str) -> Answer {
    match client.get_cache_policy().id(id).send().await {
        Ok(said) => {
            let headers = said
                .cache_policy()
                .and_then(|policy| policy.cache_policy_config())
                .and_then(|config| config.parameters_in_cache_key_and_forwarded_to_origin())
                .and_then(|parameters| parameters.headers_config());
            match headers {
                Some(headers) => {
                    let names = headers.headers().map(|headers| headers.items());
                    Answer::Said(json!({ "CachePolicy": {
                        "Id": id,
                        "CachePolicyConfig": { "ParametersInCacheKeyAndForwardedToOrigin": {
                            "HeadersConfig": {
                                "HeaderBehavior": headers.header_behavior.as_str(),
                                "Headers": { "Items": names.unwrap_or_default() },
                            },
                        }},
                    }}))
                }
                None => Answer::Unreadable("no headers in the cache policy".to_owned()),
            }
        }
        Err(error) => refused(&error),
    }
}

/// `list-realtime-log-configs`.
pub async fn realtime_list(client: &Client) -> Answer {
    let mut all: Vec<Value> = Vec::new();
    let mut marker = None;
    for _ in 0..PAGES {
        match client.list_realtime_log_configs().set_marker(marker).send().await {
            Ok(said) => {
                let configs = said.realtime_log_configs();
                all.extend(configs.iter().flat_map(|list| list.items()).map(realtime_of));
                marker = configs.and_then(|list| list.next_marker.clone());
            }
            Err(error) => return refused(&error),
        }
        if marker.as_deref().unwrap_or_default().is_empty() {
            break;
        }
    }
    Answer::Said(json!({ "RealtimeLogConfigs": { "Items": all } }))
}

/// `get-realtime-log-config`.
pub async fn realtime(client: &Client, name: &str) -> Answer {
    match client.get_realtime_log_config().name(name).send().await {
        Ok(said) => match said.realtime_log_config() {
            Some(config) => Answer::Said(json!({ "RealtimeLogConfig": realtime_of(config) })),
            None => Answer::Unreadable("no real-time configuration in it".to_owned()),
        },
        Err(error) => refused(&error),
    }
}

fn realtime_of(config: &RealtimeLogConfig) -> Value {
    json!({
        "ARN": config.arn,
        "Name": config.name,
        "SamplingRate": config.sampling_rate,
        "EndPoints": config.end_points.iter().map(|end| json!({
            "StreamType": end.stream_type,
            "KinesisStreamConfig": end.kinesis_stream_config.as_ref().map(|stream| {
                json!({ "StreamARN": stream.stream_arn })
            }),
        })).collect::<Vec<_>>(),
        "Fields": config.fields,
    })
}
