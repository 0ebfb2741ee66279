"""The exchanges of examples/ as the server's own importer takes them, asked in every way.

What the importer records is compared with a reading of docs/IMPORT.md of its own, and figures of
countries with the groups and the explanations that must say the same.
"""

import fcntl
import os
import pathlib
import re
import struct
import subprocess
import termios
import time

import pytest
from answers import assert_groups_agree, assert_shares_add_up
from conftest import BINARY, ROOT, TARGET, Server
from figures import figures
from record import Record

EXCHANGES = ROOT / "examples" / "exchanges"
ARTICLE = ROOT / "examples" / "ankara-2024.jsonl"
FILES = [ARTICLE, *(EXCHANGES / f"{name}.csv" for name in ("claims", "roles", "running_totals"))]


def run_import(file: pathlib.Path, address: str) -> tuple[int, int, int]:
    """Imports a file; how many events were added, already there and refused."""
    command = [TARGET / "debug" / "handover", "import", file, "--server", f"http://{address}"]
    reported = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r" (\d+) added, (\d+) already there, (\d+) refused", reported)
    assert found, reported
    added, already, refused = map(int, found.groups())
    return added, already, refused


@pytest.fixture(scope="module")
def imported(stubs, tmp_path_factory):
    """A server that took in all files, and a connection to it."""
    from ledger import Ledger

    server = Server(tmp_path_factory.mktemp("imported") / "data")
    for file in FILES:
        added, _, refused = run_import(file, server.address)
        assert added > 0 and refused == 0
    with server.channel() as channel:
        yield Ledger(channel), server.address
    server.stop()


def test_the_importer_records_what_its_page_says(imported):
    import tables

    ledger, _ = imported
    wanted = [*tables.article(ARTICLE), *tables.entries(EXCHANGES)]
    recorded = list(ledger.recorded())
    assert len(recorded) == len(wanted)
    for event, (message, stream) in zip(recorded, wanted):
        if not stream:
            message.claim, stream = before.position, before.stream
        found = type(message)()
        assert event.payload.Unpack(found), event
        assert (event.stream, found) == (stream, message)
        before = event


# The forms of tables, and the names that examples give their files.
ROWS = [("claims", "claims"), ("roles", "roles"), ("totals", "running_totals")]


def test_exported_tables_are_recorded_as_what_their_rows_say(imported, tmp_path):
    import tables
    from ledger import Ledger

    _, address = imported
    for form, name in ROWS:
        command = [TARGET / "debug" / "handover", "export", "--format", "csv", "--form", form]
        command += ["--output-file", tmp_path / f"{name}.csv", "--server", f"http://{address}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode in (0, 5) and "error" not in done.stderr, done.stderr
    other = Server(tmp_path / "data")
    for _, name in ROWS:
        added, _, refused = run_import(tmp_path / f"{name}.csv", other.address)
        assert added > 0 and refused == 0
    wanted = tables.entries(tmp_path)
    with other.channel() as channel:
        recorded = list(Ledger(channel).recorded())
    other.stop()
    assert len(recorded) == len(wanted) > 500
    for event, (message, stream) in zip(recorded, wanted):
        found = type(message)()
        assert event.payload.Unpack(found), event
        assert (event.stream, found) == (stream, message)


def test_an_import_that_is_repeated_adds_nothing(imported):
    _, address = imported
    for file in FILES:
        added, already, refused = run_import(file, address)
        assert (added, refused) == (0, 0) and already > 0


def test_every_figure_of_the_imported_exchanges_is_recomputed(imported):
    import ledger as reading

    ledger, _ = imported
    events = {}
    for event in ledger.recorded():
        name = event.payload.TypeName().rsplit(".", 1)[-1]
        message = getattr(reading.events_pb2, name)()
        event.payload.Unpack(message)
        events[event.position] = reading.plain(message)
    assert ledger.counts() == figures(Record(events))


@pytest.mark.parametrize(("by", "direction"), [("to", "received"), ("from", "sent")])
def test_a_group_of_one_party_is_what_that_party_received_or_sent(imported, by, direction):
    ledger, _ = imported
    assert_groups_agree(ledger, by, direction)


def test_the_shares_of_its_exchanges_add_up_to_each_figure(imported):
    ledger, _ = imported
    assert_shares_add_up(ledger, ledger.counts())


def taken(pipe: int) -> bool:
    """Whether the reader of a pipe has taken all that was written into it, within a minute."""
    for _ in range(6000):
        if struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0] == 0:
            return True
        time.sleep(0.01)
    return False


def test_a_table_whose_first_bytes_come_alone_is_read_as_a_table(server):
    table = (EXCHANGES / "claims.csv").read_bytes()
    command = [BINARY, "import", "-", "--server", f"http://{server.address}"]
    reader, writer = os.pipe()
    process = subprocess.Popen(
        command, stdin=reader, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    os.close(reader)
    os.write(writer, table[:4])
    assert taken(writer), "nothing was read"
    with os.fdopen(writer, "wb") as rest:
        rest.write(table[4:])
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, (out, err)
    assert re.search(r" [1-9]\d* added, 0 already there, 0 refused", out), (out, err)
