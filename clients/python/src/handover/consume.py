"""Taking part in a consumer group."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

import grpc

from handover.errors import HistoryChanged, Problem, problem
from handover.streams import Interrupted
from handover.v1 import consumer_group_service_pb2 as groups
from handover.v1 import event_store_service_pb2 as log

if TYPE_CHECKING:
    from handover.client import Client

Handler = Callable[[log.RecordedEvent], None]
"""Does the work of one event."""


class NotHandled(Exception):
    """An event could not be handled, and the group goes on: it is parked, skipped, or tried again."""

    def __init__(self, reason: str, action: Literal["park", "skip", "retry"] = "park") -> None:
        super().__init__(reason)
        self.action = groups.NackAction.Value(f"NACK_ACTION_{action.upper()}")


class Call:
    """One call: what has come and waits, what was withdrawn since, and what is to be said."""

    def __init__(self, client: Client, first: groups.ConsumeRequest, lease: float, longest: float) -> None:
        self.said: queue.SimpleQueue[groups.ConsumeRequest | None] = queue.SimpleQueue()
        self.waiting: queue.SimpleQueue[tuple[int, log.RecordedEvent] | grpc.RpcError | None] = queue.SimpleQueue()
        self.withdrawn: set[int] = set()
        self.in_hand: tuple[int, float] | None = None
        self.ended = threading.Event()
        self.lease, self.longest = lease, longest
        self.said.put(first)
        self.frames: Any = client.groups.Consume(self._requests())
        for work in (self._listen, self._name_work):
            threading.Thread(target=work, daemon=True).start()

    def _requests(self) -> Iterator[groups.ConsumeRequest]:
        while (request := self.said.get()) is not None:
            yield request

    def _listen(self) -> None:
        """Reads on while an event is handled: what waits may be withdrawn."""
        try:
            for frame in self.frames:
                self.withdrawn.update(frame.withdrawn)
                for delivery in enumerate(frame.events, start=frame.first_delivery):
                    self.waiting.put(delivery)
            self.waiting.put(None)
        except grpc.RpcError as error:
            self.waiting.put(error)

    def _name_work(self) -> None:
        """Names the event in hand every third of a lease. That keeps the events that wait here as well."""
        while not self.ended.wait(self.lease / 3):
            in_hand = self.in_hand
            if in_hand and time.monotonic() - in_hand[1] < self.longest:
                self.said.put(groups.ConsumeRequest(working=[in_hand[0]]))

    def _deal(self, delivery: int, event: log.RecordedEvent, handle: Handler) -> None:
        """Handles a delivery and answers it, with credit for one more."""
        self.in_hand = delivery, time.monotonic()
        try:
            handle(event)
            self.said.put(groups.ConsumeRequest(acks=[delivery], credit=1))
        except NotHandled as refusal:
            nack = groups.Nack(delivery=delivery, action=refusal.action, reason=str(refusal))
            self.said.put(groups.ConsumeRequest(nacks=[nack], credit=1))
        finally:
            self.in_hand = None

    def run(self, handle: Handler) -> tuple[int, grpc.RpcError | None]:
        """Takes part until the call ends: how many deliveries there were, and with what error it ended."""
        deliveries = 0
        try:
            while isinstance(item := self.waiting.get(), tuple):
                delivery, event = item
                deliveries += 1
                if delivery in self.withdrawn:
                    # It comes anew, here or elsewhere.
                    self.said.put(groups.ConsumeRequest(credit=1))
                else:
                    self._deal(delivery, event, handle)
                self.withdrawn.discard(delivery)
            return deliveries, item
        finally:
            self.ended.set()
            self.said.put(None)
            self.frames.cancel()


def consume(
    client: Client, group: str, consumer: str, handle: Handler, credit: int, longest: float, interrupted: Interrupted
) -> None:
    """Takes part in call after call, until one fails for good."""
    # A group of that name in another store is another group, so that one is refused. So is a restored store, where the
    # positions by which `handle` knows repeated events are of other events.
    first = groups.ConsumeRequest(group=group, consumer=consumer, credit=credit, store=client.store())
    (found,) = client.groups.ListGroups(groups.ListGroupsRequest(name=group)).groups
    lease = found.settings.lease.ToTimedelta().total_seconds()
    failed = 0
    while True:
        deliveries, error = Call(client, first, lease, longest).run(handle)
        ended = Problem(grpc.StatusCode.UNAVAILABLE, "the call ended without an error") if error is None else problem(error)
        if ended.reason == "HISTORY_CHANGED":
            raise HistoryChanged(ended) from error
        if error is not None and not ended.passes(repeatable=True):
            raise error
        client.handshake.check(ended, error)
        failed = 1 if deliveries else failed + 1
        pause = client.retry.pause(failed, ended.retry_after or 0)
        interrupted(ended, pause)
        time.sleep(pause)
