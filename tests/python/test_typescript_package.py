"""The TypeScript package of clients/typescript, built as users build it, against the real server (client_program.ts).

What is for pages runs in Node too, by its fetch: no test runs a browser.
"""

import json
import os
import pathlib
import shutil
import subprocess
import time
import uuid

import grpc
import pytest
from conftest import ROOT, Server
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2
from restored import restore
from test_examples import TOOLS, Running, name_of_store, needs_npm, server_is_killed, server_is_stopped, transfer
from test_python_package import TOKEN, Flaky, plain_tls
from test_tls import certificates, secure

PACKAGE = ROOT / "clients" / "typescript"
PROGRAM = pathlib.Path(__file__).with_name("client_program.ts")
PATIENCE = 60
KINDS = ["node", "web"]
pytestmark = needs_npm
# The fixtures are used by their names.
__all__ = ["certificates", "plain_tls", "secure"]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The program, checked and compiled with the package that is built beside it."""
    folder = tmp_path_factory.mktemp("clone")
    modules = TOOLS / "typescript" / "node_modules"
    assert modules.is_dir(), "tests/all installs it"
    shutil.copytree(ROOT / "proto", folder / "proto")
    package = folder / "clients" / "typescript"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("node_modules", "dist", "gen"))
    (package / "node_modules").symlink_to(modules)
    build(["npm", "run", "--silent", "build"], package)
    own = folder / "program"
    (own / "node_modules").mkdir(parents=True)
    (own / "node_modules" / "handover-client").symlink_to(package)
    for name in ["@bufbuild", "@connectrpc", "@types"]:
        (own / "node_modules" / name).symlink_to(modules / name)
    shutil.copy(PROGRAM, own / "main.ts")
    (own / "package.json").write_text('{"type": "module", "private": true}')
    options = json.loads((PACKAGE / "tsconfig.json").read_text())
    options["compilerOptions"].update(rootDir=".", declaration=False)
    del options["compilerOptions"]["outDir"]
    (own / "tsconfig.json").write_text(json.dumps({**options, "include": ["main.ts"]}))
    build([str(modules / ".bin" / "tsc")], own)
    return own / "main.js"


def build(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def start(program):
    """Starts a function of the program."""

    def begin(kind, server, *arguments, **more):
        variables = {name: value for name, value in os.environ.items() if not name.startswith("HANDOVER_")}
        server = server if "://" in server else f"http://{server}"
        variables.update({"HANDOVER_SERVER": server, **more})
        return Running(["node", program, kind, *map(str, arguments)], env=variables)

    return begin


@pytest.fixture
def run(start):
    """Runs a function of the program to its end: its lines, or what it complained about."""

    def to_its_end(kind, server, *arguments, code=0, **more):
        running = start(kind, server, *arguments, **more)
        assert running.process.wait(timeout=PATIENCE) == code, running.process.stderr.read()
        if code:
            return running.process.stderr.read()
        return list(iter(lambda: running.lines.get(timeout=PATIENCE), None))

    return to_its_end


@pytest.mark.parametrize("kind", KINDS)
def test_a_transfer_is_recorded_once_however_often_it_is_sent(run, server, kind):
    request_id = uuid.uuid4()
    assert run(kind, server.address, "record", request_id) == ["calling", "position 1 new", "received 13"]
    assert run(kind, server.address, "record", request_id) == ["calling", "position 1 duplicate", "received 13"]
    # Without an id of the caller's, each call has its own.
    assert run(kind, server.address, "record")[1] == "position 2 new"
    (line,) = run(kind, server.address, "refused")
    assert line.startswith("InvalidArgument INVALID_FIELD "), line


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_is_repeated_until_the_server_is_there(start, run, tmp_path, kind):
    server = Server(tmp_path / "data")
    server.stop()
    program = start(kind, server.address, "record")
    assert program.next() == "calling"
    server = Server(tmp_path / "data", listen=server.address)
    assert program.next() == "position 1 new"
    assert program.process.wait(timeout=PATIENCE) == 0
    server.stop()
    assert "Unavailable" in run(kind, server.address, "record", code=1, WITHIN="0.3")


def test_each_attempt_has_the_same_request_id_and_the_token(run, stubs):
    pause = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(nanos=50_000_000))
    code = grpc.StatusCode
    flaky = Flaky([code.UNAVAILABLE], [code.RESOURCE_EXHAUSTED, pause])
    assert run("node", flaky.address, "record", HANDOVER_TOKEN=TOKEN) == ["calling", "position 7 new", "received 13"]
    ids = [request.request_id for request in flaky.requests if hasattr(request, "request_id")]
    assert len(ids) == 3 and len(set(ids)) == 1 and uuid.UUID(ids[0])
    assert set(flaky.tokens) == {f"Bearer {TOKEN}"}
    error = run("node", "http://record.example:1", "record", code=1, HANDOVER_TOKEN=TOKEN)
    assert "a token would be sent in plain text" in error and TOKEN not in error
    for failure in ([code.ABORTED, error_details_pb2.ErrorInfo(reason="CONFLICT")], [code.RESOURCE_EXHAUSTED]):
        flaky = Flaky(failure)
        assert "it fails" in run("node", flaky.address, "record", code=1)
        assert len(flaky.requests) == 1, "what stays is not repeated"


@pytest.mark.parametrize("kind", KINDS)
def test_pages_and_streams_end(run, server, kind):
    assert run(kind, server.address, "pages") == ["3 demo-0 demo-1 demo-2 demo-3 demo-4"]
    assert run(kind, server.address, "ended") == ["ended"]


@pytest.mark.parametrize("end", [server_is_stopped, server_is_killed])
@pytest.mark.parametrize("kind", KINDS)
def test_a_subscription_goes_on_without_a_gap_or_a_repetition(start, tmp_path, kind, end):
    server = Server(tmp_path / "data")
    transfer(server, 1)
    program = start(kind, server.address, "subscribe")
    try:
        assert program.next() == "1"
        for number in [2, 3]:
            end(server)
            server = Server(tmp_path / "data", listen=server.address)
            transfer(server, number)
            assert program.next() == str(number)
    finally:
        program.kill()
    assert "interrupted Unavailable" in program.process.stderr.read()
    server.stop()


def test_a_follower_goes_on_where_its_file_says_and_in_no_other_store(start, run, tmp_path):
    server, kept = Server(tmp_path / "data"), tmp_path / "position"
    for number in [1, 2]:
        transfer(server, number)
    program = start("node", server.address, "follow", kept)
    assert [program.next(), program.next()] == ["1", "2"]
    until = time.monotonic() + PATIENCE
    while not kept.exists() or not kept.read_text().endswith(" 2\n"):
        assert time.monotonic() < until, "the position is not kept"
        time.sleep(0.01)
    program.kill()
    transfer(server, 3)
    program = start("node", server.address, "follow", kept)
    assert program.next() == "3"
    program.kill()
    server.stop()
    other = Server(tmp_path / "other", listen=server.address)
    assert "FailedPrecondition ANOTHER_STORE" in run("node", server.address, "follow", kept, code=1)
    other.stop()


def test_a_follower_of_a_restored_store_goes_on_before_the_branch_and_is_refused_beyond(start, run, tmp_path):
    data, copy, kept = tmp_path / "data", tmp_path / "copy", tmp_path / "position"
    server = Server(data)
    for number in [1, 2]:
        transfer(server, number)
    plain = name_of_store(server)
    server.stop()
    shutil.copytree(data, copy)
    restore(copy, data, 2)
    server = Server(data)
    for number in [3, 4]:
        transfer(server, number)
    present = f"{plain}#" + (data / "HISTORY").read_text().split()[3]
    kept.write_text(f"{plain} 3\n")
    assert f"history changed after 2, now {present}" in run("node", server.address, "follow", kept, code=1)
    kept.write_text(f"{plain} 2\n")
    program = start("node", server.address, "follow", kept)
    assert [program.next(), program.next()] == ["3", "4"]
    until = time.monotonic() + PATIENCE
    while kept.read_text() != f"{present} 4\n":
        assert time.monotonic() < until, "the name is not kept with the position"
        time.sleep(0.01)
    program.kill()
    server.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_a_watch_goes_on_with_what_has_changed(start, tmp_path, kind):
    server = Server(tmp_path / "data")
    transfer(server, 13)
    program = start(kind, server.address, "watch")
    assert program.next() == "received 13"
    server_is_killed(server)
    server = Server(tmp_path / "data", listen=server.address)
    transfer(server, 14)
    assert program.next() == "received 14"
    program.kill()
    server.stop()


def test_a_consumer_handles_parks_and_goes_on(start, tmp_path):
    server = Server(tmp_path / "data")
    for number in [1, 99, 2]:
        transfer(server, number, f"demo-{number}")
    program = start("node", server.address, "consume", "one")
    assert [program.next(), program.next()] == ["handled 1", "handled 2"]
    server.stop()
    server = Server(tmp_path / "data", listen=server.address)
    transfer(server, 3, "demo-3")
    # What was answered right before the end may come again.
    while (line := program.next()) != "handled 3":
        assert line in ("handled 1", "handled 2")
    program.kill()
    server.stop()


def test_a_client_speaks_tls_and_passes_no_certificate_over(run, secure, certificates, tmp_path):
    files = {"CA": "ca.pem", "CERT": "desk.pem", "KEY": "desk.key"}
    variables = {f"HANDOVER_TLS_{name}": str(certificates / file) for name, file in files.items()}
    assert run("node", f"https://{secure.address}", "record", **variables)[1] == "position 1 new"
    error = run("node", f"http://{secure.address}", "record", code=1, **variables)
    assert "certificates are given, so the address has to begin with https://" in error
    readable = tmp_path / "desk.key"
    readable.write_bytes((certificates / "desk.key").read_bytes())
    readable.chmod(0o644)
    error = run("node", f"https://{secure.address}", "record", code=1, **{**variables, "HANDOVER_TLS_KEY": str(readable)})
    assert "others have access to it (mode 644)" in error
    # An authority that is not known is refused at once: no waiting makes its certificate good.
    assert "certificate" in run("node", f"https://{secure.address}", "record", code=1, WITHIN="3600")


def test_sides_that_cannot_talk_are_reported_at_once_with_what_to_do(run, secure, plain_tls, certificates, tmp_path):
    plain = Server(tmp_path / "plain")
    # To repeat for an hour is longer than `run` waits.
    patient = {"WITHIN": "3600"}
    trust = {**patient, "NODE_EXTRA_CA_CERTS": str(certificates / "ca.pem")}
    for address, variables, expected in [
        (f"http://{plain_tls.address}", patient, "the server speaks TLS, so its address has to begin with https://"),
        (f"http://{secure.address}", patient, "the server speaks TLS, so its address has to begin with https://"),
        (f"https://{plain.address}", patient, "the server does not speak TLS, so its address has to begin with http://"),
        (f"https://{plain_tls.address}", patient, "certificate"),
        (f"https://{secure.address}", trust, "certificate required"),
    ]:
        for function in ["record", "subscribe"]:
            error = run("node", address, function, code=1, **variables)
            assert expected in error, error
    plain.stop()


def test_what_is_no_token_and_what_is_empty_is_refused_by_name(run, start, server, tmp_path):
    kept = tmp_path / "token"
    kept.touch(mode=0o600)
    for token in ["", " ", "\n", "two words", f"{TOKEN}\nx", TOKEN[:-1], "a.b", f"Bearer {TOKEN}"]:
        kept.write_text(token)
        error = run("node", server.address, "record", code=1, HANDOVER_TOKEN_FILE=str(kept))
        assert f"HANDOVER_TOKEN_FILE: what {kept} holds is no token" in error, error
        assert not token.strip() or token.strip() not in error, error
        error = run("node", server.address, "record", code=1, HANDOVER_TOKEN=token)
        assert ("HANDOVER_TOKEN: the value is no token" if token.strip() else "HANDOVER_TOKEN is set and empty") in error, error
        error = run("web", server.address, "record", code=1, HANDOVER_TOKEN=token)
        assert "what was given as the token is no token" in error, error
    for good in [f" {TOKEN}\n", "head.body.signature"]:
        assert run("node", server.address, "record", HANDOVER_TOKEN=good)[0] == "calling"
    assert "HANDOVER_SERVER is set and empty" in run("node", "://", "record", code=1, HANDOVER_SERVER="")
    assert '"" is no address' in run("web", "://", "record", code=1, HANDOVER_SERVER="")
    assert "HANDOVER_TLS_CA is set and empty" in run("node", server.address, "record", code=1, HANDOVER_TLS_CA=" ")


@pytest.mark.parametrize("kind", KINDS)
def test_the_status_is_a_service_like_the_others(run, server, kind):
    (line,) = run(kind, server.address, "look")
    assert line.startswith("version 0."), line
