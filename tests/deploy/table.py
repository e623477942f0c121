"""What stands in the function's table."""

import base64
import json
import os
import subprocess
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from sites import Truth


def decoder() -> Path:
    """The example that decodes states; `cargo test` builds it beside the bootstrap."""
    path = Path(os.environ["WHY403_BOOTSTRAP"]).resolve().parent / "examples" / "state"
    assert path.is_file(), f"{path} is not built: cargo build --features aws --example state"
    return path


class Table:
    def __init__(self, aws, name: str):
        self.dynamodb = aws.client("dynamodb")
        self.name = name

    def items(self, filter: str, values: dict) -> list[dict]:
        pages = self.dynamodb.get_paginator("scan").paginate(
            TableName=self.name, FilterExpression=filter, ExpressionAttributeValues=values, ConsistentRead=True
        )
        return [item for page in pages for item in page["Items"]]

    def counts(self, distributions: set[str]) -> Truth:
        """The refusals that were counted of these distributions."""
        found = self.items("begins_with(sk, :series)", {":series": {"S": "series#"}})
        mine = [item for item in found if item["pk"]["S"].partition("#")[2] in distributions]
        states = "".join(base64.b64encode(item["state"]["B"]).decode() + "\n" for item in mine)
        done = subprocess.run([decoder()], input=states, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        counts: Truth = Counter()
        for item, line in zip(mine, done.stdout.splitlines(), strict=True):
            for second, count in json.loads(line).items():
                counts[item["pk"]["S"].partition("#")[2], item["cause"]["S"], int(second)] += count
        return counts

    def counted_objects(self) -> Counter[str]:
        """For how many distributions each object was counted."""
        found = self.items("begins_with(pk, :object)", {":object": {"S": "object#"}})
        return Counter(item["pk"]["S"] for item in found)

    def unsent(self) -> list[datetime]:
        """When the alerts were stored that have not gone out."""
        found = [item.get("alert") or item["chat"] for item in self.outbox()]
        return [datetime.fromisoformat(json.loads(one["S"])["stored"][:19] + "+00:00") for one in found]

    def outbox(self) -> list[dict]:
        """What lies unsent, for subscribers and for a chat."""
        has_body = "(attribute_exists(alert) OR attribute_exists(chat))"
        return self.items(f"pk = :outbox AND {has_body}", {":outbox": {"S": "outbox"}})

    def age_unsent(self, seconds: int):
        """Makes alerts older that lie unsent, as if that time had passed."""
        for item in self.outbox():
            [name] = {"alert", "chat"} & item.keys()
            alert = json.loads(item[name]["S"])
            then = datetime.fromisoformat(alert["stored"][:19] + "+00:00") - timedelta(seconds=seconds)
            stored = f"{then:%Y-%m-%dT%H:%M:%SZ}"
            _, _, rest = item["sk"]["S"].partition("#")
            older = item | {name: {"S": json.dumps(alert | {"stored": stored})}, "sk": {"S": f"{stored}#{rest}"}}
            self.dynamodb.put_item(TableName=self.name, Item=older)
            self.dynamodb.delete_item(TableName=self.name, Key={"pk": item["pk"], "sk": item["sk"]})
