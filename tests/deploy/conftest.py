"""The real template and the real binary, deployed by `sam deploy` to an AWS on this machine.

`make test` runs this after `cargo test`. By hand:

    WHY403_BOOTSTRAP=target/debug/bootstrap .venv/bin/pytest tests/deploy
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
ACCESS_LOGS = "shop-cdn-logs"
WAF_LOGS = "aws-waf-logs-shop"
ORIGIN_LOGS = "shop-origin-logs"
# An account that owns distributions, and one whose role nobody may assume.
OWNER = "111122223333"
READ_ROLE = f"arn:aws:iam::{OWNER}:role/why403-read"
CLOSED_ROLE = "arn:aws:iam::444455556666:role/why403-read"
ARTIFACTS = "sam-artifacts"
STREAM = "shop-realtime"
STREAM_ARN = f"arn:aws:kinesis:us-east-1:000000000000:stream/{STREAM}"


class LocalAws:
    """One ministack process on a free port of the loopback interface, and clients that talk to it."""

    def __init__(self, folder: Path):
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self.log = folder / "ministack.log"
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WHY403_"))}
        self.env = keep | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
        }
        server = {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "TMPDIR": str(folder),
            # Requests of the function are signed by its role, and the role's policies are enforced.
            "AUTH": "true",
            # Listeners on fixed ports that nobody needs here.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }
        self.process = subprocess.Popen(
            [BIN / "ministack"],
            env=self.env | server,
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait_until_ready(self):
        def healthy():
            assert self.process.poll() is None, self.last_words()
            try:
                return urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=2).status == 200
            except OSError:
                return False

        self.wait_for("the local AWS", healthy, seconds=60)

    def stop(self):
        """Ends ministack and the function's processes, which are in its process group."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, sign)
                self.process.wait(timeout=5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass

    def client(self, service: str, account: str = "test"):
        """A client of the owner of an account, whose number is the key; that of the stack without one."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=account,
            aws_secret_access_key="test",
        )

    def wait_for(self, what: str, answer, seconds: float):
        """The first answer that is not empty; fails with the end of the log when the time is over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := answer():
                return found
            time.sleep(0.2)
        pytest.fail(f"no sign of {what} within {seconds} s\n{self.last_words()}")

    def last_words(self) -> str:
        return "".join(self.log.read_text(errors="replace").splitlines(keepends=True)[-80:])


class Stack:
    """The deployed stack, its log buckets, and a queue subscribed to each topic of alerts."""

    def __init__(self, aws: LocalAws, outputs: dict[str, str]):
        self.aws = aws
        self.outputs = outputs
        self.s3 = aws.client("s3")
        self.sqs = aws.client("sqs")
        self.inbox = self.subscribe("inbox", outputs["TopicArn"])
        self.chat = self.subscribe("chat", outputs["ChatTopicArn"])
        for bucket in (ACCESS_LOGS, WAF_LOGS, ORIGIN_LOGS):
            self.s3.put_bucket_notification_configuration(
                Bucket=bucket,
                NotificationConfiguration={
                    "QueueConfigurations": [{"QueueArn": outputs["QueueArn"], "Events": ["s3:ObjectCreated:*"]}]
                },
            )
        # S3 sends a test event for each notification that is set.
        self.wait_until_idle()

    def subscribe(self, name: str, topic: str) -> str:
        """A new queue that gets what a topic carries."""
        queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allow_topic = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow_topic]})
        self.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        self.aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return queue

    def put(self, bucket: str, objects: dict[str, bytes]):
        for key, body in objects.items():
            self.s3.put_object(Bucket=bucket, Key=key, Body=body)

    @contextmanager
    def one_batch(self):
        """What is put meanwhile waits in the queue, and reaches the function in one invocation."""
        functions = self.aws.client("lambda")
        mappings = functions.list_event_source_mappings(FunctionName=self.outputs["FunctionName"])
        [mapping] = [one for one in mappings["EventSourceMappings"] if ":sqs:" in one["EventSourceArn"]]
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        yield
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def take(self, queue_url: str) -> list[dict]:
        """Takes what lies in a queue, which is a few messages at most."""
        messages = self.sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=0
        ).get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return messages

    def take_alerts(self) -> list[dict]:
        """The alerts that have come: the SNS envelopes, each with its body for programs as `alert`."""
        envelopes = [json.loads(message["Body"]) for message in self.take(self.inbox)]
        return [envelope | {"alert": json.loads(envelope["Message"])} for envelope in envelopes]

    def take_chat(self) -> list[dict]:
        """What has come for a chat: the SNS envelopes."""
        return [json.loads(message["Body"]) for message in self.take(self.chat)]

    def wait_for_alerts(self) -> list[dict]:
        # Longer than the queue's visibility timeout, so that a first try may fail on a busy machine.
        return self.aws.wait_for("an alert", self.take_alerts, seconds=120)

    def wait_for_dead_letters(self) -> list[dict]:
        return self.aws.wait_for(
            "a dead letter", lambda: self.take(self.outputs["DeadLetterQueueUrl"]), seconds=120
        )

    def start_anew(self):
        """Ends the function that is warm: it remembers for minutes what it was told, and whom it asked about."""
        functions, name = self.aws.client("lambda"), self.outputs["FunctionName"]
        timeout = functions.get_function_configuration(FunctionName=name)["Timeout"]
        functions.update_function_configuration(FunctionName=name, Timeout=timeout)

    def forget(self):
        """Takes away what earlier tests left, so that none depends on another."""
        if self.queued():
            self.wait_until_idle()
        for queue in (self.inbox, self.chat, self.outputs["DeadLetterQueueUrl"]):
            while self.take(queue):
                pass
        self.start_anew()

    def queued(self) -> int:
        """Messages in the queue, those that the function has in hand included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.outputs["QueueUrl"], AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def wait_until_idle(self):
        """Until the function has acknowledged everything that was put into the buckets."""
        def idle():
            time.sleep(0.3)
            return self.queued() == 0

        self.aws.wait_for("an empty queue", idle, seconds=120)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(command: list, **options):
    """Runs a command; when it fails, what it printed is the failure."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}"


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    local = LocalAws(tmp_path_factory.mktemp("aws"))
    try:
        local.wait_until_ready()
        yield local
    finally:
        local.stop()


