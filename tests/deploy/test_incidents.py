"""How incidents go on and end in the deployed stack."""

import json
from dataclasses import replace
from datetime import timedelta

from conftest import ACCESS_LOGS, WAF_LOGS
from incident import BLOCKED, RULE, access_log, create_distribution, recent_requests, waf_logs

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


def test_waf_logs_that_come_later_update_the_alert(aws, stack):
    distribution = create_distribution(aws)
    requests = recent_requests()
    objects = waf_logs(distribution, requests)
    # The web ACL has logged before, so that its logs are waited for; those of the incident come later.
    earlier = [replace(one, at=one.at - timedelta(minutes=30), blocked=False) for one in requests[:3]]
    logs = waf_logs(distribution, earlier)
    stack.put(WAF_LOGS, {min(logs): logs[min(logs)]})
    stack.wait_until_idle()
    stack.put(ACCESS_LOGS, access_log(distribution, requests))
    [opened] = [one["alert"] for one in stack.wait_for_alerts()]
    assert (opened["cause"], opened["state"], opened["rule"]) == ("waf", "open", None)
    assert opened["confidence"] != "confirmed"

    stack.put(WAF_LOGS, objects)

    [updated] = [one["alert"] for one in stack.wait_for_alerts()]
    assert (updated["state"], updated["alert_id"]) == ("update", opened["alert_id"])
    assert (updated["confidence"], updated["rule"]) == ("confirmed", RULE)
    assert updated["forbidden"] == BLOCKED
    stack.wait_until_idle()
    assert stack.take_alerts() == []
