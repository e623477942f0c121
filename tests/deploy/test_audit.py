"""`why403 audit` on the live account: the same rules as on a bundle, and nothing is changed."""

import json

from proxy import Proxy
from sites import create_site
from test_capture import trail, why403  # noqa: F401
from test_live_account import allow

READS = ("Get", "Head", "List", "Describe", "/2020-05-31/distribution-tenants")


def named(call, headers) -> str:
    """The operation: by its name, where the call has it, else by its method, or by its path where it is a POST.

    CloudFront lists tenants by a POST."""
    target = {name.lower(): value for name, value in headers.items()}.get("x-amz-target", "")
    if call.operation == "PostObject":
        return target.rpartition(".")[2] or call.path.rpartition("/operation/")[2] or call.path
    return call.operation


def findings(done) -> list[tuple[str, str, str, str]]:
    """Distribution, cause, detail and confidence of each finding."""
    # The local AWS has no answer to some questions, which an audit says.
    assert done.returncode in (0, 2), done.stderr
    audit = json.loads(done.stdout)
    return [(one["distribution_id"], one["cause"], one["detail"], one["confidence"]) for one in audit["findings"]]


def test_a_bucket_that_lets_nobody_in_is_told_before_anybody_asks(aws, stack, trail):  # noqa: F811
    closed, open_ = create_site(aws), create_site(aws)
    allow(aws, closed.bucket, closed.arn + "OTHER")
    allow(aws, open_.bucket, open_.arn)
    proxy = Proxy(aws.endpoint)
    asked = set()
    proxy.rewrite = lambda call, headers: (asked.add(named(call, headers)), (call.body, headers))[1]
    variables = {"AWS_ENDPOINT_URL": proxy.url, "AWS_ENDPOINT_URL_CLOUDTRAIL": trail.url}

    both = ["--distribution", closed.id, "--distribution", open_.id]
    done = why403(aws, "audit", *both, "--format", "json", **variables)
    failing = why403(aws, "audit", *both, "--fail-on", "fault", **variables)
    healthy = why403(aws, "audit", "--distribution", open_.id, "--format", "json", **variables)

    proxy.stop()
    assert findings(done) == [(closed.id, "s3-origin", "access-not-granted", "confirmed")]
    assert json.loads(done.stdout)["distributions"] == 2
    assert failing.returncode == 1, failing.stdout
    assert findings(healthy) == []
    assert "GetBucketPolicy" in asked
    assert [one for one in asked if not one.startswith(READS)] == []


def test_a_captured_bundle_is_audited_as_the_account_is(aws, stack, trail, tmp_path):  # noqa: F811
    site = create_site(aws)
    allow(aws, site.bucket, site.arn + "OTHER")
    variables = {"AWS_ENDPOINT_URL_CLOUDTRAIL": trail.url}
    live = why403(aws, "audit", "--distribution", site.id, "--format", "json", **variables)
    captured = why403(aws, "capture", "--distribution", site.id, "--out", tmp_path / "bundle", **variables)
    assert captured.returncode in (0, 2), captured.stderr

    assert findings(live) == findings(why403(aws, "audit", tmp_path / "bundle", "--format", "json"))


def test_what_aws_refuses_has_a_code_of_its_own(aws, stack):
    unknown = why403(aws, "audit", "--distribution", "E0NONE0000000")
    assert (unknown.returncode, unknown.stdout) == (66, "")
    stranger = why403(aws, "audit", "--distribution", "E0NONE0000000", AWS_ACCESS_KEY_ID="AKIANOBODY")
    assert (stranger.returncode, stranger.stdout) == (77, "")
    assert "cloudfront:GetDistribution" in stranger.stderr
    assert why403(aws, "audit", "--distribution", "../../x").returncode == 64
    assert why403(aws, "audit").returncode == 64
