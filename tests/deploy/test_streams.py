"""Records that an event brings along, instead of naming an object that holds them."""

import base64
import gzip
import json
import random
from dataclasses import replace
from datetime import timedelta

from conftest import ACCESS_LOGS
from incident import BLOCKED, RULE, access_log, create_distribution, recent_requests, waf_record


def invoke(aws, stack, event: dict) -> dict:
    answer = aws.client("lambda").invoke(FunctionName=stack.outputs["FunctionName"], Payload=json.dumps(event))
    body = answer["Payload"].read()
    assert "FunctionError" not in answer, body
    return json.loads(body)


def message_of(records: list[dict]) -> dict:
    """The event in which CloudWatch Logs hands records over."""
    message = {
        "messageType": "DATA_MESSAGE",
        "logGroup": "aws-waf-logs-edge",
        "logStream": "cloudfront_edge_0",
        "logEvents": [
            {"id": str(number), "timestamp": record["timestamp"], "message": json.dumps(record), "ofTheFuture": {}}
            for number, record in enumerate(records)
        ],
    }
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(message).encode())).decode()}}


def test_waf_records_of_a_log_group_prove_what_they_say(aws, stack):
    distribution, requests = create_distribution(aws), recent_requests()
    event = message_of([waf_record(distribution, request) for request in requests])
    # CloudWatch Logs may deliver twice.
    for _ in range(2):
        assert invoke(aws, stack, event) == {}
    stack.put(ACCESS_LOGS, access_log(distribution, requests))

    [alert] = [one["alert"] for one in stack.wait_for_alerts() if one["alert"]["distribution_id"] == distribution.id]
    assert (alert["cause"], alert["confidence"], alert["rule"]) == ("waf", "confirmed", RULE)
    assert alert["forbidden"] == BLOCKED
    assert stack.take(stack.outputs["DeadLetterQueueUrl"]) == []


def test_records_of_several_web_acls_and_times_in_one_message_are_each_kept(aws, stack):
    distributions = [create_distribution(aws) for _ in range(2)]
    # Two web ACLs, and requests of two hours, in no order.
    requests = [recent_requests(), [replace(one, at=one.at - timedelta(hours=1)) for one in recent_requests()]]
    records = [waf_record(*one) for one in zip(distributions[:1] * len(requests[0]), requests[0])]
    records += [waf_record(*one) for one in zip(distributions[1:] * len(requests[1]), requests[1])]
    random.Random(1).shuffle(records)
    assert invoke(aws, stack, message_of(records)) == {}
    for distribution, mine in zip(distributions, requests):
        stack.put(ACCESS_LOGS, access_log(distribution, mine))
    stack.wait_until_idle()

    told = {}
    while len(told) < 2:
        told |= {one["alert"]["distribution_id"]: one["alert"] for one in stack.wait_for_alerts()}
    for distribution in distributions:
        alert = told[distribution.id]
        assert (alert["cause"], alert["confidence"], alert["rule"]) == ("waf", "confirmed", RULE)
        assert alert["forbidden"] == BLOCKED
