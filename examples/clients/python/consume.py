"""Handles transfers to Germany together with others of the same group: start it as often as you like.

    python3 consume.py 127.0.0.1:50051 GROUP NAME

Each event goes to one of them, and to another if this one does not answer in time or goes away. Delivery is at least once:
what was handled right before an end may be handled again.
"""

import queue
import sys

import grpc
from services import connect, events, group_service, groups, log_service, pause, store

address, group, name = sys.argv[1:4]
# As many events may be on their way or unanswered here.
CREDIT = 16


def create(service):
    """Makes the group, which begins with the first event. Somebody else may have made it."""
    germany = store.Filter(items=[store.FilterItem(tags=["to:DE"], types=["handover.v1.TransferCompleted"])])
    try:
        service.CreateGroup(groups.CreateGroupRequest(name=group, filter=germany), timeout=10)
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.ALREADY_EXISTS:
            raise


def handle(event):
    """Does the work. What it raises as a ValueError will not get better by trying again."""
    transfer = events.TransferCompleted()
    event.payload.Unpack(transfer)
    if not transfer.count.HasField("value"):
        raise ValueError("there is no number")
    print(f"{event.position} {transfer.leg.exchange_id} {transfer.count.value}", flush=True)


def answer(delivery, event):
    """What is to become of a delivery, with credit for one more."""
    try:
        handle(event)
    except ValueError as error:
        # It is laid aside, to be looked at; the events behind it go on. NACK_ACTION_RETRY would try it again.
        nack = groups.Nack(delivery=delivery, action=groups.NACK_ACTION_PARK, reason=str(error))
        return groups.ConsumeRequest(nacks=[nack], credit=1)
    return groups.ConsumeRequest(acks=[delivery], credit=1)


def consume(service):
    """Takes part until the call ends."""
    said = queue.SimpleQueue()
    # A group of that name in another store is another group, so that one is refused.
    said.put(groups.ConsumeRequest(group=group, consumer=name, credit=CREDIT, store=kept_in))
    for told in service.Consume(iter(said.get, None)):
        for delivery, event in enumerate(told.events, start=told.first_delivery):
            said.put(answer(delivery, event))


with connect(address) as channel:
    service = group_service.ConsumerGroupServiceStub(channel)
    create(service)
    kept_in = log_service.EventStoreServiceStub(channel).GetHead(store.GetHeadRequest(), timeout=10).store
    while True:
        try:
            consume(service)
        except grpc.RpcError as error:
            pause(error)
