"""Every example in README.md is run, against a server of its own instead of the default address."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import pytest
from conftest import ROOT, TARGET

README = (ROOT / "README.md").read_text()
DEFAULT = "127.0.0.1:50051"


def blocks(language):
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands():
    """The lines of all shell blocks."""
    return [line for block in blocks("sh") for line in block.splitlines()]


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
    named = re.findall(r"`((?:src|tests|docs|proto|examples)/[\w./-]*)`", pages)
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


def test_the_rust_example_runs_as_pasted(ankara, clone):
    (example,) = blocks("rust")
    assert example in (ROOT / "examples" / "received.rs").read_text()
    binary = TARGET / "debug" / "examples" / "received"
    printed = run(f"{binary} http://{ankara.address}", ankara.address, clone)
    assert printed.splitlines() == ["DE received 13", "RU received 10", "US received 3"]
