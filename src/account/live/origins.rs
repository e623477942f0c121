//! What stands behind a distribution: load balancers, their web ACLs, and keys that encrypt objects.

use aws_sdk_elasticloadbalancingv2::config::Region;
use serde_json::{Value, json};

use super::{refused, waf};
use crate::account::Answer;

/// `describe-load-balancers` in one Region, all pages.
pub async fn load_balancers(
    client: &aws_sdk_elasticloadbalancingv2::Client,
    region: &str,
) -> Result<Vec<Value>, Answer> {
    let mut all = Vec::new();
    let mut marker = None;
    for _ in 0..PAGES {
        let asked = client.describe_load_balancers().set_marker(marker).customize();
        let config = aws_sdk_elasticloadbalancingv2::Config::builder()
            .region(Region::new(region.to_owned()));
        let said = asked.config_override(config).send().await.map_err(|error| refused(&error))?;
        all.extend(said.load_balancers().iter().map(|one| {
            json!({
                "LoadBalancerArn": one.load_balancer_arn,
                "DNSName": one.dns_name,
                "LoadBalancerName": one.load_balancer_name,
                "Scheme": one.scheme.as_ref().map(|scheme| scheme.as_str()),
                "Type": one.r#type.as_ref().map(|kind| kind.as_str()),
                "SecurityGroups": one.security_groups,
            })
        }));
        marker = said.next_marker;
        if marker.is_none() {
            break;
        }
    }
    Ok(all)
}

/// Pages of load balancers that are read in one Region, of 400 each.
const PAGES: usize = 10;

/// `get-web-acl-for-resource`, in the resource's own Region. Where there is none, AWS answers an
/// empty object.
pub async fn web_acl(client: &aws_sdk_wafv2::Client, resource: &str) -> Answer {
    let Some(region) = region_of(resource) else { return Answer::Unasked };
    let config =
        aws_sdk_wafv2::Config::builder().region(aws_sdk_wafv2::config::Region::new(region));
    let asked = client.get_web_acl_for_resource().resource_arn(resource).customize();
    match asked.config_override(config).send().await {
        Ok(said) => Answer::Said(match said.web_acl() {
            Some(acl) => json!({ "WebACL": waf::of_web_acl(acl) }),
            None => json!({}),
        }),
        Err(error) => refused(&error),
    }
}

/// `get-key-policy`, in the key's own Region.
pub async fn key_policy(client: &aws_sdk_kms::Client, key: &str) -> Answer {
    let mut config = aws_sdk_kms::Config::builder();
    if let Some(region) = region_of(key) {
        config = config.region(aws_sdk_kms::config::Region::new(region));
    }
    let asked = client.get_key_policy().key_id(key).policy_name("default").customize();
    match asked.config_override(config).send().await {
        Ok(said) => Answer::Said(json!({ "Policy": said.policy(), "PolicyName": "default" })),
        Err(error) => refused(&error),
    }
}

/// The Region in an ARN.
fn region_of(arn: &str) -> Option<String> {
    arn.split(':').nth(3).filter(|region| !region.is_empty()).map(str::to_owned)
}

/// The Region in a load balancer's name, `NAME.REGION.elb.amazonaws.com` or
/// `NAME.elb.REGION.amazonaws.com`.
pub fn region_of_name(domain: &str) -> Option<String> {
    let host = domain.strip_suffix(".amazonaws.com")?;
    let mut parts = host.rsplit('.');
    let region = match (parts.next()?, parts.next()?) {
        ("elb", region) | (region, "elb") => region,
        _ => return None,
    };
    Some(region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arns_tell_regions() {
        let name = |domain| region_of_name(domain);
        assert_eq!(name("web-1.eu-west-1.elb.amazonaws.com").as_deref(), Some("eu-west-1"));
        assert_eq!(name("net-1.elb.eu-west-1.amazonaws.com").as_deref(), Some("eu-west-1"));
        assert_eq!(name("b.s3.eu-west-1.amazonaws.com"), None);
        assert_eq!(name("www.shop.example"), None);
        let arn = "arn:aws:kms:ap-south-1:111122223333:key/1";
        assert_eq!(region_of(arn).as_deref(), Some("ap-south-1"));
        assert_eq!(region_of("1234"), None);
    }
}
