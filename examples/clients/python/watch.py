"""Prints a country's figures, and then each change of them with the events that caused it, over restarts of the server.

    python3 watch.py 127.0.0.1:50051 DE
"""

import sys

import grpc
from services import common, connect, count_service, counts, log_service, pause, store

address, country = sys.argv[1:3]


def shown(row):
    """A figure as it may be shown: one number, a range, or that there is none."""
    figure = row.received
    if figure.HasField("preferred"):
        return str(figure.preferred)
    return f"{figure.low}..{figure.high}" if figure.HasField("low") else "unknown"


def named(row):
    """What is counted, persons or mortal remains, is part of the figure."""
    return f"{row.country} ({common.Unit.Name(row.unit).removeprefix('UNIT_').lower()})"


def show(update):
    if update.HasField("snapshot"):
        for row in update.snapshot.counts:
            print(f"{named(row)} received {shown(row)}")
        print(f"as of position {update.position}", flush=True)
        return
    change, causes = update.change, ", ".join(map(str, update.change.caused_by))
    if change.HasField("after"):
        print(f"{named(change.after)} received {shown(change.after)}, by {causes}", flush=True)
    else:
        print(f"{named(change.before)} has no figure any more, by {causes}", flush=True)


with connect(address) as channel:
    service, log = count_service.CountServiceStub(channel), log_service.EventStoreServiceStub(channel)
    name = position = None
    while True:
        together = []
        try:
            # The position means nothing in another store, so that one is refused.
            name = name or log.GetHead(store.GetHeadRequest(), timeout=10).store
            request = counts.WatchCountryCountsRequest(countries=[country], after_position=position, store=name)
            for update in service.WatchCountryCounts(request):
                # After a restore from a backup, the position goes on under another name.
                name = update.store or name
                # Changes of one position are taken together: to resume between them would lose some.
                if update.heartbeat:
                    continue
                together.append(update)
                if update.more:
                    continue
                for complete in together:
                    show(complete)
                position, together = update.position, []
        except grpc.RpcError as error:
            # The watch goes on with what has changed since.
            pause(error)
