"""The commands of docs/COMMANDS.md are run, block by block, against one record.

Those about single claims stand for themselves in tests/it/cli: they name positions and sources that
no record of examples has together.
"""

import os
import re
import select
import signal
import subprocess

import pytest
from conftest import BINARY, ROOT, Server

PAGE = (ROOT / "docs" / "COMMANDS.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ABOUT_CLAIMS = "handover claims "


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """A server with the exchanges of examples."""
    folder = tmp_path_factory.mktemp("commands")
    server = Server(folder / "data")
    examples = ROOT / "examples"
    files = [examples / "ankara-2024.jsonl", *sorted((examples / "exchanges").glob("*.csv"))]
    environment = dict(os.environ, HANDOVER_SERVER=f"http://{server.address}")
    environment["PATH"] = os.pathsep.join([str(BINARY.parent), environment["PATH"]])
    for file in files:
        subprocess.run([BINARY, "import", file], env=environment, check=True, capture_output=True)
    yield folder, environment
    server.stop()


def start(line, record):
    """Starts a line of the page in a shell of its own group."""
    folder, environment = record
    return subprocess.Popen(
        line, shell=True, cwd=folder, env=environment, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )


def ends(line, record):
    """Runs a line that ends by itself."""
    process = start(line, record)
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        # What the line has started would go on without it.
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode == 0, (line, out, err)


def begins(line, record):
    """Runs a line that waits for changes until it has printed what is there."""
    process = start(line, record)
    answered, _, _ = select.select([process.stdout], [], [], 60)
    first = process.stdout.readline() if answered else ""
    os.killpg(process.pid, signal.SIGKILL)
    _, err = process.communicate()
    assert first.strip(), (line, err)


def test_the_page_has_blocks_of_commands():
    lines = [line for block in BLOCKS for line in block.splitlines()]
    assert len(lines) > 30
    assert all(line.startswith("handover ") for line in lines), lines


@pytest.mark.parametrize("block", [it for it in BLOCKS if ABOUT_CLAIMS not in it])
def test_each_command_of_a_block_does_what_it_is_for(block, record):
    for line in block.splitlines():
        command = line.partition("  #")[0].rstrip()
        if command.endswith("--watch"):
            begins(command, record)
        elif command.startswith("handover tail"):
            # What is there, instead of what comes.
            ends(command.replace("--from-now", "--after 0") + " --no-follow", record)
        else:
            ends(command, record)
