"""How incidents go on and end in the deployed stack."""

import json
from dataclasses import replace
from datetime import timedelta

from conftest import ACCESS_LOGS, WAF_LOGS
from incident import access_log, create_distribution, recent_requests, waf_logs

SCHEDULE = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


def test_an_incident_ends_although_its_site_gets_no_more_logs(aws, stack):
    distribution = create_distribution(aws)
    requests = [replace(one, at=one.at - timedelta(hours=4)) for one in recent_requests()]
    stack.put(WAF_LOGS, waf_logs(distribution, requests))
    stack.wait_until_idle()
    stack.put(ACCESS_LOGS, access_log(distribution, requests))
    [opened] = stack.wait_for_alerts()

    function = stack.outputs["FunctionName"]
    answer = aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(SCHEDULE))

    assert "FunctionError" not in answer, answer["Payload"].read()
    [resolved] = [one["alert"] for one in stack.wait_for_alerts() if one["alert"]["distribution_id"] == distribution.id]
    assert (resolved["state"], resolved["sequence"]) == ("resolved", 2)
    assert resolved["alert_id"] == opened["alert"]["alert_id"]
    assert resolved["since"] < resolved["until"]
    assert resolved["confidence"] == opened["alert"]["confidence"]
    aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(SCHEDULE))
    assert stack.take_alerts() == []
