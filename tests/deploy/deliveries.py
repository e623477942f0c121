"""Deliveries as the queue makes them: batches of up to fifty, several at once, and again what came back.

The local AWS takes ten messages a batch at most, hence this stand-in, which invokes the function with the
same events, and knows when all is done.
"""

import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from uuid import uuid4

import boto3
from botocore.config import Config
from conftest import ACCESS_LOGS
from sites import LogObject

# The queue of the template gives a message up after so many receives.
MOST_RECEIVES = 20
SCHEDULE = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


@dataclass
class Message:
    key: str
    etag: str
    id: str = field(default_factory=lambda: uuid4().hex)
    receives: int = 0

    def record(self) -> dict:
        s3 = {"bucket": {"name": ACCESS_LOGS}, "object": {"key": self.key, "eTag": self.etag}}
        event = {"eventVersion": "2.6", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}
        return {
            "messageId": self.id,
            "eventSource": "aws:sqs",
            "attributes": {"ApproximateReceiveCount": str(self.receives)},
            "body": json.dumps({"Records": [event]}),
        }


class Function:
    """The function, invoked directly."""

    def __init__(self, aws, name: str):
        self.name = name
        # An invocation that is tried again by the client would be a delivery that nobody counted.
        self.client = boto3.client(
            "lambda",
            endpoint_url=aws.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(read_timeout=150, retries={"max_attempts": 0}),
        )

    def invoke(self, event: dict) -> dict | None:
        """Its answer; nothing where it died or failed as a whole."""
        answer = self.client.invoke(FunctionName=self.name, Payload=json.dumps(event))
        payload = answer["Payload"].read()
        return None if "FunctionError" in answer else json.loads(payload)

    def tick(self):
        """The schedule, which comes again after a failure."""
        while self.invoke(SCHEDULE) is None:
            pass


class Queue:
    def __init__(self, function: Function, messages: list[Message]):
        self.function = function
        self.waiting = deque(messages)
        self.lock = threading.Lock()
        self.underway = 0
        self.invocations = 0
        self.deaths = 0
        self.handed_back = 0
        self.given_up: list[Message] = []

    def drain(self, batch: int = 50, at_once: int = 2):
        """Delivers until every message was acknowledged."""
        threads = [threading.Thread(target=self.work, args=(batch,)) for _ in range(at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not self.given_up, f"{len(self.given_up)} messages were received {MOST_RECEIVES} times"

    def work(self, batch: int):
        while True:
            with self.lock:
                some = [self.waiting.popleft() for _ in range(min(batch, len(self.waiting)))]
                if not some and not self.underway:
                    return
                self.underway += bool(some)
            if not some:
                time.sleep(0.05)
                continue
            failed = some
            try:
                failed = self.deliver(some)
            finally:
                self.hand_back(failed)

    def deliver(self, some: list[Message]) -> list[Message]:
        for message in some:
            message.receives += 1
        answer = self.function.invoke({"Records": [message.record() for message in some]})
        with self.lock:
            self.invocations += 1
            self.deaths += answer is None
        if answer is None:
            return some
        named = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
        return [message for message in some if message.id in named]

    def hand_back(self, failed: list[Message]):
        with self.lock:
            self.underway -= 1
            self.handed_back += len(failed)
            for message in failed:
                (self.given_up if message.receives >= MOST_RECEIVES else self.waiting).append(message)


def upload(s3, objects: list[LogObject]) -> list[Message]:
    """Puts objects where the function finds them; a message for each."""

    def put(one: LogObject) -> Message:
        etag = s3.put_object(Bucket=ACCESS_LOGS, Key=one.key, Body=one.body)["ETag"]
        return Message(one.key, etag.strip('"'))

    return [put(one) for one in objects]
