"""Each example under examples/clients is run as it stands, against the real binary."""

import contextlib
import itertools
import json
import os
import queue
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter

import pytest
from conftest import BINARY, ROOT, Server
from restored import restore

EXAMPLES = ROOT / "examples" / "clients"
TOOLS = ROOT / "tests" / ".tools"
PATIENCE = 60
# Where npm is, what it brings has to be there as well; only where it is not, nothing can be run.
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not here")
LANGUAGES = ["python", pytest.param("node", marks=needs_npm)]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The examples beside the protos, as in a clone, with what they say that they need."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "proto", folder / "proto")
    shutil.copytree(EXAMPLES, folder / "examples" / "clients", ignore=shutil.ignore_patterns("node_modules"))
    if shutil.which("npm"):
        modules = TOOLS / "clients" / "node_modules"
        assert modules.is_dir(), "tests/all installs it"
        (folder / "examples" / "clients" / "node" / "node_modules").symlink_to(modules)
    return folder / "examples" / "clients"


def command(clone, language, name, *arguments):
    """The command line of one example."""
    program, ending = {"python": (sys.executable, "py"), "node": ("node", "mjs"), "web": ("node", "mjs")}[language]
    return [program, str(clone / language / f"{name}.{ending}"), *map(str, arguments)]


