"""Real-time logs in a Kinesis stream: each record counted once, whatever comes again and in which pieces."""

import json
import random
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from behind_proxy import drain_inbox, hours_ago, new_sites, table  # noqa: F401
from conftest import ACCESS_LOGS, STREAM, WAF_LOGS
from incident import BLOCKED, RULE, create_distribution, recent_requests, waf_logs
from proxy import THROTTLED, Fate, Fault, Proxy, operation
from realtime import Shard, config_of_the_stream, line, line_of
from sites import Request, Site, log_object, requests_of_now, truth_of

ALL_IS_WELL = {"batchItemFailures": []}


@contextmanager
def told(aws, stack, variables: dict[str, str]):
    """The function under other variables, and started anew."""
    functions, name = aws.client("lambda"), stack.outputs["FunctionName"]
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": before | variables})
    try:
        yield
    finally:
        stack.wait_until_idle()
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


@pytest.fixture(scope="module")
def configured(aws, stack):
    """CloudFront knows the stream, and the table can be taken away."""
    proxy = Proxy(aws.endpoint)
    with told(aws, stack, {f"AWS_ENDPOINT_URL_{one}": proxy.url for one in ("CLOUDFRONT", "DYNAMODB")}):
        yield proxy
    proxy.stop()


@pytest.fixture
def proxy(configured, stack):
    stack.wait_until_idle()
    drain_inbox(stack)
    configured.faults = config_of_the_stream()
    yield configured
    configured.faults = config_of_the_stream()
    drain_inbox(stack)


@pytest.fixture
def shard() -> Shard:
    return Shard(f"shardId-{uuid4().hex[:12]}")


@pytest.fixture
def hand_over(aws, stack):
    """Invokes the function with records, as Lambda's poller does."""

    def invoke(event: dict) -> dict:
        answer = aws.client("lambda").invoke(FunctionName=stack.outputs["FunctionName"], Payload=json.dumps(event))
        body = answer["Payload"].read()
        assert "FunctionError" not in answer, body
        return json.loads(body)

    return invoke


def refused(site: Site, count: int, rng: random.Random) -> tuple[list[Request], list[bytes]]:
    requests = [Request(site, hours_ago(0), "geo-restriction") for _ in range(count)]
    return requests, [line(one, rng) for one in requests]


