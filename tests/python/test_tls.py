"""The examples and other clients against a server with TLS: certificates are made by openssl, as docs/CLIENTS.md says."""

import os
import re
import subprocess
import uuid

import grpc
import pytest
from conftest import BINARY, ROOT, Server
from test_examples import LANGUAGES, clone, command, run

CLIENTS = (ROOT / "docs" / "CLIENTS.md").read_text()
# The fixture is used by its name.
__all__ = ["clone"]


def recipe():
    """The commands of the page that make certificates."""
    (block,) = re.findall(r"^```bash\n(.*?openssl.*?)^```$", CLIENTS, re.MULTILINE | re.DOTALL)
    return block


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A folder with the certificates that the page makes."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["bash", "-euc", recipe()], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def secure(certificates, tmp_path):
    """A server with TLS that requires certificates of its clients."""
    names = {"cert": "server.pem", "key": "server.key", "client-ca": "ca.pem"}
    arguments = [part for name, file in names.items() for part in (f"--tls-{name}", certificates / file)]
    server = Server(tmp_path / "data", *arguments)
    yield server
    server.stop()


def variables(certificates, *names):
    """The environment of a client with these files."""
    files = {"CA": "ca.pem", "CERT": "desk.pem", "KEY": "desk.key"}
    return dict(os.environ, **{f"HANDOVER_TLS_{name}": str(certificates / files[name]) for name in names})


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_example_speaks_tls_by_the_variables_of_the_commands(clone, secure, certificates, language):
    record = command(clone, language, "record", secure.address, uuid.uuid4())
    environment = variables(certificates, "CA", "CERT", "KEY")
    assert run(record, env=environment).splitlines() == ["position 1, recorded now", "DE received 13"]
    # Without a certificate of its own, or as plain text, it gets no answer.
    for names in [("CA",), ()]:
        refused = subprocess.run(record, env=variables(certificates, *names), capture_output=True, text=True)
        assert refused.returncode == 1, refused
        assert re.search("UNAVAILABLE|DEADLINE_EXCEEDED", refused.stderr), refused
    shown = [BINARY, "counts", "DE", "--server", f"https://{secure.address}", "--output", "json"]
    assert '"preferred": 13' in run(shown, env=environment)


def test_a_client_of_another_implementation_refuses_a_server_of_another_name(secure, certificates):
    read = lambda name: (certificates / name).read_bytes()
    credentials = grpc.ssl_channel_credentials(read("ca.pem"), read("desk.key"), read("desk.pem"))
    options = [("grpc.ssl_target_name_override", "elsewhere.example")]
    with grpc.secure_channel(secure.address, credentials, options) as channel:
        with pytest.raises(grpc.FutureTimeoutError):
            grpc.channel_ready_future(channel).result(timeout=2)
    with grpc.secure_channel(secure.address, credentials) as channel:
        grpc.channel_ready_future(channel).result(timeout=60)
