"""The Python package of clients/python, installed as users install it, against the real server (client_program.py)."""

import os
import pathlib
import shutil
import subprocess
import sys
import time
import uuid
from concurrent import futures

import grpc
import pytest
from conftest import ROOT, Server
from restored import restore
from test_examples import Running, name_of_store, server_is_killed, server_is_stopped, transfer
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from test_tls import certificates, secure

PACKAGE = ROOT / "clients" / "python"
PROGRAM = pathlib.Path(__file__).with_name("client_program.py")
PATIENCE = 60
TOKEN = "hdo_" + 43 * "s"
"""A token by its looks."""
# The fixtures are used by their names.
__all__ = ["certificates", "secure"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the package. It is no part of this process, which has stubs of its own."""
    folder = tmp_path_factory.mktemp("installed")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", folder, PACKAGE]
    done = subprocess.run(install, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def start(installed):
    """Starts a function of the program."""

    def begin(server, *arguments, **more):
        variables = {name: value for name, value in os.environ.items() if not name.startswith("HANDOVER_")}
        variables.update(PYTHONPATH=str(installed), HANDOVER_SERVER=server, **more)
        return Running([sys.executable, PROGRAM, *map(str, arguments)], env=variables)

    return begin


@pytest.fixture
def run(start):
    """Runs a function of the program to its end: its lines, or what it complained about."""

    def to_its_end(server, *arguments, code=0, **more):
        program = start(server, *arguments, **more)
        assert program.process.wait(timeout=PATIENCE) == code, program.process.stderr.read()
        if code:
            return program.process.stderr.read()
        return list(iter(lambda: program.lines.get(timeout=PATIENCE), None))

    return to_its_end


def test_the_package_and_a_program_that_uses_it_are_typed(installed):
    check = [sys.executable, "-m", "mypy", "--config-file", PACKAGE / "pyproject.toml"]
    variables = dict(os.environ, MYPYPATH=str(installed))
    for what in [["-p", "handover"], [PROGRAM]]:
        done = subprocess.run([*check, *what], env=variables, cwd=installed, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (installed / "handover" / "py.typed").exists()


def test_a_transfer_is_recorded_once_however_often_it_is_sent(run, server):
    request_id = uuid.uuid4()
    assert run(server.address, "record", request_id) == ["calling", "position 1 new", "received 13"]
    assert run(server.address, "record", request_id) == ["calling", "position 1 duplicate", "received 13"]
    # Without an id of the caller's, each call has its own.
    assert run(server.address, "record")[1] == "position 2 new"


def test_a_call_is_repeated_until_the_server_is_there(start, run, tmp_path):
    server = Server(tmp_path / "data")
    server.stop()
    program = start(server.address, "record")
    assert program.next() == "calling"
    server = Server(tmp_path / "data", listen=server.address)
    assert program.next() == "position 1 new"
    assert program.process.wait(timeout=PATIENCE) == 0
    server.stop()
    assert "UNAVAILABLE" in run(server.address, "record", code=1, WITHIN="0.3")


class Flaky:
    """A server that fails as it is told, and then answers: no real one loses an answer on demand."""

    def __init__(self, *failures):
        from handover.v1 import count_service_pb2 as counts
        from handover.v1 import transfer_service_pb2 as transfers

        self.failures, self.requests, self.tokens = list(failures), [], []
        self.server = grpc.server(futures.ThreadPoolExecutor(2))
        recorded = transfers.RecordTransferResponse()
        recorded.receipt.position = 7
        figures = counts.GetCountryCountsResponse()
        figures.counts.add(country="DE").received.preferred = 13
        answers = {
            "TransferService": {"RecordTransfer": (transfers.RecordTransferRequest, recorded)},
            "CountService": {"GetCountryCounts": (counts.GetCountryCountsRequest, figures)},
        }
        for service, methods in answers.items():
            handlers = {name: self.handler(request, answer) for name, (request, answer) in methods.items()}
            handler = grpc.method_handlers_generic_handler(f"handover.v1.{service}", handlers)
            self.server.add_generic_rpc_handlers([handler])
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def handler(self, request, answer):
        def answered(request, context):
            self.requests.append(request)
            self.tokens.append(dict(context.invocation_metadata()).get("authorization"))
            if self.failures:
                code, *details = self.failures.pop(0)
                status = status_pb2.Status(code=code.value[0], message="it fails")
                for detail in details:
                    status.details.add().Pack(detail)
                context.abort_with_status(rpc_status.to_status(status))
            return answer

        kind = grpc.unary_unary_rpc_method_handler
        return kind(answered, request_deserializer=request.FromString, response_serializer=type(answer).SerializeToString)


def test_each_attempt_has_the_same_request_id_and_the_token(run, stubs):
    pause = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(nanos=50_000_000))
    code = grpc.StatusCode
    flaky = Flaky([code.UNAVAILABLE], [code.RESOURCE_EXHAUSTED, pause])
    assert run(flaky.address, "record", HANDOVER_TOKEN=TOKEN) == ["calling", "position 7 new", "received 13"]
    ids = [request.request_id for request in flaky.requests if hasattr(request, "request_id")]
    assert len(ids) == 3 and len(set(ids)) == 1 and uuid.UUID(ids[0])
    assert set(flaky.tokens) == {f"Bearer {TOKEN}"}
    error = run("http://record.example:1", "record", code=1, HANDOVER_TOKEN=TOKEN)
    assert "a token would be sent in plain text" in error and TOKEN not in error
    for failure in ([code.ABORTED], [code.RESOURCE_EXHAUSTED]):
        flaky = Flaky(failure)
        assert "it fails" in run(flaky.address, "record", code=1)
        assert len(flaky.requests) == 1, "what stays is not repeated"


WATCHED = """
import threading
from handover.streams import Watchdog

class Call:
    def __init__(self, answers):
        self.cancelled, self.left = threading.Event(), answers
    def cancel(self):
        self.cancelled.set()
    def __iter__(self):
        return self
    def __next__(self):
        if not self.left:
            assert self.cancelled.wait(60), "a silent call is not cancelled"
            raise StopIteration
        self.left -= 1
        return self.left

call = Call(1)
watchdog = Watchdog(call, 0.05)
for _ in watchdog.answers():
    assert not call.cancelled.wait(0.5), "the caller's own time counts"
print(watchdog.was_silent)
"""


def test_a_call_that_says_nothing_is_given_up_and_a_slow_caller_is_not(installed):
    variables = dict(os.environ, PYTHONPATH=str(installed))
    done = subprocess.run([sys.executable, "-c", WATCHED], env=variables, capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout == "True\n", done.stderr


def test_an_error_says_its_reason_and_its_fields_and_is_not_repeated(run, server):
    (line,) = run(server.address, "refused")
    assert line.startswith("INVALID_ARGUMENT INVALID_FIELD "), line


def test_pages_are_requested_to_the_end(run, server):
    assert run(server.address, "pages") == ["3 demo-0 demo-1 demo-2 demo-3 demo-4"]


@pytest.mark.parametrize("end", [server_is_stopped, server_is_killed])
def test_a_subscription_goes_on_without_a_gap_or_a_repetition(start, tmp_path, end):
    server = Server(tmp_path / "data")
    transfer(server, 1)
    program = start(server.address, "subscribe")
    try:
        assert program.next() == "1"
        for number in [2, 3]:
            end(server)
            server = Server(tmp_path / "data", listen=server.address)
            transfer(server, number)
            assert program.next() == str(number)
    finally:
        program.kill()
    assert "interrupted UNAVAILABLE" in program.process.stderr.read()
    server.stop()


def test_a_follower_goes_on_where_its_file_says_and_in_no_other_store(start, run, tmp_path):
    server, kept = Server(tmp_path / "data"), tmp_path / "position"
    for number in [1, 2]:
        transfer(server, number)
    program = start(server.address, "follow", kept)
    assert [program.next(), program.next()] == ["1", "2"]
    # The position behind the second is kept once the subscription has caught up.
    until = time.monotonic() + PATIENCE
    while not kept.exists() or not kept.read_text().endswith(" 2\n"):
        assert time.monotonic() < until, "the position is not kept"
        time.sleep(0.01)
    program.kill()
    transfer(server, 3)
    program = start(server.address, "follow", kept)
    assert program.next() == "3"
    program.kill()
    server.stop()
    other = Server(tmp_path / "other", listen=server.address)
    assert "FAILED_PRECONDITION ANOTHER_STORE" in run(server.address, "follow", kept, code=1)
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
    assert f"history changed after 2, now {present}" in run(server.address, "follow", kept, code=1)
    kept.write_text(f"{plain} 2\n")
    program = start(server.address, "follow", kept)
    assert [program.next(), program.next()] == ["3", "4"]
    until = time.monotonic() + PATIENCE
    while kept.read_text() != f"{present} 4\n":
        assert time.monotonic() < until, "the name is not kept with the position"
        time.sleep(0.01)
    program.kill()
    server.stop()


def test_a_watch_goes_on_with_what_has_changed(start, tmp_path):
    server = Server(tmp_path / "data")
    transfer(server, 13)
    program = start(server.address, "watch")
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
    program = start(server.address, "consume", "one")
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
    assert run(f"https://{secure.address}", "record", **variables)[1] == "position 1 new"
    error = run(f"http://{secure.address}", "record", code=1, **variables)
    assert "certificates are given, so the address has to begin with https://" in error
    readable = tmp_path / "desk.key"
    readable.write_bytes((certificates / "desk.key").read_bytes())
    readable.chmod(0o644)
    error = run(f"https://{secure.address}", "record", code=1, **{**variables, "HANDOVER_TLS_KEY": str(readable)})
    assert "others have access to it (mode 644)" in error


@pytest.fixture
def plain_tls(certificates, tmp_path):
    """A server with TLS that requires no certificates of its clients."""
    server = Server(tmp_path / "open", "--tls-cert", certificates / "server.pem", "--tls-key", certificates / "server.key")
    yield server
    server.stop()


def test_sides_that_cannot_talk_are_reported_at_once_with_what_to_do(run, secure, plain_tls, certificates, tmp_path):
    plain = Server(tmp_path / "plain")
    # To repeat for an hour is longer than `run` waits.
    patient = {"WITHIN": "3600"}
    trust = {**patient, "HANDOVER_TLS_CA": str(certificates / "ca.pem")}
    other = {**patient, "HANDOVER_TLS_CA": str(certificates / "desk.pem")}
    pair = ["--tls-cert", certificates / "server.pem", "--tls-key", certificates / "server.key"]
    elsewhere = Server(tmp_path / "elsewhere", *pair, listen="127.0.0.2:0")
    for address, variables, expected in [
        (f"http://{plain_tls.address}", patient, "the server speaks TLS, so its address has to begin with https://"),
        (f"http://{secure.address}", patient, "the server speaks TLS, so its address has to begin with https://"),
        (f"https://{plain.address}", trust, "the server does not speak TLS, so its address has to begin with http://"),
        (f"https://{plain_tls.address}", patient, "the server's certificate is not trusted; HANDOVER_TLS_CA"),
        (f"https://{plain_tls.address}", other, "the server's certificate is not trusted"),
        (f"https://{elsewhere.address}", trust, "the server's certificate has another name than the address"),
        (f"https://{secure.address}", trust, "the server requires a certificate that it trusts; HANDOVER_TLS_CERT"),
    ]:
        for function in ["record", "subscribe"]:
            error = run(address, function, code=1, **variables)
            assert expected in error and address in error, error
    plain.stop()
    elsewhere.stop()


def test_a_stream_ends_when_its_server_comes_back_with_tls(start, certificates, tmp_path):
    server = Server(tmp_path / "data")
    transfer(server, 1)
    program = start(server.address, "subscribe")
    assert program.next() == "1"
    server.stop()
    pair = ["--tls-cert", certificates / "server.pem", "--tls-key", certificates / "server.key"]
    server = Server(tmp_path / "data", *pair, listen=server.address)
    assert program.process.wait(timeout=PATIENCE) == 1
    assert "the server speaks TLS" in program.process.stderr.read()
    server.stop()


def test_what_is_no_token_and_what_is_empty_is_refused_by_name(run, server, tmp_path):
    kept = tmp_path / "token"
    kept.touch(mode=0o600)
    for token in ["", " ", "\n", "two words", f"{TOKEN}\nx", TOKEN[:-1], "a.b", f"Bearer {TOKEN}"]:
        kept.write_text(token)
        error = run(server.address, "record", code=1, HANDOVER_TOKEN_FILE=str(kept))
        assert f"HANDOVER_TOKEN_FILE: what {kept} holds is no token" in error, error
        assert not token.strip() or token.strip() not in error, error
        error = run(server.address, "record", code=1, HANDOVER_TOKEN=token)
        assert ("HANDOVER_TOKEN: the value is no token" if token.strip() else "HANDOVER_TOKEN is set and empty") in error, error
    for good in [f" {TOKEN}\n", "head.body.signature"]:
        assert run(server.address, "record", HANDOVER_TOKEN=good)[0] == "calling"
    assert "HANDOVER_SERVER is set and empty" in run("", "record", code=1)
    assert "'two words' is no address" in run("two words", "record", code=1)
    assert "HANDOVER_TLS_CA is set and empty" in run(server.address, "record", code=1, HANDOVER_TLS_CA=" ")


def test_the_status_is_a_service_like_the_others(run, server):
    (line,) = run(server.address, "look")
    assert line.startswith("version 0."), line
