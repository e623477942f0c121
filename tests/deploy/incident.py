"""A small incident, now: a web ACL begins to block uploads of a site. Logs as AWS writes them."""

import gzip
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from uuid import uuid4

BLOCKED = 60
SERVED = 40

RULE_GROUP = "AWS-AWSManagedRulesCommonRuleSet"
RULE = "SizeRestrictions_BODY"

# The 33 fields of a standard log, in its order; those without a value of their own are "-".
FIELDS = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) "
    "cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken "
    "x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status "
    "fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len "
    "sc-range-start sc-range-end"
).split()


@dataclass
class Distribution:
    """A distribution with a web ACL, as the local AWS has made it."""

    id: str
    domain: str
    alias: str
    web_acl_arn: str


@dataclass
class Request:
    at: datetime
    blocked: bool
    client: str
    id: str = field(default_factory=lambda: (uuid4().hex + uuid4().hex)[:54] + "==")


def create_distribution(aws) -> Distribution:
    """A site with an origin of its own behind CloudFront and AWS WAF."""
    metrics = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True}
    group = {"VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet"}
    acl = aws.client("wafv2").create_web_acl(
        Name=f"edge-{uuid4().hex[:8]}",
        Scope="CLOUDFRONT",
        DefaultAction={"Allow": {}},
        VisibilityConfig=metrics | {"MetricName": "edge"},
        Rules=[
            {
                "Name": RULE_GROUP,
                "Priority": 0,
                "Statement": {"ManagedRuleGroupStatement": group},
                "OverrideAction": {"None": {}},
                "VisibilityConfig": metrics | {"MetricName": RULE_GROUP},
            }
        ],
    )["Summary"]
    alias = f"{uuid4().hex[:8]}.shop.example"
    made = aws.client("cloudfront").create_distribution(
        DistributionConfig={
            "CallerReference": uuid4().hex,
            "Comment": "shop",
            "Enabled": True,
            "Aliases": {"Quantity": 1, "Items": [alias]},
            "WebACLId": acl["ARN"],
            "Origins": {
                "Quantity": 1,
                "Items": [
                    {
                        "Id": "web",
                        "DomainName": "origin.shop.example",
                        "CustomOriginConfig": {
                            "HTTPPort": 80,
                            "HTTPSPort": 443,
                            "OriginProtocolPolicy": "https-only",
                        },
                    }
                ],
            },
            "DefaultCacheBehavior": {
                "TargetOriginId": "web",
                "ViewerProtocolPolicy": "redirect-to-https",
                "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
                "AllowedMethods": {
                    "Quantity": 7,
                    "Items": ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"],
                },
            },
        }
    )["Distribution"]
    return Distribution(made["Id"], made["DomainName"], alias, acl["ARN"])


