"""What is repeated, after which pause, and for how long."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from handover.errors import problem

if TYPE_CHECKING:
    from handover.handshake import Handshake

READING = ("Get", "List", "Count", "Explain", "Reconcile")
"""How the methods begin that change nothing, so that repeating them has no second effect."""


@dataclass(frozen=True)
class Retry:
    """How patient a client is.

    Between two attempts it pauses for a time that is drawn between nothing and a bound, which doubles from attempt to attempt:
    many clients that failed together do not come back together. If the server asks to wait, that comes on top.
    """

    within: float = 60
    """Gives up when so many seconds have passed since the first attempt began."""
    attempt: float = 10
    """The deadline of one attempt in seconds, unless the call has its own."""
    first_pause: float = 0.05
    longest_pause: float = 5

    def pause(self, failed: int, asked: float = 0, drawn: Callable[[], float] = random.random) -> float:
        """The pause after so many failed attempts in a row, from 1."""
        bound = min(self.first_pause * 2.0 ** min(failed - 1, 30), self.longest_pause)
        return asked + bound * drawn()


@dataclass(frozen=True)
class Details(grpc.ClientCallDetails):
    """What gRPC has of a call, in a form that can be changed."""

    method: str
    timeout: float | None
    metadata: tuple[tuple[str, str | bytes], ...] | None
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


def changed(details: grpc.ClientCallDetails, timeout: float | None, more: Sequence[tuple[str, str]] = ()) -> Details:
    """The details with a deadline and with more metadata."""
    return Details(
        details.method,
        timeout,
        (*(details.metadata or ()), *more),
        details.credentials,
        details.wait_for_ready,
        details.compression,
    )


class Repeating(grpc.UnaryUnaryClientInterceptor):
    """Gives each write a request id and each attempt a deadline, and repeats what is worth it."""

    def __init__(self, retry: Retry, handshake: Handshake) -> None:
        self.retry, self.handshake = retry, handshake

    def intercept_unary_unary(self, continuation: Any, client_call_details: grpc.ClientCallDetails, request: Any) -> Any:
        """Calls until there is an answer, an error that stays, or no time any more."""
        request, repeatable = identified(client_call_details.method, request)
        began, failed = time.monotonic(), 0
        while True:
            left = began + self.retry.within - time.monotonic()
            timeout = min(client_call_details.timeout or self.retry.attempt, max(left, 0.001))
            call = continuation(changed(client_call_details, timeout), request)
            # This waits for the end of the call.
            if call.code() is grpc.StatusCode.OK or not isinstance(call, grpc.RpcError):
                return call
            failed += 1
            found = problem(call)
            self.handshake.check(found, call)
            pause = self.retry.pause(failed, found.retry_after or 0)
            if not found.passes(repeatable) or time.monotonic() + pause > began + self.retry.within:
                return call
            time.sleep(pause)


def identified(method: str, request: Any) -> tuple[Any, bool]:
    """The request, with a request id if it takes one, and whether it can be repeated without a second effect."""
    if "request_id" not in request.DESCRIPTOR.fields_by_name:
        return request, method.rsplit("/", 1)[-1].startswith(READING)
    if not request.request_id:
        named = type(request)()
        named.CopyFrom(request)
        named.request_id = str(uuid.uuid4())
        request = named
    return request, True
