//! What AWS says of the shop after the thing has gone wrong, as a bundle keeps it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Scenario;
use super::shop::{ACCOUNT, HOST, ORIGIN, Shop, UNSERVED};

/// The managed rule group of a rule.
pub(super) fn group_of(rule: &str) -> &'static str {
    match rule {
        "SizeRestrictions_BODY" => "AWSManagedRulesCommonRuleSet",
        _ => "AWSManagedRulesAmazonIpReputationList",
    }
}

/// A day before all that happens: when everything was set up.
const DAY: i64 = 86_400;

/// The files of `aws/`.
pub(super) fn files(shop: &Shop, scenario: Scenario, onset: i64) -> BTreeMap<String, Vec<u8>> {
    let bucket = &shop.bucket;
    let keys = shop.pictures.iter().chain(&shop.downloads);
    let contents: Vec<Value> = keys
        .map(|key| {
            json!({"Key": key, "Size": 4096, "LastModified": time(onset - 30 * DAY),
                   "StorageClass": "STANDARD"})
        })
        .collect();
    let group = json!({"Name": "shop", "Items": [shop.key]});
    let all = [
        ("cloudfront/list-distributions".to_owned(), list(shop, scenario)),
        (format!("cloudfront/get-distribution/{}", shop.id), distribution(shop, scenario, onset)),
        (
            format!("cloudfront/get-origin-access-control/{}", shop.access_control),
            json!({"OriginAccessControl": {"Id": shop.access_control,
                "OriginAccessControlConfig": {"Name": bucket, "SigningProtocol": "sigv4",
                    "SigningBehavior": "always", "OriginAccessControlOriginType": "s3"}}}),
        ),
        (
            format!("cloudfront/get-key-group/{}", shop.key_group),
            json!({"KeyGroup": {"Id": shop.key_group, "LastModifiedTime": time(onset - 90 * DAY),
                "KeyGroupConfig": group}}),
        ),
        (
            format!("s3api/get-bucket-policy/{bucket}"),
            json!({"Policy": policy(shop, scenario).to_string()}),
        ),
        (
            format!("s3api/get-public-access-block/{bucket}"),
            json!({"PublicAccessBlockConfiguration": {"BlockPublicAcls": true,
                "IgnorePublicAcls": true, "BlockPublicPolicy": true,
                "RestrictPublicBuckets": true}}),
        ),
        (
            format!("s3api/get-bucket-ownership-controls/{bucket}"),
            json!({"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}),
        ),
        (format!("s3api/get-bucket-request-payment/{bucket}"), json!({"Payer": "BucketOwner"})),
        (format!("s3api/list-objects-v2/{bucket}"), json!({"Contents": contents})),
        (format!("wafv2/get-web-acl/{}", shop.acl), acl(shop)),
        (
            format!("wafv2/get-logging-configuration/{}", shop.acl),
            json!({"LoggingConfiguration": {"ResourceArn": shop.acl_arn(),
                "LogDestinationConfigs": ["arn:aws:s3:::aws-waf-logs-shop"]}}),
        ),
        ("cloudtrail/lookup-events".to_owned(), trail(shop, scenario, onset)),
    ];
    let file = |(name, value): (String, Value)| {
        (format!("aws/{name}.json"), format!("{value:#}\n").into_bytes())
    };
    all.into_iter().map(file).collect()
}

fn time(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// The origin of the pages, which answers to those who send its header.
fn web(sends_header: bool) -> Value {
    let header = json!({"HeaderName": "X-Origin-Verify", "HeaderValue": "made-up"});
    let headers = if sends_header { vec![header] } else { Vec::new() };
    json!({
        "Id": "web", "DomainName": ORIGIN, "OriginPath": "", "OriginAccessControlId": "",
        "CustomHeaders": {"Quantity": headers.len(), "Items": headers},
        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443,
            "OriginProtocolPolicy": "https-only"},
    })
}

fn origins(shop: &Shop, scenario: Scenario) -> Value {
    let assets = json!({
        "Id": "assets", "DomainName": format!("{}.s3.us-east-1.amazonaws.com", shop.bucket),
        "OriginPath": "", "CustomHeaders": {"Quantity": 0},
        "S3OriginConfig": {"OriginAccessIdentity": ""},
        "OriginAccessControlId": shop.access_control,
    });
    json!({"Quantity": 2, "Items": [web(scenario != Scenario::OriginHeader), assets]})
}

fn list(shop: &Shop, scenario: Scenario) -> Value {
    let sibling = json!({"Quantity": 1, "Items": [web(true)]});
    json!({"DistributionList": {"IsTruncated": false, "Quantity": 2, "Items": [
        {"Id": shop.id, "ARN": shop.arn(), "DomainName": shop.domain, "Enabled": true,
         "Status": "Deployed", "Aliases": {"Quantity": 1, "Items": [HOST]},
         "Origins": origins(shop, scenario)},
        {"Id": shop.sibling,
         "ARN": format!("arn:aws:cloudfront::{ACCOUNT}:distribution/{}", shop.sibling),
         "DomainName": shop.sibling_domain, "Enabled": true, "Status": "Deployed",
         "Aliases": {"Quantity": 1, "Items": ["partners.shop.example"]}, "Origins": sibling},
    ]}})
}

fn behavior(target: &str, methods: &[&str], key_groups: &[&str]) -> Value {
    json!({
        "TargetOriginId": target, "ViewerProtocolPolicy": "redirect-to-https",
        "AllowedMethods": {"Quantity": methods.len(), "Items": methods},
        "TrustedSigners": {"Enabled": false, "Quantity": 0},
        "TrustedKeyGroups": {"Enabled": !key_groups.is_empty(), "Quantity": key_groups.len(),
            "Items": key_groups},
        "LambdaFunctionAssociations": {"Quantity": 0}, "FunctionAssociations": {"Quantity": 0},
        // AWS's own policy CachingOptimized.
        "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
    })
}

fn distribution(shop: &Shop, scenario: Scenario, onset: i64) -> Value {
    const READ: [&str; 2] = ["GET", "HEAD"];
    const ALL: [&str; 7] = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"];
    let with_path = |path: &str, mut behavior: Value| {
        if let Some(behavior) = behavior.as_object_mut() {
            behavior.insert("PathPattern".to_owned(), path.into());
        }
        behavior
    };
    let restriction = match scenario {
        Scenario::Country => json!({"RestrictionType": "blacklist", "Quantity": 1,
            "Items": [UNSERVED]}),
        _ => json!({"RestrictionType": "none", "Quantity": 0}),
    };
    let changed = match scenario {
        Scenario::Country | Scenario::OriginHeader => onset,
        _ => onset - 30 * DAY,
    };
    json!({"Distribution": {
        "Id": shop.id, "ARN": shop.arn(), "Status": "Deployed", "DomainName": shop.domain,
        "LastModifiedTime": time(changed),
        "ActiveTrustedKeyGroups": {"Enabled": true, "Quantity": 1, "Items": [
            {"KeyGroupId": shop.key_group,
             "KeyPairIds": {"Quantity": 1, "Items": [shop.key]}}]},
        "DistributionConfig": {
            "Aliases": {"Quantity": 1, "Items": [HOST]},
            "DefaultRootObject": "",
            "Origins": origins(shop, scenario),
            "OriginGroups": {"Quantity": 0},
            "DefaultCacheBehavior": behavior("web", &ALL, &[]),
            "CacheBehaviors": {"Quantity": 2, "Items": [
                with_path("/media/*", behavior("assets", &READ, &[])),
                with_path("/downloads/*", behavior("assets", &READ, &[&shop.key_group])),
            ]},
            "CustomErrorResponses": {"Quantity": 0},
            "Logging": {"Enabled": true, "IncludeCookies": false,
                "Bucket": "shop-logs.s3.amazonaws.com", "Prefix": "cf/"},
            "Enabled": true, "Comment": "made up", "WebACLId": shop.acl_arn(),
            "Restrictions": {"GeoRestriction": restriction}, "Staging": false,
        },
    }})
}

/// Lets the distribution read, and in one scenario one that is gone.
fn policy(shop: &Shop, scenario: Scenario) -> Value {
    let arn = match scenario {
        Scenario::BucketPolicyLost => {
            format!("arn:aws:cloudfront::{ACCOUNT}:distribution/{}", shop.sibling)
        }
        _ => shop.arn(),
    };
    json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "AllowCloudFront", "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"}, "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::{}/*", shop.bucket),
        "Condition": {"StringEquals": {"AWS:SourceArn": arn}},
    }]})
}

