"""Records of a real-time log, and a CloudFront that knows their configuration: the local one has none."""

import base64
import json
import random

from conftest import REPOSITORY, STREAM_ARN
from incident import Distribution
from incident import Request as Seen
from proxy import Fate, Fault, Reply
from sites import REFUSALS, Request

CONFIG = json.loads((REPOSITORY / "events/aws/cloudfront/get-realtime-log-config/shop.json").read_text())
FIELDS = CONFIG["RealtimeLogConfig"]["Fields"]
# As long as those of Kinesis, and larger than any integer.
FIRST_NUMBER = 49590338271490256608559692538361571095921575989136580000


def config_of_the_stream() -> list[Fault]:
    """What CloudFront says of its real-time configurations, of which one writes to the stream."""
    fields = "".join(f"<Field>{field}</Field>" for field in FIELDS)
    end = f"<StreamType>Kinesis</StreamType><KinesisStreamConfig><StreamARN>{STREAM_ARN}</StreamARN></KinesisStreamConfig>"
    inner = (
        "<ARN>arn:aws:cloudfront::000000000000:realtime-log-config/shop</ARN><Name>shop</Name>"
        f"<SamplingRate>100</SamplingRate><EndPoints><member>{end}</member></EndPoints><Fields>{fields}</Fields>"
    )
    listed = f"<RealtimeLogConfigs><IsTruncated>false</IsTruncated><Items><member>{inner}</member></Items></RealtimeLogConfigs>"
    one = f"<GetRealtimeLogConfigResult><RealtimeLogConfig>{inner}</RealtimeLogConfig></GetRealtimeLogConfigResult>"

    def says(path: str, xml: str) -> Fault:
        reply = Reply(200, xml.encode(), [("Content-Type", "text/xml")])
        # An answer like any other, given in the place of the local AWS.
        return Fault(Fate.REFUSED, lambda call: call.path.startswith(f"/2020-05-31/{path}"), reply)

    return [says("realtime-log-config", listed), says("get-realtime-log-config", one)]


def values(values: dict[str, str]) -> bytes:
    return ("\t".join(values.get(field, "-") for field in FIELDS) + "\n").encode()


def line(request: Request, rng: random.Random, id: str | None = None) -> bytes:
    """The record of a request at a site, as `sites.line` has it in a standard log."""
    result = "Error" if request.cause else "Miss"
    own = {
        "timestamp": f"{request.at.timestamp():.3f}",
        "c-ip": f"192.0.2.{rng.randrange(1, 255)}",
        "time-to-first-byte": "0.001",
        "sc-status": "403" if request.cause else "200",
        "sc-bytes": "900",
        "cs-method": "GET",
        "cs-protocol": "https",
        "cs-host": request.site.alias,
        "cs-uri-stem": f"/media/{rng.randrange(1000)}.jpg",
        "cs-bytes": "300",
        "x-edge-location": "FRA56-P4",
        "x-edge-request-id": id or f"{rng.getrandbits(216):054x}==",
        "x-host-header": request.site.domain,
        "time-taken": "0.002",
        "cs-protocol-version": "HTTP/2.0",
        "x-edge-response-result-type": result,
        "x-edge-result-type": result,
        "x-edge-detailed-result-type": result,
    }
    return values(own | (REFUSALS[request.cause] if request.cause else {}))


def line_of(distribution: Distribution, request: Seen) -> bytes:
    """The record of a request of `incident.recent_requests`."""
    result = "Error" if request.blocked else "Miss"
    return values(
        {
            "timestamp": f"{request.at.timestamp():.3f}",
            "c-ip": request.client,
            "time-to-first-byte": "0.001",
            "sc-status": "403" if request.blocked else "200",
            "sc-bytes": "1391",
            "cs-method": "POST" if request.blocked else "GET",
            "cs-protocol": "https",
            "cs-host": distribution.alias,
            "cs-uri-stem": "/api/v1/upload" if request.blocked else "/index.html",
            "cs-bytes": "807",
            "x-edge-location": "FRA56-P4",
            "x-edge-request-id": request.id,
            "x-host-header": distribution.domain,
            "time-taken": "0.003",
            "cs-protocol-version": "HTTP/2.0",
            "x-edge-response-result-type": result,
            "x-edge-result-type": result,
            "sc-content-type": "text/html",
            "sc-content-len": "919",
            "x-edge-detailed-result-type": result,
        }
    )


class Shard:
    """A shard of the stream that no other test uses, whose records are handed over by hand."""

    def __init__(self, name: str):
        self.name = name
        self.records: list[dict] = []

    def put(self, *lines: bytes):
        for data in lines:
            number = str(FIRST_NUMBER + len(self.records))
            kinesis = {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": number,
                "sequenceNumber": number,
                "data": base64.b64encode(data).decode(),
                "approximateArrivalTimestamp": 1773152405.0,
                "ofTheFuture": {},
            }
            self.records.append(
                {
                    "kinesis": kinesis,
                    "eventSource": "aws:kinesis",
                    "eventID": f"{self.name}:{number}",
                    "eventName": "aws:kinesis:record",
                    "eventSourceARN": STREAM_ARN,
                }
            )

    def event(self, first: int, end: int) -> dict:
        return {"Records": self.records[first:end]}

    def number(self, place: int) -> str:
        return self.records[place]["kinesis"]["sequenceNumber"]