def run(command, code=0, **keywords):
    """Runs to the end; what was printed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, **keywords)
    assert done.returncode == code, (command, done.stdout, done.stderr)
    return done.stdout


class Running:
    """An example that goes on, and its lines as they come."""

    def __init__(self, command, **keywords):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, text=True, **pipes, **keywords)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def next(self):
        line = self.lines.get(timeout=PATIENCE)
        assert line is not None, self.process.stderr.read()
        return line

    def until(self, wanted):
        """The lines up to one that is wanted."""
        seen = [self.next()]
        while seen[-1] != wanted:
            seen.append(self.next())
        return seen[:-1]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=PATIENCE)


@contextlib.contextmanager
def running(command):
    started = Running(command)
    try:
        yield started
    finally:
        started.kill()


def handover(server, *arguments, given=None):
    return run([BINARY, *arguments, "--server", f"http://{server.address}"], input=given)


def transfer(server, number, exchange="demo-1", unit="UNIT_PERSON"):
    """Records that so many came to Germany; None: a number was not given."""
    leg = {"exchangeId": exchange, "to": ["DE"], "unit": unit}
    payload = {"@type": "handover.v1.TransferCompleted", "attribution": {"sourceId": "demo"}, "leg": leg}
    payload["count"] = {} if number is None else {"value": number}
    handover(server, "append", "-", "--stream", f"exchange/{exchange}", given=json.dumps(payload))


def head(server):
    return len(handover(server, "export").splitlines())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_transfer_is_recorded_once_however_often_it_is_sent(clone, server, language):
    record = command(clone, language, "record", server.address, uuid.uuid4())
    assert run(record).splitlines() == ["position 1, recorded now", "DE received 13"]
    assert run(record).splitlines() == ["position 1, recorded before", "DE received 13"]
    assert head(server) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_follower_misses_and_repeats_nothing_across_its_own_end_and_the_servers(clone, tmp_path, language):
    server = Server(tmp_path / "data")
    follow = command(clone, language, "follow", server.address, tmp_path / "position")
    transfer(server, 1)
    with running(follow) as follower:
        positions = [line.split()[0] for line in follower.until("caught_up")]
        transfer(server, 2)
        positions.append(follower.next().split()[0])
    # The position is kept before the line of the next event, and that of the last one is waited for.
    transfer(server, 3)
    with running(follow) as follower:
        positions += [line.split()[0] for line in follower.until("caught_up")]
        server.stop()
        server = Server(tmp_path / "data", listen=server.address)
        transfer(server, 4)
        positions += [line.split()[0] for line in follower.until("caught_up")]
        transfer(server, 5)
        while "5" not in positions:
            positions.append(follower.next().split()[0])
    server.stop()
    seen = [int(position) for position in positions if position.isdigit()]
    # What was handled right before it was killed may come again; nothing else may.
    assert seen in ([1, 2, 3, 4, 5], [1, 2, 2, 3, 4, 5])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_watcher_gets_the_figure_and_each_change_with_its_cause(clone, server, language):
    transfer(server, 13)
    with running(command(clone, language, "watch", server.address, "DE")) as watcher:
        assert watcher.until("as of position 1") == ["DE (person) received 13"]
        transfer(server, 15)
        assert watcher.next() == "DE (person) received 13..15, by 2"
        transfer(server, 2, unit="UNIT_REMAINS")
        assert watcher.next() == "DE (remains) received 2, by 3"
        handover(server, "claims", "retract", "3", "--source", "demo")
        assert watcher.next() == "DE (remains) has no figure any more, by 4"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_watcher_outlives_the_server_and_misses_and_repeats_no_change(clone, tmp_path, language):
    server = Server(tmp_path / "data")
    transfer(server, 13)
    with running(command(clone, language, "watch", server.address, "DE")) as watcher:
        assert watcher.until("as of position 1") == ["DE (person) received 13"]
        for number, stop in enumerate([server_is_stopped, server_is_killed], start=1):
            stop(server)
            server = Server(tmp_path / "data", listen=server.address)
            person, remains = 2 * number, 2 * number + 1
            # Both units are reported at one position, or each at its own.
            transfer(server, 13 + number)
            transfer(server, number, unit="UNIT_REMAINS")
            expected = {f"DE (person) received 13..{13 + number}, by {person}"}
            expected.add(f"DE (remains) received {'1' if number == 1 else '1..2'}, by {remains}")
            assert {watcher.next(), watcher.next()} == expected
    server.stop()


def server_is_stopped(server):
    server.stop()


def server_is_killed(server):
    server.process.kill()
    server.process.wait(timeout=PATIENCE)


def test_every_event_has_its_effect_once_however_often_the_program_is_killed(clone, tmp_path):
    server = Server(tmp_path / "data")
    written = itertools.count(1)

    def record():
        """Sixty events more: the program may have applied all that there was before it was killed."""
        numbers = list(itertools.islice(written, 60))
        # Each of them is another one, so that import does not take them for the same.
        payload = {"@type": "demo.v1.Noted"}
        events = [{"stream": f"demo/{n % 7}", "payload": {**payload, "@bytes": "AAAA" * n}} for n in numbers]
        (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
        handover(server, "import", str(tmp_path / "events.jsonl"))
        return numbers[-1]

    table = tmp_path / "table.sqlite"
    once = command(clone, "python", "once", server.address, table)
    kills = 0
    for lines_before in [1, 2, 1, 5, 1, 3]:
        record()
        with running(once) as program:
            for _ in range(lines_before):
                program.next()
        kills += 1
    last = record()
    with running(once) as program:
        program.next()
        # Now the server goes, and comes back with more.
        server_is_killed(server)
        server = Server(tmp_path / "data", listen=server.address)
        transfer(server, 13)
        program.until(str(last + 1))
        kills += 1
    run([*once, "--until-caught-up"])
    server.stop()
    with contextlib.closing(sqlite3.connect(table)) as rows:
        applied = dict(rows.execute("SELECT stream, events FROM streams"))
        assert rows.execute("SELECT position FROM handled").fetchall() == [(last + 1,)]
    expected = Counter(f"demo/{number % 7}" for number in range(1, last + 1)) + Counter(["exchange/demo-1"])
    assert kills == 7 and applied == expected


def test_a_table_of_another_store_is_left_alone(clone, tmp_path):
    table = tmp_path / "table.sqlite"
    for name, code in [("one", 0), ("other", 1)]:
        server = Server(tmp_path / name)
        transfer(server, 1)
        run(command(clone, "python", "once", server.address, table, "--until-caught-up"), code=code)
        server.stop()


def name_of_store(server):
    return json.loads(handover(server, "export", "--format", "cloudevents").splitlines()[0])["source"]


RESUMING = [("python", name) for name in ["follow", "watch", "once", "consume"]]
RESUMING += [pytest.param("node", name, marks=needs_npm) for name in ["follow", "watch", "consume"]]
RESUMING += [pytest.param("web", "follow", marks=needs_npm)]


@pytest.mark.parametrize(("language", "name"), RESUMING)
def test_a_client_that_resumes_is_not_led_into_another_store(clone, tmp_path, language, name):
    arguments = {"follow": [tmp_path / "position"], "watch": ["DE"], "once": [tmp_path / "table"], "consume": ["desk", "one"]}
    other = Server(tmp_path / "other")
    for number in [1, 2, 3]:
        transfer(other, number)
    handover(other, "groups", "create", "desk")
    names = {name_of_store(other)}
    other.stop()
    server = Server(tmp_path / "data")
    transfer(server, 13)
    names.add(name_of_store(server))
    address, rest = server.address, arguments[name]
    if language == "web":
        address, rest = f"http://{server.address}", ["to:DE"]
    with running(command(clone, language, name, address, *rest)) as program:
        program.next()
        server.stop()
        other = Server(tmp_path / "other", listen=server.address)
        assert program.process.wait(timeout=PATIENCE) == 1
        reported = program.process.stderr.read()
        assert all(name in reported for name in names), reported
    other.stop()
    assert len(names) == 2


@pytest.mark.parametrize(("language", "name"), [it for it in RESUMING if "web" not in str(it)])
def test_a_client_that_resumes_beyond_the_branch_of_a_restore_ends_with_its_position(clone, tmp_path, language, name):
    data, copy = tmp_path / "data", tmp_path / "copy"
    arguments = {"follow": [tmp_path / "position"], "watch": ["DE"], "once": [tmp_path / "table"], "consume": ["desk", "one"]}
    server = Server(data)
    transfer(server, 13)
    server.stop()
    shutil.copytree(data, copy)
    server = Server(data, listen=server.address)
    for number in [14, 15]:
        transfer(server, number)
    with running(command(clone, language, name, server.address, *arguments[name])) as program:
        program.next()
        if name != "once":
            # It prints one line for all events that come together.
            program.next()
        server.stop()
        restore(copy, data, 1)
        server = Server(data, listen=server.address)
        assert program.process.wait(timeout=PATIENCE) == 1
        reported = program.process.stderr.read()
        assert "events after position 1 are other events now" in reported, reported
    server.stop()


def buf():
    """The environment in which buf is found."""
    binaries = TOOLS / "node_modules" / ".bin"
    assert (binaries / "buf").exists(), "tests/all installs it"
    return dict(os.environ, PATH=os.pathsep.join([str(binaries), os.environ["PATH"]]))


@needs_npm
def test_a_shell_calls_by_reflection_alone(clone, server):
    script = clone / "shell" / "calls.sh"
    done = subprocess.run(["sh", script, server.address], env=buf(), capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert "handover.v1.EventStoreService/Append\n" in done.stdout
    assert done.stdout.count('"position": "1"') == 5 and '"duplicate": true' in done.stdout
    assert '"preferred": 13' in done.stdout and "TransferCompleted" in done.stdout
    assert "google.rpc.ErrorInfo" in done.stderr and "google.rpc.BadRequest" in done.stderr
    assert head(server) == 1


@needs_npm
def test_a_client_of_grpc_web_that_is_not_ours_agrees(server):
    transfer(server, 13)
    url = f"http://{server.address}/handover.v1.CountService/GetCountryCounts"
    answer = run(["buf", "curl", "--protocol", "grpcweb", url, "--data", '{"countries": ["DE"]}'], env=buf())
    assert json.loads(answer)["counts"][0]["received"]["preferred"] == 13


@needs_npm
def test_a_page_reads_figures_and_follows_in_the_body_of_a_fetch(clone, server):
    transfer(server, 13)
    url = f"http://{server.address}"
    assert run(command(clone, "web", "figures", url, "DE")) == "DE received 13\n"
    with running(command(clone, "web", "follow", url, "to:DE")) as page:
        assert page.until("caught up") == ["1 exchange/demo-1"]
        transfer(server, 14)
        assert page.next() == "2 exchange/demo-1"


@needs_npm
def test_a_page_gets_an_error_with_its_details(clone, server):
    script = """
        const [module, url] = process.argv.slice(1);
        const { bytesField, call, fields, text } = await import(module);
        for (const [method, request] of [['EventStoreService/Append', []], ['CountService/NoSuchMethod', []]]) {
          try {
            for await (const _ of call(url, `handover.v1.${method}`, Uint8Array.from(request)));
          } catch ({ code, message, details }) {
            const infos = fields(details).get(3).map(fields).filter((any) => text(any.get(1)[0]).endsWith('ErrorInfo'));
            console.log(code, infos.length, text(fields(infos[0].get(2)[0]).get(1)[0]));
          }
        }
        const plain = await fetch(url);
        console.log(plain.status, (await plain.text()).includes('gRPC'));
    """
    module, url = (clone / "web" / "grpc-web.mjs").as_uri(), f"http://{server.address}"
    printed = run(["node", "--input-type=module", "-e", script, module, url])
    assert printed.splitlines() == ["3 1 INVALID_FIELD", "12 1 UNIMPLEMENTED", "200 true"]


def group(server):
    """What the server says of the only group there is."""
    url = f"http://{server.address}/handover.v1.ConsumerGroupService/ListGroups"
    data = json.dumps({"minPosition": str(head(server))})
    (found,) = json.loads(run(["buf", "curl", "--protocol", "grpcweb", url, "--data", data], env=buf()))["groups"]
    return found


def settled(server):
    """What the server says of the group once nothing of it is unfinished."""
    until = time.monotonic() + PATIENCE
    while True:
        (found,) = json.loads(handover(server, "groups", "desk", "--output", "json"))["groups"]
        if int(found.get("lagEvents", 0)) == 0:
            return {"parked": 0, **found}
        assert time.monotonic() < until, found


@pytest.mark.parametrize(("seconds", "events"), [(1, 6), (5, 2)], ids=["half a lease", "longer than a lease"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_slow_consumer_handles_each_event_once(clone, server, language, seconds, events):
    handover(server, "groups", "create", "desk", "--tag", "to:DE", "--lease", "2", "--max-attempts", "2")
    for exchange in range(events):
        transfer(server, 13, f"demo-{exchange}")
    with running(command(clone, language, "consume", server.address, "desk", language, seconds)) as consumer:
        seen = [consumer.next().split()[1] for _ in range(events)]
        assert settled(server)["parked"] == 0
        # Whatever it had begun twice would come before this.
        transfer(server, 13, "demo-last")
        seen.append(consumer.next().split()[1])
    assert seen == [*(f"demo-{exchange}" for exchange in range(events)), "demo-last"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_withdrawn_from_a_consumer_is_not_begun(clone, server, language):
    handover(server, "groups", "create", "desk", "--tag", "to:DE", "--lease", "2")
    for exchange in range(12):
        transfer(server, 13, f"demo-{exchange}")
    consume = command(clone, language, "consume", server.address, "desk")
    with running([*consume, "stopped", "0.5"]) as stopped:
        begun = [stopped.next()]
        stopped.process.send_signal(signal.SIGSTOP)
        with running([*consume, "other"]) as other:
            # It gives no sign of life for a lease, and what it had goes to the other.
            took_over = [other.next() for _ in range(10)]
            stopped.process.send_signal(signal.SIGCONT)
            settled(server)
        transfer(server, 14, "demo-0")
        while not begun[-1].endswith("demo-0 14"):
            begun.append(stopped.next())
    # It has handled one, was at another or two, and may begin one more before it hears what was withdrawn.
    assert len(begun) <= 5 and len(set(took_over)) == 10, (begun, took_over)


@needs_npm
def test_consumers_in_two_languages_share_a_group_and_take_over_from_each_other(clone, tmp_path):
    server = Server(tmp_path / "data")
    for exchange in range(8):
        transfer(server, 13, f"demo-{exchange}")
    transfer(server, None, "demo-0")
    transfer(server, 14, "demo-0")
    consume = {language: command(clone, language, "consume", server.address, "desk", language) for language in ("python", "node")}
    def handled(line):
        """What was handled; its position depends on what the group records of itself."""
        return line.split(" ", 1)[1]

    with running(consume["python"]) as first:
        before = [handled(first.next()) for _ in range(9)]
    # The one without a number is parked, and holds up nothing behind it.
    assert sorted(before) == sorted(["demo-0 14", *(f"demo-{number} 13" for number in range(8))])
    assert before.index("demo-0 13") < before.index("demo-0 14"), "a stream comes in order"

    with running(consume["node"]) as second:
        transfer(server, 15, "demo-1")
        # What was answered last before the kill may come again.
        while (line := handled(second.next())) != "demo-1 15":
            assert line in before
        with running(consume["python"]) as third:
            expected = {f"demo-{number} {number}" for number in range(12, 32)}
            for number in range(12, 32):
                transfer(server, number, f"demo-{number}")
            lines = {third: [], second: []}
            while sum(map(len, lines.values())) < len(expected):
                for consumer, seen in lines.items():
                    with contextlib.suppress(queue.Empty):
                        seen.append(handled(consumer.lines.get(timeout=0.1)))
            assert set(lines[second] + lines[third]) == expected
            assert all(lines.values()), "both take part"
            until = time.monotonic() + PATIENCE
            while group(server).get("lagEvents", "0") != "0":
                assert time.monotonic() < until, "what they handle, they acknowledge"
    # Nobody is left; the group remembers.
    server.stop()
    server = Server(tmp_path / "data", listen=server.address)
    found = group(server)
    assert (found["name"], found["parked"]) == ("desk", 1)
    server.stop()