@pytest.fixture(scope="session")
def stack(aws, tmp_path_factory):
    """The stack as a user deploys it: `make build` stages in the same way, and `sam deploy` does the rest."""
    bootstrap = os.environ.get("WHY403_BOOTSTRAP")
    assert bootstrap and Path(bootstrap).is_file(), (
        f"WHY403_BOOTSTRAP={bootstrap} is not the path of a built bootstrap; `make test` sets it"
    )
    build = tmp_path_factory.mktemp("build")
    run(["make", "stage", f"BOOTSTRAP={Path(bootstrap).resolve()}", f"BUILD_DIR={build}"], cwd=REPOSITORY)

    s3 = aws.client("s3")
    for bucket in (ARTIFACTS, ACCESS_LOGS, WAF_LOGS, ORIGIN_LOGS):
        s3.create_bucket(Bucket=bucket)
    aws.client("kinesis").create_stream(StreamName=STREAM, ShardCount=1)
    run(
        [BIN / "sam", "deploy", "--template-file", "template.yaml", "--stack-name", "why403"]
        + ["--s3-bucket", ARTIFACTS, "--capabilities", "CAPABILITY_IAM", "--no-progressbar", "--parameter-overrides"]
        # The queue's visibility timeout follows the function's: a retry comes after 90 s, not half an hour.
        + [f"AccessLogBucket={ACCESS_LOGS}", f"WafLogBuckets={WAF_LOGS}", "Timeout=10", "LogLevel=debug", "ChatAlerts=true"]
        + [f"OriginLogBuckets={ORIGIN_LOGS}", f"ReadRoleArns={CLOSED_ROLE},{READ_ROLE}"]
        # The local AWS compares it with a number and has it as text.
        + ["MaximumConcurrency=0", f"RealtimeStreamArn={STREAM_ARN}"]
        # A schedule that struck in the middle of a test would be one more thing that it depends on.
        + ['Schedule="rate(1 day)"'],
        cwd=build,
        env=aws.env,
    )
    described = aws.client("cloudformation").describe_stacks(StackName="why403")["Stacks"][0]
    return Stack(aws, {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]})


@pytest.fixture(autouse=True)
def alone(request):
    """Each test of the stack begins as if it were the first."""
    if "stack" in request.fixturenames:
        request.getfixturevalue("stack").forget()
