"""What AWS answered one function is there for the next one, as long as it is not too old for it."""

import random

# Fixtures are found by their names in this module.
from behind_proxy import function, hours_ago, new_sites, proxied, proxy, table  # noqa: F401
from conftest import ACCESS_LOGS
from proxy import Call
from sites import Request, Site, log_object, requests_of_now


def of_an_hour_ago(site: Site) -> list[Request]:
    return [Request(site, hours_ago(1), "s3-origin") for _ in range(30)]


def test_a_function_that_starts_asks_no_more_than_it_must(aws, stack, new_sites, proxy):
    [site] = new_sites(1)
    rng = random.Random(site.id)
    asked: list[str] = []

    def see(call: Call, _):
        if call.service == "S3" and site.bucket in call.path:
            asked.append(call.operation)

    def refuse(requests: list[Request]):
        one = log_object(requests, rng)
        stack.put(ACCESS_LOGS, {one.key: one.body})
        stack.wait_until_idle()

    proxy.witness = see
    refuse(of_an_hour_ago(site))
    assert asked.count("GetBucketPolicy") == 1

    stack.start_anew()
    refuse(of_an_hour_ago(site))
    assert asked.count("GetBucketPolicy") == 1, asked

    # What was read before a request says little about it.
    stack.start_anew()
    refuse(requests_of_now(site, "s3-origin", 30))
    assert asked.count("GetBucketPolicy") == 2, asked
