"""`why403 capture` and `why403 explain` on the live account."""

import gzip
import json
import os
import random
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest
from conftest import ACCESS_LOGS
from incident import FIELDS, BLOCKED, access_log, create_distribution, recent_requests, waf_logs
from proxy import Proxy
from signed import scope_of
from sites import create_site, log_object, requests_of_now
from test_live_account import allow
from trail import Trail

WHY403 = Path(os.environ.get("WHY403_BOOTSTRAP") or "target/debug/bootstrap").resolve().with_name("why403")


def why403(aws, *words, **variables) -> subprocess.CompletedProcess:
    return subprocess.run(
        [WHY403, *words], env=aws.env | variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def trail():
    trail = Trail()
    yield trail
    trail.stop()


@pytest.fixture
def logs(aws):
    """A log bucket that nobody reads as logs arrive."""
    name = f"logs-{uuid4().hex[:8]}"
    aws.client("s3").create_bucket(Bucket=name)
    return name


def refuse(aws, logs, trail):
    """A site whose bucket lets nobody in since its policy changed, and its log of that."""
    site = create_site(aws)
    allow(aws, site.bucket, site.arn + "OTHER")
    requests = requests_of_now(site, "s3-origin", 30)
    trail.put_bucket_policy(site.bucket, requests[0].at.timestamp() - 1, "deploy-role")
    made = log_object(requests, random.Random(site.id))
    aws.client("s3").put_object(Bucket=logs, Key=made.key, Body=with_secrets(made.body))
    return site


def with_secrets(body: bytes) -> bytes:
    """The same log, whose viewers sent a cookie and a token."""
    lines = gzip.decompress(body).decode().splitlines()
    for number, line in enumerate(lines):
        if not line.startswith("#"):
            values = line.split("\t")
            values[FIELDS.index("cs(Cookie)")] = "sid=Zq7SecretCookie"
            values[FIELDS.index("cs-uri-query")] = "v=2&token=Zq7SecretToken"
            lines[number] = "\t".join(values)
    return gzip.compress("\n".join(lines).encode() + b"\n")


def complaints(done: subprocess.CompletedProcess) -> list[str]:
    """What it complains of, save what the local AWS has no answer for."""
    assert done.returncode in (0, 2), done.stderr
    return [line for line in done.stderr.splitlines() if "get-bucket-request-payment" not in line]


def report(done: subprocess.CompletedProcess) -> dict:
    assert done.returncode in (0, 2), done.stderr
    found = json.loads(done.stdout)
    # The files of a temporary bundle have no name that lasts.
    found["inputs"].pop("unreadable_files")
    return found


def test_a_captured_bundle_replays_to_what_explain_says(aws, stack, logs, trail, tmp_path):
    site = refuse(aws, logs, trail)
    asked = ["--distribution", site.id, "--since", "2h", "--access-logs", f"s3://{logs}/cf/"]
    bundle = tmp_path / "bundle"

    captured = why403(aws, "capture", *asked, "--out", bundle, AWS_ENDPOINT_URL_CLOUDTRAIL=trail.url)
    assert complaints(captured) == []
    assert captured.stdout == ""
    replayed = report(why403(aws, "replay", bundle, "--format", "json"))
    explained = report(why403(aws, "explain", *asked, "--format", "json", AWS_ENDPOINT_URL_CLOUDTRAIL=trail.url))

    assert replayed == explained
    [finding] = replayed["findings"]
    assert (finding["cause"], finding["detail"], finding["confidence"], finding["requests"]) == (
        "s3-origin",
        "access-not-granted",
        "confirmed",
        30,
    )
    assert (finding["trigger"]["event"], finding["trigger"]["by"]) == ("PutBucketPolicy", "deploy-role")
    assert list(tmp_path.iterdir()) == [bundle]


def test_a_bundle_has_the_layout_and_no_secrets(aws, stack, logs, trail, tmp_path):
    site = refuse(aws, logs, trail)
    bundle = tmp_path / "bundle"
    done = why403(
        aws, "capture", "--distribution", site.id, "--access-logs", f"s3://{logs}/", "--out", bundle,
        AWS_ENDPOINT_URL_CLOUDTRAIL=trail.url,
    )  # fmt: skip
    assert complaints(done) == []

    files = {str(path.relative_to(bundle)): path for path in bundle.rglob("*") if path.is_file()}
    facts = {
        f"aws/cloudfront/get-distribution/{site.id}.json",
        f"aws/s3api/get-bucket-policy/{site.bucket}.json",
        f"aws/s3api/get-public-access-block/{site.bucket}.json",
        f"aws/s3api/list-objects-v2/{site.bucket}.json",
        "aws/cloudfront/list-distributions.json",
        "aws/cloudtrail/lookup-events.json",
    }
    assert facts <= set(files)
    capture = json.loads(files["capture.json"].read_text())
    assert capture["schema"] == "why403/bundle/1"
    assert facts <= set(capture["facts"])
    [log] = [path for name, path in files.items() if name.startswith("logs/access/cf/")]
    text = {name: path.read_bytes() for name, path in files.items()}
    text["log"] = gzip.decompress(log.read_bytes())
    assert b"token=AAA" in text["log"]
    for name, content in text.items():
        for secret in (b"Zq7", b"AKIASECRET", b"198.51.100.7"):
            assert secret not in content, name


def test_waf_logs_are_captured_with_the_access_logs(aws, stack, logs, tmp_path):
    distribution, requests = create_distribution(aws), recent_requests()
    objects = {f"waf/{key}": body for key, body in waf_logs(distribution, requests).items()}
    for key, body in (objects | access_log(distribution, requests)).items():
        aws.client("s3").put_object(Bucket=logs, Key=key, Body=body)
    bundle = tmp_path / "bundle"
    done = why403(
        aws, "capture", "--distribution", distribution.id, "--access-logs", f"s3://{logs}/cf/",
        "--waf-logs", f"s3://{logs}/waf/", "--out", bundle,
    )  # fmt: skip
    assert done.returncode in (0, 2), done.stderr

    [finding] = report(why403(aws, "replay", bundle, "--format", "json"))["findings"]
    assert (finding["cause"], finding["confidence"], finding["requests"]) == ("waf", "confirmed", BLOCKED)


def test_each_question_is_signed_for_the_region_of_what_it_is_about(aws, stack, logs, trail, tmp_path):
    site = refuse(aws, logs, trail)
    cloudfront = aws.client("cloudfront")
    config = cloudfront.get_distribution(Id=site.id)["Distribution"]["DistributionConfig"]
    balancer = {
        "Id": "web",
        "DomainName": "web-1.ap-south-1.elb.amazonaws.com",
        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
    }
    media = config["Origins"]["Items"][0] | {"DomainName": f"{site.bucket}.s3.eu-west-1.amazonaws.com"}
    acl = create_distribution(aws).web_acl_arn
    config |= {"CallerReference": uuid4().hex, "Aliases": {"Quantity": 1, "Items": [f"x-{site.alias}"]}}
    config |= {"WebACLId": acl, "Origins": {"Quantity": 2, "Items": [media, balancer]}}
    made = cloudfront.create_distribution(DistributionConfig=config)["Distribution"]
    proxy, scopes = Proxy(aws.endpoint), set()
    proxy.rewrite = lambda call, headers: (scopes.add(scope_of(headers)), (call.body, headers))[1]

    done = why403(
        aws, "capture", "--distribution", made["Id"], "--access-logs", f"s3://{logs}/", "--out", tmp_path / "bundle",
        AWS_ENDPOINT_URL=proxy.url, AWS_ENDPOINT_URL_CLOUDTRAIL=trail.url, AWS_REGION="eu-central-1",
        AWS_DEFAULT_REGION="eu-central-1",
    )  # fmt: skip

    proxy.stop()
    assert done.returncode in (0, 2), done.stderr
    regions = {}
    for service, region in scopes - {None}:
        regions.setdefault(service, set()).add(region)
    for service in ("cloudfront", "wafv2", "logs", "route53"):
        assert regions[service] == {"us-east-1"}, service
    assert regions["elasticloadbalancing"] == {"ap-south-1"}
    assert trail.regions == {"us-east-1", "eu-west-1"}
    # The log bucket in the caller's own Region, the bucket behind CloudFront in the one of its name; where S3 then
    # names another one, there.
    assert regions["s3"] == {"eu-central-1", "eu-west-1", "us-east-1"}


def test_what_is_refused_has_a_code_of_its_own_and_leaves_nothing(aws, stack, logs, tmp_path):
    out = tmp_path / "bundle"
    unknown = why403(aws, "capture", "--distribution", "E0NONE0000000", "--out", out)
    assert (unknown.returncode, unknown.stdout) == (66, "")
    stranger = why403(aws, "capture", "--distribution", "E0NONE0000000", "--out", out, AWS_ACCESS_KEY_ID="AKIANOBODY")
    assert stranger.returncode == 77, stranger.stderr
    wrong = why403(aws, "capture", "--distribution", "../../x", "--out", out)
    assert wrong.returncode == 64
    there = why403(aws, "capture", "--distribution", "E0NONE0000000", "--out", tmp_path)
    assert there.returncode == 64
    assert list(tmp_path.iterdir()) == []
