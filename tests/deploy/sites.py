"""Sites behind CloudFront, and access logs of them whose refusals are known."""

import gzip
import random
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from uuid import uuid4

from incident import FIELDS

BUCKET_SECONDS = 300

# What a line says of itself, by the cause that it proves at a site of `create_site`; served lines have none.
BUCKET_SAYS_NO = {
    "time-taken": "0.194",
    "time-to-first-byte": "0.191",
    "x-edge-detailed-result-type": "Error",
    "sc-content-type": "application/xml",
}
COUNTRY = {
    "time-taken": "0.002",
    "time-to-first-byte": "0.001",
    "x-edge-detailed-result-type": "ClientGeoBlocked",
    "sc-content-type": "text/html",
    "sc-content-len": "986",
}
REFUSALS = {"s3-origin": BUCKET_SAYS_NO, "geo-restriction": COUNTRY}

# Refusals by distribution, cause and the first second of their five minutes.
Truth = Counter[tuple[str, str, int]]


@dataclass(frozen=True)
class Site:
    """A distribution whose bucket lets nobody in, and which serves three countries."""

    id: str
    arn: str
    domain: str
    alias: str
    bucket: str


def create_site(aws) -> Site:
    s3, cloudfront = aws.client("s3"), aws.client("cloudfront")
    bucket = f"shop-media-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    control = cloudfront.create_origin_access_control(
        OriginAccessControlConfig={
            "Name": bucket,
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": "s3",
        }
    )["OriginAccessControl"]["Id"]
    origin = {
        "Id": "media",
        "DomainName": f"{bucket}.s3.us-east-1.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
        "OriginAccessControlId": control,
    }
    alias = f"{bucket}.shop.example"
    made = cloudfront.create_distribution(
        DistributionConfig={
            "CallerReference": uuid4().hex,
            "Comment": "media",
            "Enabled": True,
            "Aliases": {"Quantity": 1, "Items": [alias]},
            "Origins": {"Quantity": 1, "Items": [origin]},
            "Restrictions": {
                "GeoRestriction": {"RestrictionType": "whitelist", "Quantity": 3, "Items": ["AT", "CH", "DE"]}
            },
            "DefaultCacheBehavior": {
                "TargetOriginId": "media",
                "ViewerProtocolPolicy": "redirect-to-https",
                "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
            },
        }
    )["Distribution"]
    return Site(made["Id"], made["ARN"], made["DomainName"], alias, bucket)


@dataclass(frozen=True)
class Request:
    """A line of the log; without a cause it was served."""

    site: Site
    at: datetime
    cause: str | None


def requests_of_now(site: Site, cause: str, count: int) -> list[Request]:
    """Requests of one second that came after the site was made and before anybody reads how it is configured.

    Only of such is anything certain, so this takes two seconds.
    """
    at = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=1)
    time.sleep(2)
    return [Request(site, at, cause) for _ in range(count)]


@dataclass
class LogObject:
    """An object of standard logging, and what it holds."""

    key: str
    body: bytes
    truth: Truth


def log_object(requests: list[Request], rng: random.Random) -> LogObject:
    lines = ["#Version: 1.0", "#Fields: " + " ".join(FIELDS)]
    lines += [line(request, rng) for request in requests]
    first = requests[0]
    key = f"cf/{first.site.id}.{first.at:%Y-%m-%d-%H}.{rng.getrandbits(32):08x}.gz"
    # Without a time of its own in the header the same lines are the same bytes.
    return LogObject(key, gzip.compress("\n".join(lines).encode() + b"\n", mtime=0), truth_of(requests))


def truth_of(requests: list[Request]) -> Truth:
    return Counter(
        (one.site.id, one.cause, int(one.at.timestamp()) // BUCKET_SECONDS * BUCKET_SECONDS)
        for one in requests
        if one.cause
    )


def line(request: Request, rng: random.Random) -> str:
    result = "Error" if request.cause else "Miss"
    values = {
        "date": f"{request.at:%Y-%m-%d}",
        "time": f"{request.at:%H:%M:%S}",
        "x-edge-location": "FRA56-P4",
        "sc-bytes": "900",
        "c-ip": f"192.0.2.{rng.randrange(1, 255)}",
        "cs-method": "GET",
        "cs(Host)": request.site.domain,
        "cs-uri-stem": f"/media/{rng.randrange(1000)}.jpg",
        "sc-status": "403" if request.cause else "200",
        "x-edge-result-type": result,
        "x-edge-request-id": f"{rng.getrandbits(216):054x}==",
        "x-host-header": request.site.alias,
        "cs-protocol": "https",
        "cs-bytes": "300",
        "x-edge-response-result-type": result,
        "x-edge-detailed-result-type": result,
        "cs-protocol-version": "HTTP/2.0",
    }
    values |= REFUSALS[request.cause] if request.cause else {}
    return "\t".join(values.get(name, "-") for name in FIELDS)


def small_objects(sites: list[Site], count: int, start: datetime, seconds: int, rng: random.Random) -> list[LogObject]:
    """Objects of a few lines each: most with refusals, some without, some of two distributions."""
    objects = []
    for _ in range(count):
        mine = rng.sample(sites, 2 if rng.random() < 0.1 else 1)
        refuses = rng.random() < 0.85
        requests = []
        for number in range(rng.randrange(4, 9)):
            cause = rng.choice([*REFUSALS, None]) if refuses else None
            at = start + timedelta(seconds=rng.randrange(seconds))
            requests.append(Request(mine[number % len(mine)], at, cause))
        objects.append(log_object(requests, rng))
    return objects
