"""Fixtures: the real binary on a free port, and stubs generated from proto/ as a user would."""

import os
import pathlib
import re
import subprocess
import sys

import grpc
import pytest
from grpc_tools import protoc

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARY = TARGET / "debug" / "handover"
ADDRESS = re.compile(r"serving on https?://(\S+)")


@pytest.fixture(scope="session")
def stubs(tmp_path_factory):
    """Generates the Python modules and makes them importable."""
    out = tmp_path_factory.mktemp("stubs")
    protos = sorted(str(path) for path in (ROOT / "proto").rglob("*.proto"))
    include = pathlib.Path(protoc.__file__).parent / "_proto"
    arguments = ["protoc", f"-I{ROOT / 'proto'}", f"-I{include}"]
    arguments += [f"--python_out={out}", f"--grpc_python_out={out}"]
    assert protoc.main(arguments + protos) == 0
    sys.path.insert(0, str(out))
    return out


def dies_with_the_tests(command):
    """The command, which the system kills when the tests end, even if they are killed themselves.

    A function for the child to run (preexec_fn) would do it too, but then Python forks, and the threads of gRPC that
    the child does not have keep it from ever starting the program.
    """
    return ["setpriv", "--pdeathsig", "KILL", *command]


class Server:
    """A running server."""

    def __init__(self, data, *arguments, listen="127.0.0.1:0"):
        command = [BINARY, "serve", "--data", data, "--listen", listen, *arguments]
        self.process = subprocess.Popen(dies_with_the_tests(command), stdout=subprocess.PIPE, text=True)
        self.printed = []
        for line in self.process.stdout:
            self.printed.append(line.rstrip("\n"))
            if found := ADDRESS.search(line):
                self.address = found[1]
                break
        else:
            raise AssertionError(f"the server did not start: {self.printed}")

    def channel(self):
        return grpc.insecure_channel(self.address)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0, "the server did not stop cleanly"


def running(folder):
    """A ledger on a server of its own, which ends with it."""
    from ledger import Ledger

    server = Server(folder / "data")
    with server.channel() as channel:
        yield Ledger(channel)
    server.stop()


@pytest.fixture(scope="module")
def empty(stubs, tmp_path_factory):
    """A ledger for records that do not touch each other."""
    yield from running(tmp_path_factory.mktemp("records"))


@pytest.fixture
def server(tmp_path):
    """A server with an empty store."""
    running = Server(tmp_path / "data")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def ankara(tmp_path_factory):
    """A server that has loaded the Ankara exchange."""
    data = tmp_path_factory.mktemp("ankara") / "data"
    running = Server(data, "--load", str(ROOT / "examples" / "ankara-2024.jsonl"))
    yield running
    running.stop()
