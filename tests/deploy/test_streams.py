"""Records that an event brings along, instead of naming an object that holds them."""

import base64
import gzip
import json

from conftest import ACCESS_LOGS
from incident import BLOCKED, RULE, access_log, create_distribution, recent_requests, waf_record


def invoke(aws, stack, event: dict) -> dict:
    answer = aws.client("lambda").invoke(FunctionName=stack.outputs["FunctionName"], Payload=json.dumps(event))
    body = answer["Payload"].read()
    assert "FunctionError" not in answer, body
    return json.loads(body)


def test_waf_records_of_a_log_group_prove_what_they_say(aws, stack):
    distribution, requests = create_distribution(aws), recent_requests()
    records = [waf_record(distribution, request) for request in requests]
    message = {
        "messageType": "DATA_MESSAGE",
        "logGroup": "aws-waf-logs-edge",
        "logStream": "cloudfront_edge_0",
        "logEvents": [
            {"id": str(number), "timestamp": record["timestamp"], "message": json.dumps(record), "ofTheFuture": {}}
            for number, record in enumerate(records)
        ],
    }
    event = {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(message).encode())).decode()}}
    # CloudWatch Logs may deliver twice.
    for _ in range(2):
        assert invoke(aws, stack, event) == {}
    stack.put(ACCESS_LOGS, access_log(distribution, requests))

    [alert] = [one["alert"] for one in stack.wait_for_alerts() if one["alert"]["distribution_id"] == distribution.id]
    assert (alert["cause"], alert["confidence"], alert["rule"]) == ("waf", "confirmed", RULE)
    assert alert["forbidden"] == BLOCKED
    assert stack.take(stack.outputs["DeadLetterQueueUrl"]) == []
