"""`make invoke` without its build: the real bootstrap behind a runtime API of a few lines."""

import json
import os
import subprocess
import sys
from pathlib import Path

from conftest import REPOSITORY

# In the access logs of the sample incident.
REFUSALS = 64


def test_a_sample_event_goes_through_the_real_function():
    event = REPOSITORY / "events/s3-notification-in-sqs.json"
    script = Path(__file__).with_name("invoke.py")
    command = [sys.executable, script, os.environ["WHY403_BOOTSTRAP"], event]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    first, *_ = done.stdout.splitlines()
    assert json.loads(first.removeprefix("response: ")) == {"batchItemFailures": []}
    metrics = [json.loads(line) for line in done.stderr.splitlines() if '"CloudWatchMetrics"' in line]
    [objects] = [one["Objects"] for one in metrics if "Objects" in one]
    assert objects > 1
    assert sum(one["Forbidden"] for one in metrics if "Cause" in one) == REFUSALS
    assert "dead letter" not in done.stdout
