"""Prints every event about Germany, now and as they come, and continues where it was when it is started again.

    python3 follow.py 127.0.0.1:50051 POSITION-FILE

The position is kept after an event was handled, so one that was handled right before a crash may be handled again;
once.py shows how to rule that out. The store's name is kept with it: in another store the position is of another event, and
so it is beyond the branch after a restore from a backup (HISTORY_CHANGED).
"""

import os
import pathlib
import sys

import grpc
from services import connect, log_service, pause, store

address, kept = sys.argv[1], pathlib.Path(sys.argv[2])
name, position = kept.read_text().split() if kept.exists() else ("", 0)
germany = store.Filter(items=[store.FilterItem(tags=["party:DE"]), store.FilterItem(tags=["to:DE"])])


def keep(handled):
    """Remembers that everything up to here was handled; the file is replaced as a whole."""
    global position
    position = handled
    new = kept.with_suffix(".new")
    new.write_text(f"{name} {position}")
    os.replace(new, kept)


with connect(address) as channel:
    log = log_service.EventStoreServiceStub(channel)
    while True:
        try:
            name = name or log.GetHead(store.GetHeadRequest(), timeout=10).store
            # The server refuses this if it keeps another store by now.
            request = store.SubscribeRequest(filter=germany, after_position=int(position), store=name)
            for frame in log.Subscribe(request):
                # After a restore from a backup, the position goes on under another name.
                name = frame.store or name
                for event in frame.events.events:
                    print(event.position, event.payload.type_url.rsplit(".")[-1], flush=True)
                    keep(event.position)
                kind = frame.WhichOneof("frame")
                if kind != "events":
                    # Nothing that matches is left up to there.
                    keep(getattr(frame, kind).position)
                    print(kind, flush=True)
        except grpc.RpcError as error:
            pause(error)
