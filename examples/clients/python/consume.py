"""Handles transfers to Germany together with others of the same group: start it as often as you like.

    python3 consume.py 127.0.0.1:50051 GROUP NAME [SECONDS]

Each event goes to one of them, and to another if this one goes away or gives no sign of life for the group's lease. The
program names the event that it handles, so handling may take longer than the lease; SECONDS makes it slow, to try that.
Delivery is at least once: what was handled right before an end may be handled again.
"""

import queue
import sys
import threading
import time

import grpc
from services import connect, events, group_service, groups, log_service, pause, store

address, group, name = sys.argv[1:4]
takes = float(sys.argv[4]) if sys.argv[4:] else 0
# As many events may be on their way or unanswered here.
CREDIT = 16
# An event that takes longer, in seconds, is not named any more, and goes to another consumer.
LONGEST = 3_600


def create(service):
    """Makes the group, which begins with the first event. It may be there already. Returns its lease in seconds."""
    germany = store.Filter(items=[store.FilterItem(tags=["to:DE"], types=["handover.v1.TransferCompleted"])])
    try:
        service.CreateGroup(groups.CreateGroupRequest(name=group, filter=germany), timeout=10)
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.ALREADY_EXISTS:
            raise
    (found,) = service.ListGroups(groups.ListGroupsRequest(name=group), timeout=10).groups
    return found.settings.lease.ToTimedelta().total_seconds()


def handle(event):
    """Does the work. What it raises as a ValueError will not get better by trying again."""
    time.sleep(takes)
    transfer = events.TransferCompleted()
    event.payload.Unpack(transfer)
    if not transfer.count.HasField("value"):
        raise ValueError("there is no number")
    print(f"{event.position} {transfer.leg.exchange_id} {transfer.count.value}", flush=True)


class Call:
    """One call: what has come and waits, what was withdrawn since, and what is to be said."""

    def __init__(self, service, lease):
        self.said, self.waiting = queue.SimpleQueue(), queue.SimpleQueue()
        self.withdrawn, self.in_hand, self.ended = set(), None, threading.Event()
        # A group of that name in another store is another group, so that one is refused.
        self.say(group=group, consumer=name, credit=CREDIT, store=kept_in)
        self.frames = service.Consume(iter(self.said.get, None))
        for thread in [self.listen, lambda: self.name_work(lease)]:
            threading.Thread(target=thread, daemon=True).start()

    def say(self, **what):
        self.said.put(groups.ConsumeRequest(**what))

    def listen(self):
        """Reads on while an event is handled: what waits may be withdrawn."""
        error = None
        try:
            for frame in self.frames:
                self.withdrawn.update(frame.withdrawn)
                for delivery in enumerate(frame.events, start=frame.first_delivery):
                    self.waiting.put(delivery)
        except grpc.RpcError as ended:
            error = ended
        self.waiting.put((None, error))

    def name_work(self, lease):
        """Names the event in hand every third of a lease. That keeps the events that wait here as well."""
        while not self.ended.wait(lease / 3):
            delivery, since = self.in_hand or (None, 0)
            if delivery and time.monotonic() - since < LONGEST:
                self.say(working=[delivery])

    def deal(self, delivery, event):
        """Handles a delivery and answers it, with credit for one more."""
        self.in_hand = delivery, time.monotonic()
        try:
            handle(event)
            self.say(acks=[delivery], credit=1)
        except ValueError as error:
            # It is laid aside, to be looked at; the events behind it go on. NACK_ACTION_RETRY would try it again.
            nack = groups.Nack(delivery=delivery, action=groups.NACK_ACTION_PARK, reason=str(error))
            self.say(nacks=[nack], credit=1)
        finally:
            self.in_hand = None

    def run(self):
        """Takes part until the call ends."""
        try:
            while True:
                delivery, event = self.waiting.get()
                if delivery is None:
                    break
                if delivery in self.withdrawn:
                    # It comes anew, here or elsewhere.
                    self.say(credit=1)
                else:
                    self.deal(delivery, event)
                self.withdrawn.discard(delivery)
        finally:
            self.ended.set()
            self.said.put(None)
        if event is not None:
            raise event


with connect(address) as channel:
    service = group_service.ConsumerGroupServiceStub(channel)
    lease = create(service)
    kept_in = log_service.EventStoreServiceStub(channel).GetHead(store.GetHeadRequest(), timeout=10).store
    while True:
        try:
            Call(service, lease).run()
        except grpc.RpcError as error:
            pause(error)
