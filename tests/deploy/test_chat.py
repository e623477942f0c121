"""Alerts for a chat: a topic of their own, in the only form that a chat takes."""

import json
from urllib.parse import parse_qs

# Fixtures are found by their names in this module.
from behind_proxy import function, proxied, proxy, table  # noqa: F401
from conftest import ACCESS_LOGS, WAF_LOGS
from incident import access_log, create_distribution, recent_requests, waf_logs
from proxy import AWAY, Fate, Fault, operation
from test_incidents import SCHEDULE


def put_incident(aws, stack):
    distribution = create_distribution(aws)
    requests = recent_requests()
    stack.put(WAF_LOGS, waf_logs(distribution, requests))
    stack.wait_until_idle()
    stack.put(ACCESS_LOGS, access_log(distribution, requests))
    return distribution


def notifications_of(stack, alert: dict) -> list[dict]:
    """What came for a chat about an alert."""
    envelopes = stack.take_chat()
    assert all("Subject" not in one for one in envelopes)
    bodies = [json.loads(envelope["Message"]) for envelope in envelopes]
    return [one for one in bodies if one["metadata"]["threadId"] == alert["alert_id"]]


def test_an_alert_is_one_message_for_subscribers_and_one_for_the_chat(aws, stack):
    distribution = put_incident(aws, stack)
    [envelope] = stack.wait_for_alerts()
    alert = envelope["alert"]
    stack.wait_until_idle()

    [notification] = notifications_of(stack, alert)

    assert (notification["version"], notification["source"]) == ("1.0", "custom")
    assert notification["id"] == f"{alert['alert_id']}-1"
    assert notification["metadata"]["eventType"] == "why403.open"
    assert notification["metadata"]["relatedResources"] == [distribution.id]
    assert f"`{distribution.id}`" in notification["content"]["description"]
    assert notification["content"]["title"] == envelope["Subject"]
    assert stack.take_alerts() == []


def test_what_a_chat_did_not_get_is_sent_again_to_nobody_else(aws, stack, proxy, table):
    def is_for_chat(call) -> bool:
        [topic] = parse_qs(call.body.decode())["TopicArn"]
        return topic == stack.outputs["ChatTopicArn"]

    away = Fault(Fate.REFUSED, operation("Publish", is_for_chat), AWAY)
    proxy.faults = [away]
    put_incident(aws, stack)
    [envelope] = stack.wait_for_alerts()
    stack.wait_until_idle()
    assert away.struck > 0
    assert notifications_of(stack, envelope["alert"]) == []
    assert len(table.unsent()) == 1

    proxy.faults = []
    table.age_unsent(3600)
    aws.client("lambda").invoke(FunctionName=stack.outputs["FunctionName"], Payload=json.dumps(SCHEDULE))

    [notification] = notifications_of(stack, envelope["alert"])
    assert notification["id"] == f"{envelope['alert']['alert_id']}-1"
    assert stack.take_alerts() == []
    assert table.unsent() == []
