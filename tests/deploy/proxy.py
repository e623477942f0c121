"""A proxy before the local AWS that does to the function's calls what AWS and networks do to them.

It forwards, refuses, stalls, loses the reply after the call took effect, and ends the function's
process in the middle of a call.
"""

import http.client
import json
import os
import signal
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Callable
from urllib.parse import parse_qs, urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "te", "upgrade", "proxy-connection"}
SERVICES = ("DYNAMODB", "SNS", "S3")


@dataclass(frozen=True)
class Call:
    """A request of the function, and what it asks for."""

    service: str
    operation: str
    path: str
    body: bytes

    @property
    def stores_alert(self) -> bool:
        """Whether it is a commit that has an alert to store."""
        if self.operation != "TransactWriteItems":
            return False
        puts = [one.get("Put", {}).get("Item", {}) for one in json.loads(self.body)["TransactItems"]]
        return any(item.get("pk", {}).get("S") == "outbox" for item in puts)


class Fate(Enum):
    """What becomes of a call."""

    REFUSED = "answered with an error, without any effect"
    LOST = "took effect, and its reply was lost"
    STALLED = "not answered for some seconds"
    CUT_SHORT = "half of its reply came, then nothing for some seconds"
    KILLED_BEFORE = "the function died before it took effect"
    KILLED_AFTER = "the function died after it took effect"


@dataclass
class Reply:
    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Fault:
    """Something that goes wrong with calls for which `when` holds.

    The first `skip` of them are spared and after `times` it is over. `chance` strikes a share of
    the rest, always the same ones for one seed and order of calls.
    """

    fate: Fate
    when: Callable[[Call], bool]
    reply: Reply | None = None
    skip: int = 0
    times: int = 1 << 30
    chance: Callable[[], bool] = lambda: True
    seconds: float = 0.0
    struck: int = 0

    def strikes(self, call: Call) -> bool:
        if self.struck >= self.times or not self.when(call):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if not self.chance():
            return False
        self.struck += 1
        return True


def operation(name: str, also: Callable[[Call], bool] = lambda _: True) -> Callable[[Call], bool]:
    return lambda call: call.operation == name and also(call)


def service(name: str) -> Callable[[Call], bool]:
    return lambda call: call.service == name


THROTTLED = Reply(
    400,
    json.dumps(
        {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": "Rate exceeded"}
    ).encode(),
    [("Content-Type", "application/x-amz-json-1.0")],
)
AWAY = Reply(503, b"Service Unavailable", [("Content-Type", "text/plain")])
DENIED = Reply(
    403,
    b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
    [("Content-Type", "application/xml")],
)


def conflict(call: Call) -> Reply:
    """What DynamoDB answers when another transaction holds the last item of this one."""
    reasons = [{"Code": "None"} for _ in json.loads(call.body)["TransactItems"]]
    reasons[-1] = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
    name = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    body = {"__type": name, "Message": "Transaction cancelled", "CancellationReasons": reasons}
    return Reply(400, json.dumps(body).encode(), [("Content-Type", "application/x-amz-json-1.0")])


class Proxy:
    """The proxy and the faults that are on."""

    def __init__(self, endpoint: str):
        self.host = urlsplit(endpoint).netloc
        self.faults: list[Fault] = []
        self.calls: Counter[str] = Counter()
        # Looks at every call that took effect.
        self.witness: Callable[[Call, Reply], None] | None = None
        # Changes a call before it is forwarded.
        self.rewrite: Callable[[Call, dict[str, str]], tuple[bytes, dict[str, str]]] | None = None
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def fault_of(self, call: Call) -> Fault | None:
        with self.lock:
            self.calls[call.operation] += 1
            return next((fault for fault in self.faults if fault.strikes(call)), None)


def handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Without it every answer waits for the acknowledgement of its headers.
        disable_nagle_algorithm = True
        wbufsize = 1 << 16

        def log_message(self, *_):
            pass

        def any_method(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            call = call_of(self.headers, self.command, self.path, body)
            fault = proxy.fault_of(call)
            fate = fault.fate if fault else None
            if fate is Fate.REFUSED:
                return self.answer(fault.reply or conflict(call))
            if fate is Fate.STALLED:
                time.sleep(fault.seconds)
                return self.hang_up()
            if fate is Fate.KILLED_BEFORE:
                kill(self.client_address[1])
                return self.hang_up()
            reply = self.forward(call)
            if proxy.witness:
                with proxy.lock:
                    proxy.witness(call, reply)
            if fate is Fate.KILLED_AFTER:
                kill(self.client_address[1])
            if fate in (Fate.KILLED_AFTER, Fate.LOST):
                return self.hang_up()
            self.answer(reply, stop_after=fault.seconds if fate is Fate.CUT_SHORT else None)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = any_method

        def forward(self, call: Call) -> Reply:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            body = call.body
            if proxy.rewrite:
                body, headers = proxy.rewrite(call, headers)
            behind = http.client.HTTPConnection(proxy.host, timeout=60)
            try:
                behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in headers.items():
                    behind.putheader(name, value)
                behind.putheader("Content-Length", str(len(body)))
                behind.endheaders(body)
                answer = behind.getresponse()
                kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP]
                length = answer.getheader("Content-Length")
                if self.command == "HEAD" and length:
                    kept.append(("Content-Length", length))
                return Reply(answer.status, answer.read(), kept)
            finally:
                behind.close()

        def answer(self, reply: Reply, stop_after: float | None = None):
            self.send_response_only(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if stop_after is not None:
                self.wfile.write(reply.body[: len(reply.body) // 2])
                self.wfile.flush()
                time.sleep(stop_after)
                return self.hang_up()
            self.wfile.write(reply.body)
            self.wfile.flush()

        def hang_up(self):
            self.close_connection = True
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

        def handle(self):
            # A function that was ended does not say goodbye.
            try:
                super().handle()
            except OSError:
                pass

    return Handler


def call_of(headers, method: str, path: str, body: bytes) -> Call:
    target = headers.get("X-Amz-Target") or ""
    if target.startswith("DynamoDB_"):
        return Call("DYNAMODB", target.rpartition(".")[2], path, body)
    if body.startswith(b"Action="):
        return Call("SNS", parse_qs(body.decode())["Action"][0], path, body)
    query = parse_qs(urlsplit(path).query, keep_blank_values=True)
    named = {
        "policy": "GetBucketPolicy",
        "publicAccessBlock": "GetPublicAccessBlock",
        "requestPayment": "GetBucketRequestPayment",
        "ownershipControls": "GetBucketOwnershipControls",
        "list-type": "ListObjectsV2",
    }
    found = [name for parameter, name in named.items() if parameter in query]
    return Call("S3", found[0] if found else f"{method.title()}Object", path, body)


def kill(port: int):
    """Ends the process at the other end of a connection, and waits until it is gone."""
    for pid in processes_of(socket_of(port)):
        os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + 5
        while is_running(pid) and time.monotonic() < end:
            time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def socket_of(port: int) -> str:
    """The inode of the socket with this port on the loopback interface that is not ours."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == f"0100007F:{port:04X}":
            return f"socket:[{fields[9]}]"
    return "socket:[none]"


def processes_of(inode: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # Nothing but the function: the test itself has no business in being ended.
            if (folder / "exe").readlink().name != "bootstrap":
                continue
            if any(os.readlink(link) == inode for link in (folder / "fd").iterdir()):
                found.append(int(folder.name))
        except OSError:
            continue
    return found
