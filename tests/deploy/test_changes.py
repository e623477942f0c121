"""What an alert says of facts that are asked for when it is about to go out."""

import random

import pytest
from behind_proxy import hours_ago
from conftest import ACCESS_LOGS
from sites import Request, create_site, log_object, requests_of_now
from test_live_account import allow
from trail import Trail


@pytest.fixture
def trail(aws, stack):
    """A CloudTrail of this test's own, which the function asks."""
    functions, name = aws.client("lambda"), stack.outputs["FunctionName"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    trail = Trail()
    told = variables | {"AWS_ENDPOINT_URL_CLOUDTRAIL": trail.url}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": told})
    yield trail
    stack.wait_until_idle()
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    trail.stop()


def test_a_policy_that_changes_between_two_deliveries_is_named(aws, stack, trail):
    site = create_site(aws)
    allow(aws, site.bucket, site.arn)
    rng = random.Random(site.id)
    served = [Request(site, hours_ago(0), None) for _ in range(20)]
    stack.put(ACCESS_LOGS, {(one := log_object(served, rng)).key: one.body})
    stack.wait_until_idle()
    assert stack.take_alerts() == []

    allow(aws, site.bucket, site.arn + "OTHER")
    refused = requests_of_now(site, "s3-origin", 30)
    trail.put_bucket_policy(site.bucket, refused[0].at.timestamp() - 1, "deploy-role")
    stack.put(ACCESS_LOGS, {(one := log_object(refused, rng)).key: one.body})

    [alert] = [one["alert"] for one in stack.wait_for_alerts()]
    assert (alert["cause"], alert["detail"]) == ("s3-origin", "access-not-granted")
    assert (alert["change"]["event"], alert["change"]["by"]) == ("PutBucketPolicy", "deploy-role")
    assert trail.regions == {"us-east-1"}
