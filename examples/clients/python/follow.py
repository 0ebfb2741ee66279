"""Prints every event about Germany, now and as they come, and continues where it was when it is started again.

    python3 follow.py 127.0.0.1:50051 POSITION-FILE

The position is kept after an event was handled, so one that was handled right before a crash may be handled again;
once.py shows how to rule that out.
"""

import pathlib
import sys
import time

import grpc
from services import connect, log_service, store

address, kept = sys.argv[1], pathlib.Path(sys.argv[2])
position = int(kept.read_text()) if kept.exists() else 0
germany = store.Filter(items=[store.FilterItem(tags=["party:DE"]), store.FilterItem(tags=["to:DE"])])


def keep(handled):
    """Remembers that everything up to here was handled."""
    global position
    position = handled
    kept.write_text(str(position))


with connect(address) as channel:
    log = log_service.EventStoreServiceStub(channel)
    while True:
        request = store.SubscribeRequest(filter=germany, after_position=position)
        try:
            for frame in log.Subscribe(request):
                for event in frame.events.events:
                    print(event.position, event.payload.type_url.rsplit(".")[-1], flush=True)
                    keep(event.position)
                kind = frame.WhichOneof("frame")
                if kind != "events":
                    # Nothing that matches is left up to there.
                    keep(getattr(frame, kind).position)
                    print(kind, flush=True)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            # The server stops or cannot be reached; the subscription goes on where it was.
            time.sleep(0.2)
