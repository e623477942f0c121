"""What the deployed function reads of the account: the same answers as from a bundle."""

import gzip
import json
from datetime import datetime, timedelta, timezone
from uuid import uuid4

import pytest
from conftest import ACCESS_LOGS
from incident import FIELDS

REFUSED = 30


@pytest.fixture
def site(aws):
    """A bucket that lets CloudFront in by the distribution's name, and serves three countries."""
    s3, cloudfront = aws.client("s3"), aws.client("cloudfront")
    bucket = f"shop-media-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    control = cloudfront.create_origin_access_control(
        OriginAccessControlConfig={
            "Name": bucket,
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": "s3",
        }
    )["OriginAccessControl"]["Id"]
    origin = {
        "Id": "media",
        "DomainName": f"{bucket}.s3.us-east-1.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
        "OriginAccessControlId": control,
    }
    made = cloudfront.create_distribution(
        DistributionConfig={
            "CallerReference": uuid4().hex,
            "Comment": "media",
            "Enabled": True,
            "Aliases": {"Quantity": 1, "Items": [f"{bucket}.shop.example"]},
            "Origins": {"Quantity": 1, "Items": [origin]},
            "Restrictions": {
                "GeoRestriction": {"RestrictionType": "whitelist", "Quantity": 3, "Items": ["AT", "CH", "DE"]}
            },
            "DefaultCacheBehavior": {
                "TargetOriginId": "media",
                "ViewerProtocolPolicy": "redirect-to-https",
                "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
            },
        }
    )["Distribution"]
    return bucket, made


def log(site, refusal: dict) -> dict[str, bytes]:
    _, distribution = site
    start = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(minutes=12)
    lines = ["#Version: 1.0", "#Fields: " + " ".join(FIELDS)]
    for number in range(REFUSED):
        at = start + timedelta(seconds=number)
        values = {
            "date": f"{at:%Y-%m-%d}",
            "time": f"{at:%H:%M:%S}",
            "x-edge-location": "FRA56-P4",
            "sc-bytes": "900",
            "c-ip": f"192.0.2.{1 + number}",
            "cs-method": "GET",
            "cs(Host)": distribution["DomainName"],
            "cs-uri-stem": f"/media/{number}.jpg",
            "sc-status": "403",
            "x-edge-result-type": "Error",
            "x-edge-request-id": (uuid4().hex + uuid4().hex)[:54] + "==",
            "x-host-header": distribution["DistributionConfig"]["Aliases"]["Items"][0],
            "cs-protocol": "https",
            "cs-bytes": "300",
            "x-edge-response-result-type": "Error",
            "cs-protocol-version": "HTTP/2.0",
        } | refusal
        lines.append("\t".join(values.get(name, "-") for name in FIELDS))
    key = f"cf/{distribution['Id']}.{start:%Y-%m-%d-%H}.{uuid4().hex[:8]}.gz"
    return {key: gzip.compress("\n".join(lines).encode() + b"\n")}


BUCKET_SAYS_NO = {
    "time-taken": "0.194",
    "time-to-first-byte": "0.191",
    "x-edge-detailed-result-type": "Error",
    "sc-content-type": "application/xml",
}
COUNTRY = {
    "time-taken": "0.002",
    "time-to-first-byte": "0.001",
    "x-edge-detailed-result-type": "ClientGeoBlocked",
    "sc-content-type": "text/html",
    "sc-content-len": "986",
}


def allow(aws, bucket: str, distribution_arn: str):
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringEquals": {"AWS:SourceArn": distribution_arn}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


@pytest.mark.parametrize("policy", ["of another distribution", "none"])
def test_a_bucket_that_lets_nobody_in(aws, stack, site, policy):
    bucket, distribution = site
    if policy != "none":
        allow(aws, bucket, distribution["ARN"] + "OTHER")
    stack.put(ACCESS_LOGS, log(site, BUCKET_SAYS_NO))

    [envelope] = stack.wait_for_alerts()

    alert = envelope["alert"]
    verdict = (alert["cause"], alert["detail"], alert["confidence"], alert["severity"])
    assert verdict == ("s3-origin", "access-not-granted", "confirmed", "fault")
    assert (alert["distribution_id"], alert["forbidden"]) == (distribution["Id"], REFUSED)
    assert alert["domain"] == f"{bucket}.shop.example"
    assert any(bucket in step for step in alert["next_steps"])


def test_a_country_that_is_not_served(stack, site):
    stack.put(ACCESS_LOGS, log(site, COUNTRY))

    [envelope] = stack.wait_for_alerts()

    alert = envelope["alert"]
    verdict = (alert["cause"], alert["detail"], alert["confidence"], alert["severity"])
    assert verdict == ("geo-restriction", "not-in-allowed-countries", "confirmed", "enforcement")