def recent_requests() -> list[Request]:
    """Served and blocked ones mixed, over four minutes that ended eight minutes ago at least.

    All lie in one bucket of five minutes: an incident begins with the first bucket that stands out, so
    that a few blocks at the end of the bucket before it would not be among its own.
    """
    bucket = int((datetime.now(timezone.utc) - timedelta(minutes=12)).timestamp()) // 300 * 300
    start = datetime.fromtimestamp(bucket + 30, timezone.utc)
    count = BLOCKED + SERVED
    return [
        Request(
            at=start + timedelta(seconds=240 * number // count),
            blocked=number * BLOCKED % count < BLOCKED,
            # What one visitor provokes alone is no news.
            client=f"192.0.2.{1 + number % 50}",
        )
        for number in range(count)
    ]


def access_log(distribution: Distribution, requests: list[Request]) -> dict[str, bytes]:
    """One object of standard logging: its key and its bytes."""
    lines = ["#Version: 1.0", "#Fields: " + " ".join(FIELDS)]
    for request in requests:
        result = "Error" if request.blocked else "Miss"
        values = {
            "date": f"{request.at:%Y-%m-%d}",
            "time": f"{request.at:%H:%M:%S}",
            "x-edge-location": "FRA56-P4",
            "sc-bytes": "1391",
            "c-ip": request.client,
            "cs-method": "POST" if request.blocked else "GET",
            "cs(Host)": distribution.domain,
            "cs-uri-stem": "/api/v1/upload" if request.blocked else "/index.html",
            "sc-status": "403" if request.blocked else "200",
            "cs(User-Agent)": "okhttp/4.12.0",
            "x-edge-result-type": result,
            "x-edge-request-id": request.id,
            "x-host-header": distribution.alias,
            "cs-protocol": "https",
            "cs-bytes": "807",
            "time-taken": "0.003",
            "ssl-protocol": "TLSv1.3",
            "ssl-cipher": "TLS_AES_128_GCM_SHA256",
            "x-edge-response-result-type": result,
            "cs-protocol-version": "HTTP/2.0",
            "c-port": "65297",
            "time-to-first-byte": "0.001",
            "x-edge-detailed-result-type": result,
            "sc-content-type": "text/html",
            "sc-content-len": "919",
        }
        lines.append("\t".join(values.get(name, "-") for name in FIELDS))
    key = f"cf/{distribution.id}.{requests[0].at:%Y-%m-%d-%H}.{uuid4().hex[:8]}.gz"
    return {key: gzip.compress("\n".join(lines).encode() + b"\n")}


def waf_logs(distribution: Distribution, requests: list[Request]) -> dict[str, bytes]:
    """The objects of the web ACL, one for each five minutes from the first request until now."""
    acl = distribution.web_acl_arn.split("/")[-2]
    account = distribution.web_acl_arn.split(":")[4]
    # A quiet request now and then, so that the files after the incident exist too.
    now = datetime.now(timezone.utc)
    quiet = [
        Request(at=now - timedelta(minutes=minutes), blocked=False, client="192.0.2.1") for minutes in range(0, 20, 2)
    ]
    objects: dict[str, list[str]] = {}
    for request in requests + quiet:
        slot = request.at.replace(minute=request.at.minute // 5 * 5, second=0)
        key = (
            f"AWSLogs/{account}/WAFLogs/cloudfront/{acl}/{slot:%Y/%m/%d/%H/%M}/"
            f"{account}_waflogs_cloudfront_{acl}_{slot:%Y%m%dT%H%MZ}_0a7915da.log.gz"
        )
        objects.setdefault(key, []).append(json.dumps(waf_record(distribution, request)))
    return {key: gzip.compress("\n".join(records).encode() + b"\n") for key, records in sorted(objects.items())}


def waf_record(distribution: Distribution, request: Request) -> dict:
    action = "BLOCK" if request.blocked else "ALLOW"
    matched = {"ruleId": RULE, "action": "BLOCK", "ruleMatchDetails": None}
    return {
        "timestamp": int(request.at.timestamp() * 1000),
        "formatVersion": 1,
        "webaclId": distribution.web_acl_arn,
        "terminatingRuleId": RULE_GROUP if request.blocked else "Default_Action",
        "terminatingRuleType": "MANAGED_RULE_GROUP" if request.blocked else "REGULAR",
        "action": action,
        "terminatingRuleMatchDetails": [],
        "httpSourceName": "CF",
        "httpSourceId": distribution.id,
        "ruleGroupList": [
            {
                "ruleGroupId": "AWS#AWSManagedRulesCommonRuleSet",
                "terminatingRule": matched if request.blocked else None,
                "nonTerminatingMatchingRules": [],
                "excludedRules": None,
                "customerConfig": None,
            }
        ],
        "rateBasedRuleList": [],
        "nonTerminatingMatchingRules": [],
        "requestHeadersInserted": None,
        "responseCodeSent": None,
        "httpRequest": {
            "clientIp": request.client,
            "country": "DE",
            "headers": [{"name": "host", "value": distribution.alias}],
            "uri": "/api/v1/upload" if request.blocked else "/index.html",
            "args": "",
            "httpVersion": "HTTP/2.0",
            "httpMethod": "POST" if request.blocked else "GET",
            "requestId": request.id,
        },
    }
