"""The log of a load balancer that comes after the access log: the alert is updated, and surer."""

import gzip
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from uuid import uuid4

from conftest import ACCESS_LOGS, ORIGIN_LOGS, WAF_LOGS
from incident import FIELDS

REFUSED = 40
BALANCER = "shop-1201881237.us-east-1.elb.amazonaws.com"
ACL = "arn:aws:wafv2:us-east-1:000000000000:regional/webacl/alb-guard/b179a3bd-c63b-bd29-adf1-ee91e1239491"


@dataclass
class Asked:
    """A request that the application refuses, by the ids under which CloudFront and its origin know it."""

    at: datetime
    client: str
    path: str
    id: str = field(default_factory=lambda: (uuid4().hex + uuid4().hex)[:54] + "==")
    trace: str = field(default_factory=lambda: f"1-{uuid4().hex[:8]}-{uuid4().hex[:24]}")


def requests() -> list[Asked]:
    """All in five minutes that ended eight minutes ago at least, for a path that no other test asks for."""
    path = f"/checkout/{uuid4().hex[:8]}"
    bucket = int((datetime.now(timezone.utc) - timedelta(minutes=12)).timestamp()) // 300 * 300
    start = datetime.fromtimestamp(bucket + 30, timezone.utc)
    return [Asked(start + timedelta(seconds=5 * n), f"192.0.2.{1 + n}", path) for n in range(REFUSED)]


def create_distribution(aws) -> dict:
    origin = {
        "Id": "web",
        "DomainName": BALANCER,
        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
    }
    return aws.client("cloudfront").create_distribution(
        DistributionConfig={
            "CallerReference": uuid4().hex,
            "Comment": "shop",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {
                "TargetOriginId": "web",
                "ViewerProtocolPolicy": "redirect-to-https",
                "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
            },
        }
    )["Distribution"]


def access_log(distribution: dict, asked: list[Asked]) -> dict[str, bytes]:
    lines = ["#Version: 1.0", "#Fields: " + " ".join(FIELDS)]
    for one in asked:
        values = {
            "date": f"{one.at:%Y-%m-%d}",
            "time": f"{one.at:%H:%M:%S}",
            "x-edge-location": "FRA56-P4",
            "sc-bytes": "3021",
            "c-ip": one.client,
            "cs-method": "GET",
            "cs(Host)": distribution["DomainName"],
            "cs-uri-stem": one.path,
            "sc-status": "403",
            "x-edge-result-type": "Error",
            "x-edge-request-id": one.id,
            "x-host-header": distribution["DomainName"],
            "cs-protocol": "https",
            "cs-bytes": "300",
            "time-taken": "0.090",
            "x-edge-response-result-type": "Error",
            "cs-protocol-version": "HTTP/2.0",
            "time-to-first-byte": "0.089",
            "x-edge-detailed-result-type": "Error",
            "sc-content-type": "text/html",
            "sc-content-len": "2731",
        }
        lines.append("\t".join(values.get(name, "-") for name in FIELDS))
    key = f"cf/{distribution['Id']}.{asked[0].at:%Y-%m-%d-%H}.{uuid4().hex[:8]}.gz"
    return {key: gzip.compress("\n".join(lines).encode() + b"\n")}


