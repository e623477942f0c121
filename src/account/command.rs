//! A question as a command that a person can copy, where a bundle keeps its answer, and what
//! allows asking it.

use jiff::Timestamp;

use super::Question;
use crate::viewer::plain;

impl Question {
    /// The command that a person can run to get the answer. A word in capitals stands for what is
    /// not known.
    pub fn command(&self) -> String {
        let (service, operation) = self.operation.split_once('/').unwrap_or((self.operation, ""));
        let about = self.about.as_str();
        // A log is no answer of an operation, but put into the bundle by a command all the same.
        match self.operation {
            "logs/origin/elb" => return self.sync(None),
            "logs/origin/apigateway" => return self.filter(None),
            _ => {}
        }
        let or = |word: &str| if about.is_empty() { word.to_owned() } else { quoted(about) };
        let argument = match self.operation {
            "cloudfront/list-distributions"
            | "cloudfront/list-distribution-tenants"
            | "cloudtrail/lookup-events"
            | "elbv2/describe-load-balancers"
            | "logs/describe-deliveries" => String::new(),
            "cloudfront/get-distribution-tenant" => format!(" --identifier {}", or("ID")),
            "cloudfront/describe-function" | "cloudfront/get-realtime-log-config" => {
                format!(" --name {}", or("NAME"))
            }
            "wafv2/get-web-acl" => self.web_acl(),
            "wafv2/get-logging-configuration" => {
                // What stands before CloudFront is asked for in Virginia alone.
                let arn = self.arn.as_deref().map_or_else(|| "ARN".to_owned(), quoted);
                format!(" --region us-east-1 --resource-arn {arn}")
            }
            "wafv2/get-web-acl-for-resource" => {
                // What stands before a load balancer is asked for in its own Region.
                let region = about.split(':').nth(3).unwrap_or("REGION");
                format!(" --region {} --resource-arn {}", quoted(region), or("ARN"))
            }
            "kms/get-key-policy" => format!(" --key-id {} --policy-name default", or("ID")),
            "route53/list-resource-record-sets" => format!(" --hosted-zone-id {}", or("ZONE")),
            _ if service == "s3api" => match about.split_once('/') {
                Some((bucket, key)) => {
                    let option = if operation == "head-object" { "key" } else { "prefix" };
                    let key = if key.is_empty() { "KEY".to_owned() } else { quoted(key) };
                    format!(" --bucket {} --{option} {key}", quoted(bucket))
                }
                None => format!(" --bucket {}", or("BUCKET")),
            },
            _ => format!(" --id {}", or("ID")),
        };
        format!("aws {service} {operation}{argument}")
    }

    /// The same for requests from the first to the last moment: a log is read no further.
    pub fn command_for(&self, span: (Timestamp, Timestamp)) -> String {
        match self.operation {
            "logs/origin/elb" => self.sync(Some(span)),
            "logs/origin/apigateway" => self.filter(Some(span)),
            _ => self.command(),
        }
    }

