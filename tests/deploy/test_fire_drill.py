"""`docs/fire-drill.md`, step by step: a made-up incident goes through the deployed stack, and its alert arrives."""

import json

import pytest
from conftest import ACCESS_LOGS, WAF_LOGS
from test_capture import why403


def drill(aws, folder, scenario, seed) -> str:
    """The distribution of a made-up incident."""
    done = why403(aws, "simulate", scenario, "--seed", seed, "--out", folder)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "truth.ndjson").read_text().splitlines()[0])["distribution_id"]


def upload(stack, folder, bucket):
    """What `aws s3 cp --recursive FOLDER s3://BUCKET/` does."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert files
    stack.put(bucket, {str(path.relative_to(folder)): path.read_bytes() for path in files})


@pytest.mark.parametrize(
    ("scenario", "seed", "cause", "confidence"),
    [
        # The log alone proves it.
        ("country", "101", "geo-restriction", "confirmed"),
        # The function finds the log of a web ACL by the distribution, which is not there.
        ("waf-rule", "102", "waf", "likely"),
    ],
)
def test_the_alert_of_a_drill_arrives(aws, stack, tmp_path, scenario, seed, cause, confidence):
    distribution = drill(aws, tmp_path / "drill", scenario, seed)
    upload(stack, tmp_path / "drill/logs/waf", WAF_LOGS)
    upload(stack, tmp_path / "drill/logs/access", ACCESS_LOGS)

    told = stack.wait_for_alerts()
    stack.wait_until_idle()
    told += stack.take_alerts()

    assert told[0]["Subject"].startswith(f"[403 enforcement] {distribution}: ")
    alerts = [one["alert"] for one in told]
    assert {one["distribution_id"] for one in alerts} == {distribution}
    assert {one["cause"] for one in alerts} == {cause}
    assert (alerts[0]["state"], alerts[0]["sequence"]) == ("open", 1)
    assert {one["confidence"] for one in alerts} == {confidence}
    # What was served counts as well, although nobody knows the distribution.
    assert 0 < alerts[0]["share_of_requests"] < 0.8
    assert alerts[-1]["findings"][0]["cause"] == cause
