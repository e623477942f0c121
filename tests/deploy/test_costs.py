"""What the table costs at three sizes of a site: write and read units of one distribution, measured.

The figures of docs/cost.md are those that this prints.
"""

import json
import random
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

# Fixtures are found by their names in this module.
from behind_proxy import function, hours_ago, new_sites, notified, proxied, proxy, table  # noqa: F401
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from deliveries import Queue, upload
from proxy import Call, Fate, Fault, Proxy, Reply, operation
from sites import LogObject, Request, Site, log_object

# On-demand request units in us-east-1 since November 2024, in USD a million.
# See: https://aws.amazon.com/dynamodb/pricing/on-demand/
WRITE_PRICE, READ_PRICE = 0.625, 0.125
HOURS_A_MONTH = 730

# Objects of an hour, and of one batch: the queue collects for 30 s, and gives fifty at most.
SIZES = {10: 1, 1_000: 8, 10_000: 50}


HEADER = """
| objects an hour | in a batch | write units an object | read units an object | million writes a month | USD a month |
| ---: | ---: | ---: | ---: | ---: | ---: |
"""


@dataclass
class Cost:
    objects_an_hour: int
    batch: int
    writes: float
    reads: float

    @property
    def a_month(self) -> float:
        objects = self.objects_an_hour * HOURS_A_MONTH
        return objects * (self.writes * WRITE_PRICE + self.reads * READ_PRICE) / 1e6

    def row(self) -> str:
        return (
            f"| {self.objects_an_hour:,} | {self.batch} | {self.writes:.1f} | {self.reads:.1f} "
            f"| {self.objects_an_hour * self.writes * HOURS_A_MONTH / 1e6:.2f} | {self.a_month:.2f} |"
        )


class Meter:
    """Asks DynamoDB with every call what it cost."""

    def __init__(self, proxy: Proxy):
        self.units: Counter[str] = Counter()
        self.transactions = 0
        proxy.rewrite, proxy.witness = self.ask, self.read

    def ask(self, call: Call, headers: dict[str, str]) -> tuple[bytes, dict[str, str]]:
        if call.service != "DYNAMODB":
            return call.body, headers
        body = json.dumps(json.loads(call.body) | {"ReturnConsumedCapacity": "TOTAL"}).encode()
        # The signature covers the body, so it is signed again, as the account's owner.
        kept = {"Content-Type": headers["content-type"], "X-Amz-Target": headers["x-amz-target"]}
        request = AWSRequest("POST", f"http://{headers['host']}/", kept, body)
        SigV4Auth(Credentials("test", "test"), "dynamodb", "us-east-1").add_auth(request)
        return body, dict(request.headers) | {"Host": headers["host"]}

    def read(self, call: Call, reply: Reply):
        if call.service != "DYNAMODB" or reply.status != 200:
            return
        said = json.loads(reply.body).get("ConsumedCapacity", [])
        units = sum(one["CapacityUnits"] for one in (said if isinstance(said, list) else [said]))
        writes = call.operation in ("TransactWriteItems", "PutItem")
        self.units["written" if writes else "read"] += units
        self.transactions += call.operation == "TransactWriteItems"


def past(site: Site, rng: random.Random) -> LogObject:
    """A day and more of what is usual, so that the state is as large as it is in practice."""
    start = hours_ago(26)
    requests = [
        Request(site, start + timedelta(seconds=37 * number), rng.choice(["s3-origin", "geo-restriction", None]))
        for number in range(25 * 3600 // 37)
    ]
    return log_object(requests, rng)


def present(site: Site, count: int, rng: random.Random) -> list[LogObject]:
    """Objects of the last hour, with a refusal of each cause in most."""
    start = hours_ago(0.9)

    def one() -> LogObject:
        at = start + timedelta(seconds=rng.randrange(2400))
        causes = ["s3-origin", "geo-restriction", None, None] if rng.random() < 0.8 else [None] * 4
        return log_object([Request(site, at, cause) for cause in causes], rng)

    return [one() for _ in range(count)]


def test_what_the_table_costs_at_three_sizes(stack, new_sites, proxy, function):
    rng = random.Random(26)
    costs = []
    for objects_an_hour, batch in SIZES.items():
        [site] = new_sites(1)
        batches = 6 if batch < 50 else 3
        with notified(stack, in_both_ways=False):
            first = upload(stack.s3, [past(site, rng)])
            messages = upload(stack.s3, present(site, batch * batches, rng))
        Queue(function, first).drain()
        # The first batch opens incidents; what is measured is the day after day.
        Queue(function, messages[:batch]).drain(batch)
        meter = Meter(proxy)
        Queue(function, messages[batch:]).drain(batch, at_once=1)
        proxy.rewrite = proxy.witness = None
        measured = len(messages) - batch
        assert meter.transactions == measured / batch
        costs.append(
            Cost(objects_an_hour, batch, meter.units["written"] / measured, meter.units["read"] / measured)
        )

    print(HEADER + "\n".join(cost.row() for cost in costs))
    # Fifty objects share what one alone pays for.
    assert costs[0].writes > 2 * costs[2].writes
    assert costs[2].writes < 4
    assert costs[2].a_month < 30


def test_a_busy_distribution_loses_nothing_to_conflicts(stack, new_sites, proxy, function, table):
    rng = random.Random(10_000)
    [site] = new_sites(1)
    objects = present(site, 500, rng)
    with notified(stack, in_both_ways=False):
        messages = upload(stack.s3, objects)
    commits = operation("TransactWriteItems")
    injected = Fault(Fate.REFUSED, commits, chance=lambda: rng.random() < 0.3)
    met: Counter[int] = Counter()
    proxy.faults = [injected]
    proxy.witness = lambda call, reply: met.update([reply.status] if commits(call) else [])

    queue = Queue(function, messages)
    # Three minutes of 10,000 an hour at once, in small batches, so that they meet often.
    queue.drain(batch=10, at_once=4)

    truth = sum((one.truth for one in objects), Counter())
    assert table.counts({site.id}) == truth
    print(f"\n{len(objects)} objects in {queue.invocations} invocations, four at once: {met[200]} commits,", end=" ")
    print(f"{injected.struck} conflicts injected, {met[400]} with each other, {queue.handed_back} objects handed back,")
    print(f"{truth.total()} refusals counted, none lost")
