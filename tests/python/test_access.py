"""The examples against a server that knows its callers by tokens."""

import os
import re
import subprocess
import uuid

import pytest
from conftest import BINARY, Server
from test_examples import LANGUAGES, clone, command, run

# The fixture is used by its name.
__all__ = ["clone"]


@pytest.fixture
def guarded(tmp_path):
    """A server with a token for each of two roles, and the tokens."""
    file = tmp_path / "tokens.toml"
    make = lambda role: [BINARY, "token", "create", "--tokens", file, "--name", role, "--role", role]
    tokens = {role: run(make(role)).strip() for role in ("reader", "recorder")}
    server = Server(tmp_path / "data", "--tokens", file)
    yield server, tokens
    server.stop()


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_example_logs_in_by_the_variables_of_the_commands(clone, guarded, language, tmp_path):
    server, tokens = guarded
    record = command(clone, language, "record", server.address, uuid.uuid4())
    for variables, code in [({}, "UNAUTHENTICATED"), ({"HANDOVER_TOKEN": tokens["reader"]}, "PERMISSION_DENIED")]:
        refused = subprocess.run(record, env=dict(os.environ, **variables), capture_output=True, text=True)
        assert refused.returncode == 1, refused
        assert re.search(code, refused.stderr), refused
        assert tokens["reader"] not in refused.stderr
    file = tmp_path / "token"
    file.write_text(tokens["recorder"] + "\n")
    file.chmod(0o600)
    environment = dict(os.environ, HANDOVER_TOKEN_FILE=str(file))
    assert run(record, env=environment).splitlines() == ["position 1, recorded now", "DE received 13"]
    events = run([BINARY, "export", "--server", f"http://{server.address}", "--format", "cloudevents"], env=environment)
    assert '"recordedby":"recorder"' in events.replace(" ", ""), events


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_example_sends_no_token_in_plain_text_to_another_machine(clone, guarded, language):
    _, tokens = guarded
    record = command(clone, language, "record", "10.255.255.1:1", uuid.uuid4())
    environment = dict(os.environ, HANDOVER_TOKEN=tokens["recorder"])
    refused = subprocess.run(record, env=environment, capture_output=True, text=True, timeout=60)
    assert (refused.returncode, refused.stdout) == (1, ""), refused
    assert "would be sent in plain text" in refused.stderr and tokens["recorder"] not in refused.stderr
