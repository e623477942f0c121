"""CloudTrail as the tests need it: the local AWS records under wrong names."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from signed import region_of


class Trail:
    """Answers `LookupEvents` with the events that were put into it, by the one attribute that is asked for."""

    def __init__(self):
        self.events: list[dict] = []
        self.regions: set[str] = set()
        trail = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.headers["X-Amz-Target"].endswith(".LookupEvents")
                trail.regions.add(region_of(self.headers))
                [attribute] = asked["LookupAttributes"]
                found = [one for one in trail.events if has(one, attribute["AttributeKey"], attribute["AttributeValue"])]
                body = json.dumps({"Events": found}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def put_bucket_policy(self, bucket: str, at: float, by: str):
        event = {
            "eventTime": "",
            "sourceIPAddress": "198.51.100.7",
            "userIdentity": {"arn": f"arn:aws:sts::000000000000:assumed-role/{by}/x", "accessKeyId": "AKIASECRET"},
            "requestParameters": {"bucketName": bucket},
        }
        self.events.append(
            {
                "EventId": f"e{len(self.events)}",
                "EventName": "PutBucketPolicy",
                "ReadOnly": "false",
                "EventTime": at,
                "EventSource": "s3.amazonaws.com",
                "Username": by,
                "Resources": [{"ResourceType": "AWS::S3::Bucket", "ResourceName": bucket}],
                "CloudTrailEvent": json.dumps(event),
            }
        )

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def has(event: dict, key: str, value: str) -> bool:
    if key == "ResourceName":
        return any(one["ResourceName"] == value for one in event["Resources"])
    return event.get(key) == value
