"""Every example in README.md is run, against a server of its own instead of the default address."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import pytest
from conftest import ROOT, TARGET, Server

README = (ROOT / "README.md").read_text()
DEFAULT = "127.0.0.1:50051"


def blocks(language):
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands():
    """The lines of all shell blocks but the walk-through, which needs a server of its own."""
    return [line for block in blocks("sh") if block != walk() for line in block.splitlines()]


def walk():
    """The block that goes through one day of two numbers."""
    (block,) = [block for block in blocks("sh") if "examples/exchanges" in block]
    return block


def run(command, address, folder):
    """Runs a line in a folder that looks like a clone; its output."""
    binaries = [str(TARGET / "debug"), str(pathlib.Path(sys.executable).parent)]
    environment = dict(os.environ, HANDOVER_SERVER=f"http://{address}")
    environment["PATH"] = os.pathsep.join([*binaries, environment["PATH"]])
    process = subprocess.Popen(
        command.replace(DEFAULT, address).replace("python3 ", f"{sys.executable} "),
        shell=True, cwd=folder, env=environment, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    try:
        out, err = process.communicate(timeout=600)
    except subprocess.TimeoutExpired:
        # What the line has started would go on without it.
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode == 0, (command, out, err)
    return out


@pytest.fixture
def clone(tmp_path):
    """A folder with the protos and examples, as a clone has them."""
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


def test_the_first_command_ends_as_the_page_says(ankara):
    assert "cargo run --release -- serve --load examples/ankara-2024.jsonl" in commands()
    (shown,) = blocks("text")
    printed = "\n".join(ankara.printed[1:]).strip("\n").replace(ankara.address, DEFAULT)
    assert printed == shown.strip("\n")


def test_the_second_command_is_there():
    assert "tests/all" in commands()
    assert os.access(ROOT / "tests" / "all", os.X_OK)


def test_each_file_that_the_page_names_is_there():
    pages = README + (ROOT / "ARCHITECTURE.md").read_text()
    named = re.findall(r"`((?:src|bench|tests|docs|proto|examples)/[\w./-]*)`", pages)
    named += re.findall(r"\]\(([\w./-]+)\)", pages)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_each_command_of_the_page_runs(ankara, clone):
    outputs = {}
    for command in commands():
        if not command.startswith(("cargo", "tests/all")):
            outputs[command.split()[1]] = run(command, ankara.address, clone)
    assert '"preferred": 13' in outputs["counts"]
    assert "TransferCompleted" in outputs["tail"]
    assert "TotalClaimed" in outputs["export"]
    assert '"preferred": 13' in outputs["-plaintext"]
    assert (clone / "handover" / "v1" / "event_store_service_pb2_grpc.py").exists()


def test_the_python_example_runs_as_pasted(server, clone):
    (stubs,) = [command for command in commands() if "grpc_tools.protoc" in command]
    run(stubs, server.address, clone)
    (example,) = blocks("python")
    (clone / "example.py").write_text(example.replace(DEFAULT, server.address))
    printed = run("python3 example.py", server.address, clone)
    assert printed.splitlines() == ["recorded at position 1", "1 statement/demo-spokeswoman StatementMade"]


def test_the_rust_example_runs(ankara, clone):
    binary = TARGET / "debug" / "examples" / "received"
    printed = run(f"{binary} http://{ankara.address}", ankara.address, clone)
    assert printed.splitlines() == ["DE received 13", "RU received 10", "US received 3"]


def test_the_walk_through_shows_what_the_page_says(tmp_path, clone):
    server = Server(tmp_path / "data", "--load", str(ROOT / "examples" / "ankara-2024.jsonl"))
    lines = walk().splitlines()
    prefer = next(place for place, line in enumerate(lines) if " prefer " in line)
    before = [run(line, server.address, clone) for line in lines[:prefer]]
    assert '"unnumbered":3' in before[-2].replace(" ", ""), "some unknown beside the range"
    assert "155" in before[-1] and "156" in before[-1] and "189" in before[-1]
    with follower(server.address) as watcher:
        assert '"preferred":189' not in next(watcher)
        run(lines[prefer], server.address, clone)
        change = next(watcher)
        assert '"causedBy":["614"]' in change and '"preferred":189' in change
    now, then = [json.loads(run(line, server.address, clone)) for line in lines[prefer + 1:]]
    figures = [answer["received"] for answer in (now, then)]
    assert [(it["low"], it["high"]) for it in figures] == [(150, 189)] * 2
    assert [it.get("preferred") for it in figures] == [189, None]
    server.stop()


@contextlib.contextmanager
def follower(address):
    """Lines of somebody who watches Ukraine's figures, the first one read."""
    binary = TARGET / "debug" / "handover"
    (watch,) = re.findall(r"`handover (counts [^`]*--watch)`", README)
    command = [binary, *watch.split(), "--server", f"http://{address}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout
    finally:
        process.terminate()
        process.wait(timeout=30)