    /// The Region in an origin's name: `NAME.REGION.elb.amazonaws.com`,
    /// `ID.execute-api.REGION.amazonaws.com`.
    fn region(&self) -> String {
        let region = match self.operation {
            "logs/origin/elb" => self.about.split('.').rev().nth(3),
            _ => self.about.split('.').nth(2),
        };
        let is_region = |name: &&str| {
            name.split('-').count() >= 3
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        region.filter(is_region).unwrap_or("REGION").to_owned()
    }

    /// A load balancer's log lies in folders of days.
    fn sync(&self, span: Option<(Timestamp, Timestamp)>) -> String {
        let region = self.region();
        let day = |time: Timestamp| time.strftime("%Y/%m/%d").to_string();
        let month = |time: Timestamp| time.strftime("%Y/%m").to_string();
        let folder = match span {
            Some((first, last)) if day(first) == day(last) => day(first) + "/",
            Some((first, last)) if month(first) == month(last) => month(first) + "/",
            _ => String::new(),
        };
        format!(
            "aws s3 sync \
             s3://BUCKET/AWSLogs/ACCOUNT/elasticloadbalancing/{region}/{folder} logs/origin/"
        )
    }

    /// A log group is read by milliseconds; a few minutes more, since its records come late.
    fn filter(&self, span: Option<(Timestamp, Timestamp)>) -> String {
        const MARGIN: i64 = 300_000;
        let window = span.map_or_else(String::new, |(first, last)| {
            let (from, to) = (first.as_millisecond() - MARGIN, last.as_millisecond() + MARGIN);
            format!(" --start-time {from} --end-time {to}")
        });
        let region = self.region();
        format!("aws logs filter-log-events --region {region} --log-group-name GROUP{window}")
    }

    /// What AWS Config keeps of it, as it was at a moment; `None` for what it does not keep.
    pub fn former(&self, at: Timestamp) -> Option<String> {
        let kind = match self.operation {
            "cloudfront/get-distribution" => "AWS::CloudFront::Distribution",
            "s3api/get-bucket-policy" | "s3api/get-public-access-block" => "AWS::S3::Bucket",
            _ => return None,
        };
        let region = if kind == "AWS::S3::Bucket" { "" } else { " --region us-east-1" };
        Some(format!(
            "aws configservice get-resource-config-history{region} --resource-type {kind} \
             --resource-id {} --later-time {} --limit 1",
            quoted(&self.about),
            at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        ))
    }

    /// A web ACL's ARN ends in `/NAME/ID`, both of which its command wants.
    fn web_acl(&self) -> String {
        let mut parts = self.arn.as_deref().unwrap_or_default().rsplit('/');
        let (id, name) = (parts.next().filter(|id| !id.is_empty()), parts.next());
        format!(
            " --region us-east-1 --scope CLOUDFRONT --name {} --id {}",
            name.map_or_else(|| "NAME".to_owned(), quoted),
            id.map_or_else(|| "ID".to_owned(), quoted),
        )
    }

    /// The file in which a bundle keeps the answer; `None` while it is not known what to ask about.
    pub fn file(&self) -> Option<String> {
        match self.operation {
            "logs/origin/elb" => return None,
            "logs/origin/apigateway" => return Some("logs/origin/api.json".to_owned()),
            _ => {}
        }
        let open = self.about.ends_with('/');
        (!open).then(|| super::bundle::relative(self).to_string_lossy().into_owned())
    }

    /// For a log that may not be written yet: how it is switched on, in words and as a command.
    pub fn switched_on(&self) -> Option<(&'static str, String)> {
        let region = self.region();
        match self.operation {
            "logs/origin/elb" => Some((
                "If the load balancer writes no log yet, switch it on for the next time:",
                format!(
                    "aws elbv2 modify-load-balancer-attributes --region {region} \
                     --load-balancer-arn ARN --attributes Key=access_logs.s3.enabled,Value=true \
                     Key=access_logs.s3.bucket,Value=BUCKET"
                ),
            )),
            "logs/origin/apigateway" => Some((
                "If the stage writes no log yet, switch it on for the next time. For a REST API \
                 access-log.json replaces /accessLogSettings/destinationArn by the log group's ARN \
                 and /accessLogSettings/format by JSON with $context.requestId, \
                 .extendedRequestId, .httpMethod, .path, .status, .requestTimeEpoch and \
                 .error.responseType; an HTTP API takes the same by apigatewayv2.",
                format!(
                    "aws apigateway update-stage --region {region} --rest-api-id {} \
                     --stage-name STAGE --patch-operations file://access-log.json",
                    quoted(self.about.split('.').next().unwrap_or("ID"))
                ),
            )),
            _ => None,
        }
    }

    /// What must be allowed to whoever asks.
    pub fn permission(&self) -> &'static str {
        match self.operation {
            "cloudfront/get-distribution" => "cloudfront:GetDistribution",
            "cloudfront/list-distributions" => "cloudfront:ListDistributions",
            "cloudfront/list-distribution-tenants" => "cloudfront:ListDistributionTenants",
            "cloudfront/get-distribution-tenant" => "cloudfront:GetDistributionTenant",
            "cloudfront/get-origin-request-policy" => "cloudfront:GetOriginRequestPolicy",
            "cloudfront/get-cache-policy" => "cloudfront:GetCachePolicy",
            "cloudfront/get-origin-access-control" => "cloudfront:GetOriginAccessControl",
            "cloudfront/get-cloud-front-origin-access-identity" => {
                "cloudfront:GetCloudFrontOriginAccessIdentity"
            }
            "cloudfront/get-key-group" => "cloudfront:GetKeyGroup",
            "cloudfront/get-public-key" => "cloudfront:GetPublicKey",
            "cloudfront/describe-function" => "cloudfront:DescribeFunction",
            "cloudfront/get-realtime-log-config" => "cloudfront:GetRealtimeLogConfig",
            "wafv2/get-web-acl" => "wafv2:GetWebACL",
            "wafv2/get-logging-configuration" => "wafv2:GetLoggingConfiguration",
            "wafv2/get-sampled-requests" => "wafv2:GetSampledRequests",
            "wafv2/get-web-acl-for-resource" => "wafv2:GetWebACLForResource",
            "s3api/get-bucket-policy" => "s3:GetBucketPolicy",
            "s3api/get-public-access-block" => "s3:GetBucketPublicAccessBlock",
            "s3api/list-objects-v2" => "s3:ListBucket",
            "s3api/head-object" => "s3:GetObject and s3:ListBucket",
            "s3api/get-bucket-request-payment" => "s3:GetBucketRequestPayment",
            "s3api/get-bucket-ownership-controls" => "s3:GetBucketOwnershipControls",
            "kms/get-key-policy" => "kms:GetKeyPolicy",
            "route53/list-resource-record-sets" => "route53:ListResourceRecordSets",
            "cloudtrail/lookup-events" => "cloudtrail:LookupEvents",
            "elbv2/describe-load-balancers" => "elasticloadbalancing:DescribeLoadBalancers",
            "logs/describe-deliveries" => "logs:DescribeDeliveries",
            "logs/origin/elb" => "s3:GetObject",
            "logs/origin/apigateway" => "logs:FilterLogEvents",
            _ => "the operation",
        }
    }
}

