"""Signs URLs and cookies with two signers that are not ours: botocore and the OpenSSL command line.

python3 tests/data/signed/make.py  writes the keys (if there are none) and signed.json beside itself.
"""
import base64
import datetime
import json
import pathlib
import subprocess

from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

HERE = pathlib.Path(__file__).parent
KEYS = {"K2RSAOFTESTS01": "rsa", "K2ECOFTESTS001": "ec"}
ENDS = 1773180000
URL = "https://www.harbour-maps.example/members/talk%20one.mp4?v=2&part=a%2Fb"
PLAIN = "https://www.harbour-maps.example/members/talk.mp4"


def keys():
    for name in KEYS.values():
        private, public = HERE / f"{name}.pem", HERE / f"{name}.pub.pem"
        if private.exists():
            continue
        make = {
            "rsa": ["openssl", "genrsa", "-out", private, "2048"],
            "ec": ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private],
        }[name]
        subprocess.run(make, check=True, stderr=subprocess.DEVNULL)
        pub = {"rsa": "rsa", "ec": "ec"}[name]
        subprocess.run(["openssl", pub, "-in", private, "-pubout", "-out", public], check=True,
                       stderr=subprocess.DEVNULL)


def pipe(text, hash_name, key):
    """The pipe of AWS's page on OpenSSL."""
    signed = subprocess.run(["openssl", hash_name, "-sign", HERE / f"{key}.pem"], input=text.encode(),
                            capture_output=True, check=True).stdout
    return dashed(signed)


def dashed(some):
    return base64.b64encode(some).decode().replace("+", "-").replace("=", "_").replace("/", "~")


def canned(url):
    return '{"Statement":[{"Resource":"%s","Condition":{"DateLessThan":{"AWS:EpochTime":%d}}}]}' % (url, ENDS)


def custom(resource):
    return json.dumps({"Statement": [{"Resource": resource, "Condition": {
        "DateLessThan": {"AWS:EpochTime": ENDS}, "DateGreaterThan": {"AWS:EpochTime": ENDS - 86400},
        "IpAddress": {"AWS:SourceIp": "203.0.113.0/24"}}}]}, separators=(",", ":"))


def by_openssl(made):
    for key_id, key in KEYS.items():
        for hash_name in ["sha1", "sha256"]:
            more = {"Hash-Algorithm": "SHA256"} if hash_name == "sha256" else {}
            for url in [URL, PLAIN]:
                parts = {"Expires": str(ENDS), "Signature": pipe(canned(url), hash_name, key)}
                add(made, "openssl", url, parts | {"Key-Pair-Id": key_id} | more)
            policy = custom("https://*.harbour-maps.example/members/*")
            parts = {"Policy": dashed(policy.encode()), "Signature": pipe(policy, hash_name, key)}
            add(made, "openssl", URL, parts | {"Key-Pair-Id": key_id} | more)


def add(made, signer, url, parts):
    between = "&" if "?" in url else "?"
    query = "&".join(f"{name}={value}" for name, value in parts.items())
    made.append({"signer": signer, "key": parts["Key-Pair-Id"], "url": url + between + query})
    cookies = "; ".join(f"CloudFront-{name}={value}" for name, value in parts.items())
    made.append({"signer": signer, "key": parts["Key-Pair-Id"], "url": url, "cookies": cookies})


def by_botocore(made):
    for key_id, key in KEYS.items():
        private = serialization.load_pem_private_key((HERE / f"{key}.pem").read_bytes(), None)

        def sign(text):
            if key == "rsa":
                return private.sign(text, padding.PKCS1v15(), hashes.SHA1())
            return private.sign(text, ec.ECDSA(hashes.SHA1()))

        signer = CloudFrontSigner(key_id, sign)
        ends = datetime.datetime.fromtimestamp(ENDS, datetime.timezone.utc)
        for url in [URL, PLAIN]:
            signed = signer.generate_presigned_url(url, date_less_than=ends)
            made.append({"signer": "botocore", "key": key_id, "url": signed})
        policy = signer.build_policy("http*://www.harbour-maps.example/members/*", ends, ip_address="203.0.113.0/24")
        signed = signer.generate_presigned_url(URL, policy=policy)
        made.append({"signer": "botocore", "key": key_id, "url": signed})


if __name__ == "__main__":
    keys()
    made = []
    by_openssl(made)
    by_botocore(made)
    (HERE / "signed.json").write_text(json.dumps(made, indent=1) + "\n")
    print(len(made), "signed")