def waf_log(asked: list[Asked]) -> dict[str, bytes]:
    """The web ACL at the load balancer let everything pass, and knows both ids."""
    records = [
        {
            "timestamp": int(one.at.timestamp() * 1000) - 20,
            "formatVersion": 1,
            "webaclId": ACL,
            "terminatingRuleId": "Default_Action",
            "terminatingRuleType": "REGULAR",
            "action": "ALLOW",
            "httpSourceName": "ALB",
            "httpSourceId": "000000000000-app/shop/50dc6c495c0c9188",
            "ruleGroupList": [],
            "httpRequest": {
                "clientIp": one.client,
                "country": "DE",
                "headers": [{"name": "x-amz-cf-id", "value": one.id}],
                "uri": one.path,
                "args": "",
                "httpVersion": "HTTP/1.1",
                "httpMethod": "GET",
                "requestId": one.trace,
            },
        }
        for one in asked
    ]
    slot = asked[0].at.replace(minute=asked[0].at.minute // 5 * 5, second=0)
    key = (
        f"AWSLogs/000000000000/WAFLogs/us-east-1/alb-guard/{slot:%Y/%m/%d/%H/%M}/"
        f"000000000000_waflogs_us-east-1_alb-guard_{slot:%Y%m%dT%H%MZ}_{uuid4().hex[:8]}.log.gz"
    )
    return {key: gzip.compress("\n".join(map(json.dumps, records)).encode())}


def balancer_log(asked: list[Asked]) -> dict[str, bytes]:
    """The application behind the load balancer answered 403."""

    def line(one: Asked) -> str:
        at, began = one.at - timedelta(milliseconds=10), one.at - timedelta(milliseconds=40)
        return (
            f"https {at:%Y-%m-%dT%H:%M:%S.%fZ} app/shop/50dc6c495c0c9188 130.176.1.83:20853 10.0.3.17:8080 "
            f'0.001 0.023 0.000 403 403 453 362 "GET https://{BALANCER}:443{one.path} HTTP/1.1" '
            '"Amazon CloudFront" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-1:'
            f'000000000000:targetgroup/web/73e2d6bc24d8a067 "Root={one.trace}" "{BALANCER}" "-" 0 '
            f'{began:%Y-%m-%dT%H:%M:%S.%fZ} "forward" "-" "-" "10.0.3.17:8080" "403" "-" "-" TID_91d6 "-" "-" "-"'
        )

    end = asked[0].at.replace(minute=asked[0].at.minute // 5 * 5, second=0) + timedelta(minutes=5)
    key = (
        f"AWSLogs/000000000000/elasticloadbalancing/us-east-1/{end:%Y/%m/%d}/000000000000_elasticloadbalancing_"
        f"us-east-1_app.shop.50dc6c495c0c9188_{end:%Y%m%dT%H%MZ}_10.0.1.5_{uuid4().hex[:6]}.log.gz"
    )
    return {key: gzip.compress("\n".join(map(line, asked)).encode() + b"\n")}


def test_a_log_that_comes_late_makes_the_alert_surer(aws, stack):
    distribution, asked = create_distribution(aws), requests()
    stack.put(WAF_LOGS, waf_log(asked))
    stack.wait_until_idle()
    stack.put(ACCESS_LOGS, access_log(distribution, asked))
    [first] = [one["alert"] for one in stack.wait_for_alerts()]
    assert (first["cause"], first["confidence"], first["state"]) == ("custom-origin", "likely", "open")
    assert first["forbidden"] == REFUSED

    stack.put(ORIGIN_LOGS, balancer_log(asked))
    [update] = [one["alert"] for one in stack.wait_for_alerts()]

    assert (update["cause"], update["detail"], update["confidence"]) == ("custom-origin", "denied", "confirmed")
    assert (update["state"], update["sequence"], update["alert_id"]) == ("update", 2, first["alert_id"])
    sources = {one["source"] for finding in update["findings"] for one in finding["evidence"]}
    assert "elb access log" in sources
    # The same log again changes nothing, and neither does one of others.
    stack.put(ORIGIN_LOGS, balancer_log(asked))
    stack.put(ORIGIN_LOGS, balancer_log(requests()))
    stack.wait_until_idle()
    assert stack.take_alerts() == []


def test_a_log_that_is_there_before_the_access_log_proves_at_once(aws, stack):
    distribution, asked = create_distribution(aws), requests()
    stack.put(WAF_LOGS, waf_log(asked))
    stack.put(ORIGIN_LOGS, balancer_log(asked))
    stack.wait_until_idle()
    stack.put(ACCESS_LOGS, access_log(distribution, asked))

    [alert] = [one["alert"] for one in stack.wait_for_alerts()]


    assert (alert["cause"], alert["detail"], alert["confidence"]) == ("custom-origin", "denied", "confirmed")
    assert (alert["state"], alert["forbidden"]) == ("open", REFUSED)
