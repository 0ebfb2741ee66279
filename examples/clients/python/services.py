"""What the examples share: the services from proto/, a channel, and what an error says.

The protos are compiled when the program starts, so no generated code is kept. A program of your own
would rather generate it once: docs/CLIENTS.md says how.
"""

import json
import os
import pathlib
import sys
import time

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

PROTO = pathlib.Path(__file__).resolve().parents[3] / "proto"
sys.path.append(str(PROTO))


def load(name):
    """The messages and the stubs of one of the files in proto/handover/v1."""
    return grpc.protos_and_services(f"handover/v1/{name}.proto")


store, log_service = load("event_store_service")
events, _ = load("events")
common, _ = load("common")
transfers, transfer_service = load("transfer_service")
counts, count_service = load("count_service")
groups, group_service = load("consumer_group_service")

# UNAVAILABLE and RESOURCE_EXHAUSTED are worth another try, because every write here has a request id. ABORTED never is:
# another writer came first, so what to write has to be decided again.
RETRIES = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.2s",
                "maxBackoff": "5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
            },
        }
    ]
}


def content(variable):
    """What is in the file that a variable names; None: it names none."""
    path = os.environ.get(variable)
    return pathlib.Path(path).read_bytes() if path else None


def credentials():
    """The certificates for TLS, by the variables of the handover commands; None: plain text."""
    authority, key, certificate = (content(f"HANDOVER_TLS_{name}") for name in ("CA", "KEY", "CERT"))
    if authority or key or certificate:
        # Without an authority, those that gRPC brings are trusted.
        return grpc.ssl_channel_credentials(authority, key, certificate)
    return None


def token():
    """The token of this client, by the variables of the handover commands; None: it has none."""
    file = content("HANDOVER_TOKEN_FILE")
    return file.decode().strip() if file else os.environ.get("HANDOVER_TOKEN")


class Login(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamStreamClientInterceptor):
    """Sends the token with each call."""

    def __init__(self, secret):
        self.header = ("authorization", f"Bearer {secret}")

    def send(self, call, details, request):
        return call(details._replace(metadata=[*(details.metadata or ()), self.header]), request)

    intercept_unary_unary = intercept_unary_stream = intercept_stream_stream = send


def connect(address):
    """A channel that logs in by the token of this client, if it has one."""
    channel = open_channel(address)
    secret = token()
    if not secret:
        return channel
    if not credentials() and not address.startswith(("127.0.0.1:", "localhost:", "[::1]:")):
        sys.exit("a token would be sent in plain text: HANDOVER_TLS_CA names the authority of a server with TLS")
    return grpc.intercept_channel(channel, Login(secret))


def open_channel(address):
    """A channel that repeats what may be repeated and notices when the other side is gone."""
    options = [
        ("grpc.service_config", json.dumps(RETRIES)),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
    ]
    secure = credentials()
    if secure:
        return grpc.secure_channel(address, secure, options)
    return grpc.insecure_channel(address, options)


def reason(error):
    """The one ErrorInfo of an error: what to do about it stands in errors.proto. None: it has not come from the server."""
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info.reason
    return None


def pause(error):
    """Waits until a call that goes on is tried again: the server stops or cannot be reached. What no repetition mends, such as
    another store at the address, ends the program."""
    if error.code() != grpc.StatusCode.UNAVAILABLE:
        sys.exit(f"{error.code().name} {reason(error)}: {error.details()}")
    time.sleep(0.2)
