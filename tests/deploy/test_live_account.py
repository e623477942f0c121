"""What the deployed function reads of the account: the same answers as from a bundle."""

import json
import random

import pytest

from conftest import ACCESS_LOGS
from sites import Site, create_site, log_object, requests_of_now

REFUSED = 30


@pytest.fixture
def site(aws) -> Site:
    return create_site(aws)


def log(site: Site, cause: str) -> dict[str, bytes]:
    made = log_object(requests_of_now(site, cause, REFUSED), random.Random(site.id))
    return {made.key: made.body}


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
    if policy != "none":
        allow(aws, site.bucket, site.arn + "OTHER")
    stack.put(ACCESS_LOGS, log(site, "s3-origin"))

    [envelope] = stack.wait_for_alerts()

    alert = envelope["alert"]
    verdict = (alert["cause"], alert["detail"], alert["confidence"], alert["severity"])
    assert verdict == ("s3-origin", "access-not-granted", "confirmed", "fault")
    assert (alert["distribution_id"], alert["forbidden"]) == (site.id, REFUSED)
    assert alert["domain"] == site.alias
    assert any(site.bucket in step for step in alert["next_steps"])


def test_a_country_that_is_not_served(stack, site):
    stack.put(ACCESS_LOGS, log(site, "geo-restriction"))

    [envelope] = stack.wait_for_alerts()

    alert = envelope["alert"]
    verdict = (alert["cause"], alert["detail"], alert["confidence"], alert["severity"])
    assert verdict == ("geo-restriction", "not-in-allowed-countries", "confirmed", "enforcement")