def test_the_stream_is_read_and_an_incident_told_once(aws, stack, proxy, table, new_sites, hand_over):  # noqa: F811
    [site], rng = new_sites(1), random.Random(1)
    requests = requests_of_now(site, "s3-origin", 30) + [Request(site, hours_ago(0), None) for _ in range(20)]
    kinesis = aws.client("kinesis")
    lines = [line(one, rng) for one in requests]
    kinesis.put_records(StreamName=STREAM, Records=[{"Data": data, "PartitionKey": "x"} for data in lines])

    [alert] = [one["alert"] for one in stack.wait_for_alerts() if one["alert"]["distribution_id"] == site.id]
    assert (alert["cause"], alert["forbidden"], alert["state"]) == ("s3-origin", 30, "open")
    assert table.counts({site.id}) == truth_of(requests)

    # Lambda's poller may hand the same records over again, cut elsewhere.
    shard, = kinesis.describe_stream(StreamName=STREAM)["StreamDescription"]["Shards"]
    iterator = kinesis.get_shard_iterator(
        StreamName=STREAM, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    stored = kinesis.get_records(ShardIterator=iterator)["Records"]
    again = Shard(shard["ShardId"])
    again.put(*(one["Data"] for one in stored))
    for record, one in zip(again.records, stored, strict=True):
        record["kinesis"]["sequenceNumber"] = one["SequenceNumber"]
    for first, end in ((0, 7), (5, len(stored))):
        assert hand_over(again.event(first, end)) == ALL_IS_WELL
    assert table.counts({site.id}) == truth_of(requests)
    assert stack.take_alerts() == []


def test_pieces_of_a_shard_that_overlap_count_once(proxy, shard, table, new_sites, hand_over):  # noqa: F811
    sites, rng = new_sites(2), random.Random(2)
    requests = []
    for number in range(40):
        mine, lines = refused(sites[number % 2], 1, rng)
        requests += mine
        shard.put(*lines)
    for first, end in ((0, 10), (4, 17), (4, 12), (17, 30), (0, 40), (35, 40)):
        assert hand_over(shard.event(first, end)) == ALL_IS_WELL
    assert table.counts({site.id for site in sites}) == truth_of(requests)
    # One item for each distribution, however many records and pieces there were.
    marks = table.items("begins_with(pk, :shard)", {":shard": {"S": "shard#"}})
    mine = {item["sk"]["S"]: item["last"]["S"] for item in marks if item["pk"]["S"].endswith(shard.name)}
    assert mine == {site.id: shard.number(39) for site in sites}


def test_what_one_distribution_could_not_count_comes_again_and_the_other_is_counted_once(
    proxy, shard, table, new_sites, hand_over  # noqa: F811
):
    sites, rng = new_sites(2), random.Random(3)
    requests = []
    for number in range(20):
        mine, lines = refused(sites[number % 2], 1, rng)
        requests += mine
        shard.put(*lines)
    is_second = operation("TransactWriteItems", lambda call: sites[1].id.encode() in call.body)
    fault = Fault(Fate.REFUSED, is_second, THROTTLED)
    proxy.faults = [fault, *config_of_the_stream()]

    # The lowest number stands for it and all that follow.
    assert hand_over(shard.event(3, 12)) == {"batchItemFailures": [{"itemIdentifier": shard.number(3)}]}

    assert fault.struck > 0
    first = truth_of([one for one in requests[3:12] if one.site == sites[0]])
    assert table.counts({site.id for site in sites}) == first
    proxy.faults = config_of_the_stream()
    assert hand_over(shard.event(3, 20)) == ALL_IS_WELL
    assert table.counts({site.id for site in sites}) == truth_of(requests[3:])


def test_a_field_list_that_cannot_be_asked_for_now_sets_nothing_aside(
    aws, stack, proxy, shard, table, new_sites, hand_over  # noqa: F811
):
    [site], rng = new_sites(1), random.Random(4)
    requests, lines = refused(site, 5, rng)
    shard.put(*lines)
    # Nothing was asked yet: the function has just started.
    for fault in config_of_the_stream():
        fault.reply = replace(fault.reply, status=503, body=b"")
        proxy.faults.insert(0, fault)

    answer = hand_over(shard.event(0, 5))

    letters = stack.take(stack.outputs["DeadLetterQueueUrl"])
    assert [letter["MessageAttributes"]["reason"]["StringValue"] for letter in letters] == []
    assert answer == {"batchItemFailures": [{"itemIdentifier": shard.number(0)}]}
    proxy.faults = config_of_the_stream()
    new_sites(0)
    assert hand_over(shard.event(0, 5)) == ALL_IS_WELL
    assert table.counts({site.id}) == truth_of(requests)


def test_a_record_that_can_never_be_read_holds_up_no_other(
    stack, proxy, shard, table, new_sites, hand_over  # noqa: F811
):
    [site], rng = new_sites(1), random.Random(5)
    requests, lines = refused(site, 6, rng)
    shard.put(*lines[:3], b"\xff\x00 this is no log", *lines[3:], lines[0].rsplit(b"\t", 4)[0] + b"\n")

    assert hand_over(shard.event(0, 8)) == ALL_IS_WELL

    assert table.counts({site.id}) == truth_of(requests)
    letters = stack.wait_for_dead_letters()
    records = [record for letter in letters for record in json.loads(letter["Body"])["Records"]]
    assert sorted(one["eventID"] for one in records) == [f"{shard.name}:{shard.number(n)}" for n in (3, 7)]
    reasons = {letter["MessageAttributes"]["reason"]["StringValue"].split(":")[0] for letter in letters}
    assert reasons <= {"not-a-log", "no-header"}
    # A letter is an event: put into the queue again it is read again, and set aside again.
    stack.sqs.send_message(QueueUrl=stack.outputs["QueueUrl"], MessageBody=letters[0]["Body"])
    stack.wait_until_idle()
    [again] = stack.wait_for_dead_letters()
    assert again["Body"] == letters[0]["Body"]


def test_letters_whose_field_list_is_known_at_last_are_counted_once(
    stack, proxy, shard, table, new_sites, hand_over  # noqa: F811
):
    [site], rng = new_sites(1), random.Random(6)
    requests, lines = refused(site, 6, rng)
    shard.put(*lines)
    # No right to list the configurations, and none is known.
    denied = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
    for fault in config_of_the_stream():
        fault.reply = replace(fault.reply, status=403, body=denied)
        proxy.faults.insert(0, fault)
    assert hand_over(shard.event(0, 6)) == ALL_IS_WELL
    [letter] = stack.wait_for_dead_letters()
    assert len(json.loads(letter["Body"])["Records"]) == 6
    assert table.counts({site.id}) == {}

    proxy.faults = config_of_the_stream()
    new_sites(0)
    for _ in range(2):
        stack.sqs.send_message(QueueUrl=stack.outputs["QueueUrl"], MessageBody=letter["Body"])
        stack.wait_until_idle()
    assert table.counts({site.id}) == truth_of(requests)
    assert stack.take(stack.outputs["DeadLetterQueueUrl"]) == []


def test_objects_that_tell_of_the_same_requests_count_nothing_again(
    stack, proxy, shard, table, new_sites, hand_over  # noqa: F811
):
    [site], rng = new_sites(1), random.Random(7)
    requests = requests_of_now(site, "s3-origin", 40)
    # A sample reaches the stream, and the log of the bucket comes in two objects.
    shard.put(*(line(one, rng) for one in requests[:30]))
    assert hand_over(shard.event(0, 30)) == ALL_IS_WELL
    [alert] = [one["alert"] for one in stack.wait_for_alerts() if one["alert"]["distribution_id"] == site.id]
    assert (alert["forbidden"], alert["state"]) == (30, "open")

    for part, expected in ((requests[:25], requests[:30]), (requests[25:], requests)):
        one = log_object(part, rng)
        stack.put(ACCESS_LOGS, {one.key: one.body})
        stack.wait_until_idle()
        assert table.counts({site.id}) == truth_of(expected)
    assert stack.take_alerts() == []


def test_waf_logs_that_come_after_the_records_update_the_alert(aws, stack, proxy, shard, new_sites, hand_over):  # noqa: F811
    distribution, requests = create_distribution(aws), recent_requests()
    new_sites(0)
    earlier = [replace(one, at=one.at - timedelta(minutes=30), blocked=False) for one in requests[:3]]
    logs = waf_logs(distribution, earlier)
    stack.put(WAF_LOGS, {min(logs): logs[min(logs)]})
    stack.wait_until_idle()
    shard.put(*(line_of(distribution, one) for one in requests))
    assert hand_over(shard.event(0, len(requests))) == ALL_IS_WELL
    [opened] = [one["alert"] for one in stack.wait_for_alerts()]
    assert (opened["cause"], opened["state"], opened["rule"]) == ("waf", "open", None)
    assert opened["confidence"] != "confirmed"

    stack.put(WAF_LOGS, waf_logs(distribution, requests))

    [updated] = [one["alert"] for one in stack.wait_for_alerts()]
    assert (updated["state"], updated["alert_id"]) == ("update", opened["alert_id"])
    assert (updated["confidence"], updated["rule"]) == ("confirmed", RULE)
    assert updated["forbidden"] == BLOCKED


def test_of_a_bucket_with_a_prefix_only_keys_below_it_are_read(aws, stack, table, new_sites):  # noqa: F811
    [site], rng = new_sites(1), random.Random(8)
    requests, _ = refused(site, 4, rng)
    with told(aws, stack, {"WHY403_ACCESS_LOG_PREFIX": "cf/"}):
        one, other = log_object(requests, rng), log_object(requests, rng)
        broken = {"elb/" + other.key: b"\x1f\x8b broken", "else/" + other.key: other.body}
        stack.put(ACCESS_LOGS, {one.key: one.body} | broken)
        stack.wait_until_idle()
    assert table.counts({site.id}) == truth_of(requests)
    assert stack.take(stack.outputs["DeadLetterQueueUrl"]) == []
