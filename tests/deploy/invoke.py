"""One event through the real `bootstrap`, without Docker: `make invoke EVENT=events/NAME.json`.

The runtime API of Lambda is a few lines below; behind the function stands the local AWS of the tests, with the
objects of `events/objects/BUCKET/KEY` in its buckets. Printed are the answer, the alerts and the dead letters.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from conftest import LocalAws

SECONDS = 60


class Runtime:
    """Lambda's runtime API for one invocation."""

    def __init__(self, event: bytes):
        self.answer: tuple[str, bytes] | None = None
        self.done = threading.Event()
        waiting = [event]
        runtime = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                if not waiting:
                    runtime.done.wait()
                    return self.close()
                self.reply(
                    200,
                    waiting.pop(),
                    {
                        "Lambda-Runtime-Aws-Request-Id": "11111111-2222-3333-4444-555555555555",
                        "Lambda-Runtime-Deadline-Ms": str(int((time.time() + SECONDS) * 1000)),
                        "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:why403",
                    },
                )

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.reply(202, b"{}", {})
                runtime.answer = (self.path.rsplit("/", 1)[1], body)
                runtime.done.set()

            def reply(self, status: int, body: bytes, headers: dict[str, str]):
                self.send_response(status)
                for name, value in (headers | {"Content-Length": str(len(body))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def close(self):
                self.close_connection = True

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"


def furnish(aws: LocalAws, folder: Path) -> dict[str, str]:
    """What the stack would make, and the objects; returns the function's environment."""
    s3, sqs, sns = aws.client("s3"), aws.client("sqs"), aws.client("sns")
    for bucket in sorted(path for path in (folder / "objects").glob("*") if path.is_dir()):
        s3.create_bucket(Bucket=bucket.name)
        for path in sorted(path for path in bucket.rglob("*") if path.is_file()):
            s3.put_object(Bucket=bucket.name, Key=str(path.relative_to(bucket)), Body=path.read_bytes())
    names = ("pk", "sk")
    aws.client("dynamodb").create_table(
        TableName="why403",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"))],
    )
    topic = sns.create_topic(Name="why403")["TopicArn"]
    queues = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("alerts", "dead")}
    arn = sqs.get_queue_attributes(QueueUrl=queues["alerts"], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return {
        "WHY403_TABLE": "why403",
        "WHY403_TOPIC_ARN": topic,
        "WHY403_DEAD_LETTER_QUEUE_URL": queues["dead"],
        "WHY403_LOG_LEVEL": os.environ.get("WHY403_LOG_LEVEL", "info"),
        "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "why403",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_LAMBDA_LOG_GROUP_NAME": "why403",
        "AWS_LAMBDA_LOG_STREAM_NAME": "why403",
    }


def messages(aws: LocalAws, name: str) -> list[dict]:
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    return sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", [])


def main(bootstrap: str, event: str) -> int:
    path = Path(event)
    runtime = Runtime(path.read_bytes())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        aws = LocalAws(Path(folder))
        try:
            aws.wait_until_ready()
            told = furnish(aws, path.parent)
            env = aws.env | told | {"AWS_LAMBDA_RUNTIME_API": runtime.address}
            function = subprocess.Popen([bootstrap], env=env, stdin=subprocess.DEVNULL, stdout=sys.stderr)
            while not runtime.done.wait(0.1) and function.poll() is None:
                pass
            function.kill()
            function.wait()
            if runtime.answer is None:
                print(f"the function ended with {function.returncode} and gave no answer", file=sys.stderr)
                return 1
            kind, body = runtime.answer
            print(f"{kind}: {body.decode()}")
            for message in messages(aws, "alerts"):
                print("alert:", json.dumps(json.loads(json.loads(message["Body"])["Message"]), indent=2))
            for message in messages(aws, "dead"):
                told = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
                print("dead letter:", json.dumps(told))
            return 0 if kind == "response" else 1
        finally:
            aws.stop()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
