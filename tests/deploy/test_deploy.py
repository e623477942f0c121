"""What the deployed function does with objects that arrive in its log buckets."""

import json

import pytest
from conftest import ACCESS_LOGS, WAF_LOGS
from incident import BLOCKED, access_log, create_distribution, recent_requests, waf_logs


@pytest.fixture
def incident(aws, stack):
    """A new distribution whose WAF logs are there already; the access log is still to come."""
    distribution = create_distribution(aws)
    requests = recent_requests()
    stack.put(WAF_LOGS, waf_logs(distribution, requests))
    stack.wait_until_idle()
    return distribution, access_log(distribution, requests)


def test_blocked_requests_become_one_alert_with_their_cause(stack, incident):
    distribution, log = incident
    stack.put(ACCESS_LOGS, log)

    [envelope] = stack.wait_for_alerts()

    alert = envelope["alert"]
    assert alert["schema"] == "why403/alert/1"
    assert (alert["cause"], alert["detail"], alert["confidence"]) == ("waf", "edge", "confirmed")
    assert alert["distribution_id"] == distribution.id
    assert alert["forbidden"] == BLOCKED
    assert (alert["state"], alert["sequence"]) == ("open", 1)
    attributes = {name: value["Value"] for name, value in envelope["MessageAttributes"].items()}
    assert attributes == {
        "distribution_id": distribution.id,
        "cause": "waf",
        "severity": "enforcement",
        "confidence": "confirmed",
        "state": "open",
    }
    assert 0 < len(envelope["Subject"]) <= 100 and envelope["Subject"].isascii()
    stack.wait_until_idle()
    assert stack.take_alerts() == []


# See: elastic-serverless-forwarder#677: a redelivered object was treated as a failure.
def test_an_object_that_comes_again_sends_nothing(stack, incident):
    _, log = incident
    stack.put(ACCESS_LOGS, log)
    stack.wait_for_alerts()
    stack.wait_until_idle()

    stack.put(ACCESS_LOGS, log)

    stack.wait_until_idle()
    assert stack.take_alerts() == []
    assert stack.take(stack.outputs["DeadLetterQueueUrl"]) == []


# See: coralogix-aws-shipper `gunzip`: half a gzip stream was taken for the whole.
def test_a_broken_object_becomes_a_dead_letter_and_the_others_are_analysed(aws, stack, incident):
    distribution, log = incident
    [(key, whole)] = access_log(create_distribution(aws), recent_requests()[:15]).items()
    with stack.one_batch():
        stack.put(ACCESS_LOGS, {key: whole[: len(whole) // 2]} | log)

    [letter] = stack.wait_for_dead_letters()
    [envelope] = stack.wait_for_alerts()

    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert set(attributes) == {"reason", "bucket", "key", "offset"}
    assert (attributes["bucket"], attributes["key"]) == (ACCESS_LOGS, key)
    assert attributes["reason"] and attributes["offset"].isdigit()
    [record] = json.loads(letter["Body"])["Records"]
    assert record["s3"]["object"]["key"] == key
    assert envelope["alert"]["distribution_id"] == distribution.id
    stack.wait_until_idle()
    assert stack.take(stack.outputs["DeadLetterQueueUrl"]) == []
