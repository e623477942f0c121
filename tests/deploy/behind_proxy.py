"""The deployed function behind the proxy: fixtures and small helpers of the tests that use it."""

from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pytest
from conftest import ACCESS_LOGS
from deliveries import Function
from proxy import SERVICES, Proxy
from sites import Site, create_site
from table import Table


@pytest.fixture(scope="module")
def proxied(aws, stack):
    """The function behind the proxy, with time enough for fifty objects on a busy machine."""
    proxy = Proxy(aws.endpoint)
    with configured(aws, stack, proxy, timeout=60):
        yield proxy
    proxy.stop()


@pytest.fixture
def proxy(proxied, stack):
    stack.wait_until_idle()
    drain_inbox(stack)
    proxied.faults, proxied.witness, proxied.rewrite = [], None, None
    yield proxied
    proxied.faults, proxied.witness, proxied.rewrite = [], None, None
    # Other tests take what they find there for their own.
    drain_inbox(stack)


@pytest.fixture
def function(aws, stack) -> Function:
    return Function(aws, stack.outputs["FunctionName"])


@pytest.fixture
def table(aws, stack) -> Table:
    return Table(aws, stack.outputs["TableName"])


@pytest.fixture
def new_sites(aws, stack):
    """Makes sites. A function that is warm would know them only minutes later, so it starts anew."""

    def make(count: int) -> list[Site]:
        sites = [create_site(aws) for _ in range(count)]
        stack.start_anew()
        return sites

    return make


@contextmanager
def configured(aws, stack, proxy: Proxy, timeout: int):
    """Changes the deployed function, and what was is there again afterwards."""
    functions, name = aws.client("lambda"), stack.outputs["FunctionName"]
    before = functions.get_function_configuration(FunctionName=name)
    variables = before["Environment"]["Variables"]
    behind = {f"AWS_ENDPOINT_URL_{one}": proxy.url for one in SERVICES}
    functions.update_function_configuration(
        FunctionName=name, Timeout=timeout, Environment={"Variables": variables | behind}
    )
    try:
        yield
    finally:
        stack.wait_until_idle()
        functions.update_function_configuration(
            FunctionName=name, Timeout=before["Timeout"], Environment={"Variables": variables}
        )


@contextmanager
def notified(stack, in_both_ways: bool):
    """Sets how the bucket speaks: in both ways at once, or not at all."""
    direct = {"QueueConfigurations": [{"QueueArn": stack.outputs["QueueArn"], "Events": ["s3:ObjectCreated:*"]}]}
    now = direct | {"EventBridgeConfiguration": {}} if in_both_ways else {}
    stack.s3.put_bucket_notification_configuration(Bucket=ACCESS_LOGS, NotificationConfiguration=now)
    try:
        yield
    finally:
        stack.s3.put_bucket_notification_configuration(Bucket=ACCESS_LOGS, NotificationConfiguration=direct)
        # S3 sends a test event for each notification that is set.
        stack.wait_until_idle()


def drain_inbox(stack) -> list[dict]:
    envelopes = []
    while some := stack.take_alerts():
        envelopes += some
    return envelopes


def hours_ago(hours: float) -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0) - timedelta(hours=hours)
