"""A program that uses the Python package, for test_python_package.py: one of the functions below, by name."""

import os
import sys

import grpc
from handover import Client, HistoryChanged, NotHandled, PositionFile, Problem, Retry, problem
from handover.v1 import common_pb2 as common
from handover.v1 import consumer_group_service_pb2 as groups
from handover.v1 import count_service_pb2 as counts
from handover.v1 import event_store_service_pb2 as log
from handover.v1 import events_pb2 as events
from handover.v1 import source_service_pb2 as sources
from handover.v1 import status_service_pb2 as status
from handover.v1 import transfer_service_pb2 as transfers


def say(*words: object) -> None:
    print(*words, flush=True)


def interrupted(found: Problem, pause: float) -> None:
    assert pause >= 0
    print("interrupted", found.code.name, file=sys.stderr, flush=True)


def transfer(number: int, exchange: str = "demo-1") -> events.TransferCompleted:
    return events.TransferCompleted(
        attribution=common.Attribution(source_id="demo"),
        leg=common.Leg(exchange_id=exchange, to=["DE"], unit=common.UNIT_PERSON),
        count=common.Count(value=number),
    )


def record(client: Client, request_id: str = "") -> None:
    say("calling")
    request = transfers.RecordTransferRequest(request_id=request_id, completed=transfer(13))
    receipt = client.transfers.RecordTransfer(request).receipt
    # The request of the caller is left as it is.
    assert request.request_id == request_id
    say("position", receipt.position, "duplicate" if receipt.duplicate else "new")
    asked = counts.GetCountryCountsRequest(countries=["DE"], min_position=receipt.position)
    (row,) = client.counts.GetCountryCounts(asked).counts
    say("received", row.received.preferred)


def refused(client: Client) -> None:
    try:
        client.transfers.RecordTransfer(transfers.RecordTransferRequest())
    except grpc.RpcError as error:
        found = problem(error)
        say(found.code.name, found.reason, *(name for name, _ in found.fields))


def subscribe(client: Client) -> None:
    for frame in client.subscribe(interrupted=interrupted):
        for event in frame.events.events:
            say(event.position)


def follow(client: Client, path: str) -> None:
    kept = PositionFile(path)
    for event in client.follow(kept, log.Filter(items=[log.FilterItem(tags=["to:DE"])]), interrupted):
        say(event.position)


def watch(client: Client) -> None:
    for answers in client.watch_counts(counts.WatchCountryCountsRequest(countries=["DE"]), interrupted):
        for answer in answers:
            rows = list(answer.snapshot.counts) if answer.HasField("snapshot") else [answer.change.after]
            say("received", *(row.received.high for row in rows))


def consume(client: Client, name: str) -> None:
    germany = log.Filter(items=[log.FilterItem(tags=["to:DE"])])
    try:
        client.groups.CreateGroup(groups.CreateGroupRequest(name="desk", filter=germany))
    except grpc.RpcError as error:
        assert problem(error).code is grpc.StatusCode.ALREADY_EXISTS, error

    def handle(event: log.RecordedEvent) -> None:
        done = events.TransferCompleted()
        assert event.payload.Unpack(done)
        if done.count.value == 99:
            raise NotHandled("it is 99")
        say("handled", done.count.value)

    client.consume("desk", name, handle, interrupted=interrupted)


def pages(client: Client) -> None:
    for number in range(5):
        source = events.SourceRegistered(source_id=f"demo-{number}", title="A")
        client.sources.RegisterSource(sources.RegisterSourceRequest(source=source))
    asked = sources.ListSourcesRequest(page_size=2, min_position=5)
    listed = list(client.pages(client.sources.ListSources, asked))
    say(len(listed), *(source.source_id for page in listed for source in page.sources))


def look(client: Client) -> None:
    say("version", client.status.GetStatus(status.GetStatusRequest()).version)


if __name__ == "__main__":
    functions = {"consume": consume, "follow": follow, "record": record}
    plain = {"look": look, "pages": pages, "refused": refused, "subscribe": subscribe, "watch": watch}
    name, *arguments = sys.argv[1:]
    within = float(os.environ.get("WITHIN", "60"))
    with Client(retry=Retry(within=within)) as client:
        try:
            functions[name](client, *arguments) if name in functions else plain[name](client)
        except grpc.RpcError as error:
            sys.exit(str(problem(error)))
        except HistoryChanged as error:
            sys.exit(f"history changed after {error.branch_position}, now {error.store}")