fn acl(shop: &Shop) -> Value {
    let rule = |priority: u8, group: &str| {
        json!({"Name": format!("AWS-{group}"), "Priority": priority,
            "Statement": {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": group}},
            "OverrideAction": {"None": {}}})
    };
    json!({"WebACL": {"Name": "shop-acl", "Id": shop.acl, "ARN": shop.acl_arn(),
        "DefaultAction": {"Allow": {}},
        "Rules": [rule(0, "AWSManagedRulesAmazonIpReputationList"),
            rule(1, "AWSManagedRulesCommonRuleSet")]}})
}

/// The change with which it began.
fn trail(shop: &Shop, scenario: Scenario, onset: i64) -> Value {
    let Some((_, Some(event))) = scenario.cause() else { return json!({"Events": []}) };
    let (source, kind, name) = match event {
        "UpdateWebACL" => ("wafv2", "AWS::WAFv2::WebACL", shop.acl.as_str()),
        "PutBucketPolicy" => ("s3", "AWS::S3::Bucket", shop.bucket.as_str()),
        _ => ("cloudfront", "AWS::CloudFront::Distribution", shop.id.as_str()),
    };
    let at = time(onset);
    let inner = json!({"eventName": event, "eventTime": at, "requestParameters": {"id": name}});
    json!({"Events": [{
        "EventId": "made-up", "EventName": event, "ReadOnly": "false", "EventTime": at,
        "EventSource": format!("{source}.amazonaws.com"), "Username": "deploy-role",
        "Resources": [{"ResourceType": kind, "ResourceName": name}],
        "CloudTrailEvent": inner.to_string(),
    }]})
}
