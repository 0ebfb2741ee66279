"""Applies every event to a table exactly once, whenever this program or the server is killed.

    python3 once.py 127.0.0.1:50051 TABLE.sqlite [--until-caught-up]

The position is kept in the table itself, in the transaction that has the effects. Either both are there or neither is, and
the subscription goes on after the position that the table says. The effect here is not safe to repeat: it counts the events
of each stream.
"""

import sqlite3
import sys

import grpc
from services import connect, log_service, pause, store

address, path = sys.argv[1:3]
table = sqlite3.connect(path, isolation_level=None)
table.execute("CREATE TABLE IF NOT EXISTS handled (store TEXT NOT NULL, position INTEGER NOT NULL)")
table.execute("CREATE TABLE IF NOT EXISTS streams (stream TEXT PRIMARY KEY, events INTEGER NOT NULL)")


def begun(log):
    """The store and the last position that was applied. A position means nothing in another store, so the store's name is
    kept with it."""
    row = table.execute("SELECT store, position FROM handled").fetchone()
    if row is None:
        row = log.GetHead(store.GetHeadRequest(), timeout=10).store, 0
        table.execute("INSERT INTO handled VALUES (?, ?)", row)
    return row


def apply(batch, name):
    """The effects of some events, and the position behind them with its name, all or nothing."""
    table.execute("BEGIN IMMEDIATE")
    for event in batch:
        table.execute(
            "INSERT INTO streams VALUES (?, 1) ON CONFLICT (stream) DO UPDATE SET events = events + 1", [event.stream]
        )
    table.execute("UPDATE handled SET store = ?, position = ?", [name, batch[-1].position])
    table.execute("COMMIT")
    print(batch[-1].position, flush=True)


def follow(log):
    """Applies what comes after the position of the table, until the call ends. The server refuses it if it keeps another store,
    or another history of it beyond the position (HISTORY_CHANGED). A table whose effects name their positions would undo those
    beyond the branch; this one has to be made anew."""
    name, position = begun(log)
    for frame in log.Subscribe(store.SubscribeRequest(after_position=position, store=name)):
        # After a restore from a backup, the position goes on under another name.
        name = frame.store or name
        # Small transactions, so that there are many moments to be killed in.
        batch = list(frame.events.events)
        for start in range(0, len(batch), 10):
            apply(batch[start : start + 10], name)
        if frame.HasField("caught_up") and "--until-caught-up" in sys.argv:
            sys.exit()


with connect(address) as channel:
    log = log_service.EventStoreServiceStub(channel)
    while True:
        try:
            follow(log)
        except grpc.RpcError as error:
            # The table knows where to go on.
            pause(error)
