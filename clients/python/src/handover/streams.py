"""Streams that go on where they were when the connection is lost or the server is started anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from handover.errors import HistoryChanged, Problem, problem
from handover.position import PositionFile
from handover.v1 import count_service_pb2 as counts
from handover.v1 import event_store_service_pb2 as log
from handover.v1 import exchange_service_pb2 as exchanges

if TYPE_CHECKING:
    from handover.client import Client

SILENCE = 60.0
"""Seconds after which a stream is given up. The server sends something every 20 s."""

M = TypeVar("M")
T = TypeVar("T")
Interrupted = Callable[[Problem, float], None]
"""Called with a problem that passes, and the seconds until the next attempt."""


def quietly(_: Problem, __: float) -> None:
    """Reports nothing."""


def copied(message: M) -> M:
    """A message that may be changed."""
    copy = type(message)()
    copy.CopyFrom(message)  # type: ignore[attr-defined]
    return copy


class Watchdog:
    """Cancels a call that says nothing for too long. The time that the caller takes for an answer does not count."""

    def __init__(self, call: Any, silence: float) -> None:
        self.call, self.silence, self.was_silent = call, silence, False
        self._since: float | None = time.monotonic()
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _left(self) -> float:
        """Seconds until the silence is too long; all of them while the caller has an answer in hand."""
        since = self._since
        return self.silence if since is None else since + self.silence - time.monotonic()

    def _watch(self) -> None:
        while not self._ended.wait(max(self._left(), 0)):
            if self._left() <= 0:
                self.was_silent = True
                self.call.cancel()
                return

    def answers(self) -> Iterator[Any]:
        """The answers of the call, with the end of the watch behind them."""
        try:
            for answer in self.call:
                self._since = None
                yield answer
                self._since = time.monotonic()
        finally:
            self._ended.set()
            self.call.cancel()


def resumed(open_call: Callable[[], Any], interrupted: Interrupted, client: Client, silence: float = SILENCE) -> Iterator[Any]:
    """The answers of one call after the other. A call that fails for good raises its error."""
    failed = 0
    while True:
        watchdog = Watchdog(open_call(), silence)
        try:
            for answer in watchdog.answers():
                failed = 0
                yield answer
            found = Problem(grpc.StatusCode.UNAVAILABLE, "the stream ended without an error")
        except grpc.RpcError as error:
            found = problem(error)
            if watchdog.was_silent:
                found = Problem(grpc.StatusCode.UNAVAILABLE, f"the server said nothing for {silence:g} s")
            elif found.reason == "HISTORY_CHANGED":
                raise HistoryChanged(found) from error
            elif not found.passes(repeatable=True):
                raise
            else:
                client.handshake.check(found, error)
        failed += 1
        pause = client.retry.pause(failed, found.retry_after or 0)
        interrupted(found, pause)
        time.sleep(pause)


def subscribe(client: Client, request: log.SubscribeRequest, interrupted: Interrupted) -> Iterator[log.SubscribeResponse]:
    """The frames of a subscription, but for heartbeats."""
    request = copied(request)
    head = client.log.GetHead(log.GetHeadRequest())
    request.store = request.store or head.store
    if request.from_now:
        # "Now" stays where it was when the connection is lost before anything has come.
        request.after_position = head.position
    for frame in resumed(lambda: client.log.Subscribe(request), interrupted, client):
        kind = frame.WhichOneof("frame")
        # After a restore of the store, the position goes on under another name.
        request.store = frame.store or request.store
        if kind is None:
            continue
        yield frame
        request.after_position = frame.events.events[-1].position if kind == "events" else getattr(frame, kind).position


def events(
    client: Client, kept: PositionFile, filter: log.Filter | None, interrupted: Interrupted
) -> Iterator[log.RecordedEvent]:
    """The events after the position in a file, which moves behind them."""
    store = kept.store or client.store()
    request = log.SubscribeRequest(filter=filter, after_position=kept.position, store=store)
    for frame in subscribe(client, request, interrupted):
        kind, store = frame.WhichOneof("frame"), frame.store or store
        for event in frame.events.events:
            yield event
            kept.keep(store, event.position)
        if kind not in (None, "events"):
            # Nothing that matches is left up to there.
            kept.keep(store, getattr(frame, str(kind)).position)


def watch_counts(
    client: Client, request: counts.WatchCountryCountsRequest, interrupted: Interrupted
) -> Iterator[list[counts.WatchCountryCountsResponse]]:
    """The answers of a watch, those of one position together: to resume between them would lose some."""
    request = copied(request)
    request.store = request.store or client.store()
    together: list[counts.WatchCountryCountsResponse] = []

    def open_call() -> Any:
        # What was begun comes again.
        together.clear()
        return client.counts.WatchCountryCounts(request)

    for answer in resumed(open_call, interrupted, client):
        request.store = answer.store or request.store
        if answer.heartbeat:
            continue
        together.append(answer)
        if not answer.more:
            yield list(together)
            request.after_position = answer.position
            together.clear()


def watch_exchange(
    client: Client, request: exchanges.WatchExchangeRequest, interrupted: Interrupted
) -> Iterator[exchanges.WatchExchangeResponse]:
    """The answers of a watch, but for heartbeats."""
    request = copied(request)
    request.store = request.store or client.store()
    for answer in resumed(lambda: client.exchanges.WatchExchange(request), interrupted, client):
        request.store = answer.store or request.store
        if not answer.heartbeat:
            yield answer
            request.after_position = answer.position