/// A word as a shell takes it, whatever is in it.
pub fn quoted(word: &str) -> String {
    let word = plain(word);
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"._/:=@%+,-".contains(&byte);
    if !word.is_empty() && word.bytes().all(bare) && !word.starts_with('-') {
        word
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACL: &str = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/guard/ab-12";

    #[test]
    fn a_web_acl_is_named_by_its_arn() {
        let logging = Question::new("wafv2/get-logging-configuration", "ab-12").named(ACL);
        assert_eq!(
            logging.command(),
            format!("aws wafv2 get-logging-configuration --region us-east-1 --resource-arn {ACL}")
        );
        assert_eq!(
            logging.file().as_deref(),
            Some("aws/wafv2/get-logging-configuration/ab-12.json")
        );
        assert_eq!(
            Question::new("wafv2/get-web-acl", "ab-12").named(ACL).command(),
            "aws wafv2 get-web-acl --region us-east-1 --scope CLOUDFRONT --name guard --id ab-12"
        );
    }

    #[test]
    fn what_a_shell_would_obey_is_quoted() {
        let head = Question::new("s3api/head-object", "b/it's $(here).jpg");
        assert_eq!(head.command(), r"aws s3api head-object --bucket b --key 'it'\''s $(here).jpg'");
        assert_eq!(quoted("--out"), "'--out'");
        assert_eq!(quoted("a;b"), "'a;b'");
    }

    #[test]
    fn a_log_is_read_where_and_when_the_requests_were() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let span = (at(1_776_157_200), at(1_776_157_260));
        let elb = Question::new("logs/origin/elb", "public-web-12.eu-central-1.elb.amazonaws.com");
        assert_eq!(
            elb.command_for(span),
            "aws s3 sync s3://BUCKET/AWSLogs/ACCOUNT/elasticloadbalancing/eu-central-1/2026/04/14/ \
             logs/origin/"
        );
        let api =
            Question::new("logs/origin/apigateway", "k3v9.execute-api.eu-west-1.amazonaws.com");
        assert_eq!(
            api.command_for(span),
            "aws logs filter-log-events --region eu-west-1 --log-group-name GROUP \
             --start-time 1776156900000 --end-time 1776157560000"
        );
        assert!(Question::new("logs/origin/elb", "x").command_for(span).contains("/REGION/"));
    }

    #[test]
    fn what_is_not_known_is_in_capitals() {
        assert_eq!(
            Question::new("s3api/head-object", "b/").command(),
            "aws s3api head-object --bucket b --key KEY"
        );
        assert_eq!(Question::new("s3api/head-object", "b/").file(), None);
    }
}
