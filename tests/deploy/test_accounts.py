"""Distributions that another account owns, which the function asks through a role there."""

import json
import random

import pytest
from conftest import ACCESS_LOGS, CLOSED_ROLE, OWNER, READ_ROLE
from test_capture import why403
from sites import Site, create_site, log_object, requests_of_now

REFUSED = 30

# What the function asks of an account; the README has the list.
READS = [
    "cloudfront:Get*",
    "cloudfront:List*",
    "wafv2:GetWebACL",
    "wafv2:GetLoggingConfiguration",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketRequestPayment",
    "s3:GetBucketOwnershipControls",
    "s3:ListBucket",
    "cloudtrail:LookupEvents",
    "route53:ListHostedZones",
    "route53:ListResourceRecordSets",
    "logs:DescribeDeliveries",
    "elasticloadbalancing:DescribeLoadBalancers",
]


class Owner:
    """The account that owns the distribution."""

    def __init__(self, aws):
        self.aws = aws

    def client(self, service: str):
        return self.aws.client(service, OWNER)


@pytest.fixture
def owner(aws, stack) -> Owner:
    owner = Owner(aws)
    iam = owner.client("iam")
    # The function, and whoever uses the command line.
    trusted = [stack.outputs["RoleArn"], "arn:aws:iam::000000000000:root"]
    trust = {"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"}
    reads = {"Effect": "Allow", "Action": READS, "Resource": "*"}

    def document(statement: dict) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    name = READ_ROLE.rpartition("/")[2]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
    iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=document(reads))
    # A function that tried before remembers that it could not be assumed.
    stack.start_anew()
    yield owner
    stack.wait_until_idle()
    iam.delete_role_policy(RoleName=name, PolicyName="read")
    iam.delete_role(RoleName=name)


def refuse(stack, site: Site, cause: str):
    made = log_object(requests_of_now(site, cause, REFUSED), random.Random(site.id))
    stack.put(ACCESS_LOGS, {made.key: made.body})


def test_a_distribution_of_another_account(stack, owner):
    site = create_site(owner)
    refuse(stack, site, "s3-origin")

    [alert] = [one["alert"] for one in stack.wait_for_alerts()]

    verdict = (alert["cause"], alert["detail"], alert["confidence"])
    assert verdict == ("s3-origin", "access-not-granted", "confirmed")
    assert (alert["distribution_id"], alert["domain"], alert["forbidden"]) == (site.id, site.alias, REFUSED)


def test_our_own_beside_one_of_another_account(aws, stack, owner):
    for site in (create_site(aws), create_site(owner)):
        refuse(stack, site, "geo-restriction")
        [alert] = [one["alert"] for one in stack.wait_for_alerts()]
        assert (alert["distribution_id"], alert["domain"]) == (site.id, site.alias)
        assert (alert["cause"], alert["confidence"]) == ("geo-restriction", "confirmed")


def test_the_command_line_takes_the_same_roles(aws, stack, owner):
    site = create_site(owner)
    made = log_object(requests_of_now(site, "s3-origin", REFUSED), random.Random(site.id))
    logs = f"logs-{site.bucket}"
    aws.client("s3").create_bucket(Bucket=logs)
    aws.client("s3").put_object(Bucket=logs, Key=made.key, Body=made.body)
    asked = ["explain", "--distribution", site.id, "--access-logs", f"s3://{logs}/", "--format", "json"]

    without = why403(aws, *asked)
    assert without.returncode == 66 and f"there is no distribution {site.id}" in without.stderr, without.stderr
    done = why403(aws, *asked, "--role-arn", CLOSED_ROLE, "--role-arn", READ_ROLE)

    [finding] = json.loads(done.stdout)["findings"]
    verdict = (finding["cause"], finding["detail"], finding["confidence"], finding["requests"])
    assert verdict == ("s3-origin", "access-not-granted", "confirmed", REFUSED)
    assert f"{CLOSED_ROLE}: the role cannot be assumed" in done.stderr


def test_an_account_that_lets_nobody_in_is_told_as_such(aws, stack):
    """Neither role can be assumed, and the distribution is none of our own."""
    site = create_site(Owner(aws))
    refuse(stack, site, "s3-origin")

    [alert] = [one["alert"] for one in stack.wait_for_alerts()]

    assert alert["distribution_id"] == site.id
    assert alert["confidence"] != "confirmed"
    told = json.dumps(alert)
    assert "get-distribution" in told and "denied" in told, told
