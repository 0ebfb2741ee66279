"""The walk of docs/OPERATIONS.md, from the package to a server with TLS that Prometheus scrapes, then a backup and back.

Each block of shell is run as the page has it, with a folder in place of /. The test stands in for apt (the package is unpacked), for
other users (there is one), and for systemd (it runs what the unit says, and waits for its word that it is ready).
"""

import itertools
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time

import pytest
from conftest import ROOT, dies_with_the_tests
from test_monitoring import tool
from test_package import build
from test_tls import recipe

PAGE = (ROOT / "docs" / "OPERATIONS.md").read_text()
# Folders of a machine that the test has a folder of its own for.
PLACES = re.compile(r"(?<![\w/.])/(?=(?:etc|var|usr)/)")
# Ports of the page: of the server, of its metrics, of Prometheus.
PORTS = ["50051", "9464", "9090"]
# What does not come within so many seconds does not come.
LONG = 30

pytestmark = pytest.mark.skipif(shutil.which("dpkg-shlibdeps") is None, reason="dpkg-shlibdeps is not here")


def blocks():
    """The blocks of shell of the page, in order."""
    return re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def free_ports(count):
    """Ports that are free now."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [str(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def eventually(look):
    """What is found once it is there."""
    end = time.monotonic() + LONG
    while not (found := look()):
        assert time.monotonic() < end, f"{look} found nothing"
        time.sleep(0.1)
    return found


class Machine:
    """A folder that stands for an empty machine, with what runs on it."""

    def __init__(self, folder):
        self.root, self.own = folder / "root", folder / "own"
        for made in [self.root / "etc/prometheus", self.root / "var/lib/handover", self.root / "var/backups", self.own]:
            made.mkdir(parents=True)
        self.ports = dict(zip(PORTS, free_ports(len(PORTS))))
        self.running, self.logs = {}, {}
        path = [str(self.root / "usr/bin"), os.path.dirname(tool("promtool")), os.environ["PATH"]]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HANDOVER_")}
        self.environment = dict(kept, PATH=os.pathsep.join(path))

    def here(self, text):
        """A text of the page, as it is on this machine."""
        text = PLACES.sub(f"{self.root}/", text).replace(" -o handover -g handover", "").replace("runuser -u handover -- ", "")
        for port, free in self.ports.items():
            text = re.sub(rf"\b{port}\b", free, text)
        # Prometheus scrapes at once, and every second.
        return text.replace("scrape_interval: 15s", "scrape_interval: 1s")

    def shell(self, text):
        """Runs lines to their end; the exit code and both outputs."""
        text = self.here(text)
        named = re.findall(r"(?<![\w/.:-])/[a-z][\w/.-]*", text)
        assert all(path.startswith(f"{self.root}/") for path in named), f"a path of the machine's own: {named}"
        process = subprocess.Popen(
            dies_with_the_tests(["bash", "-euo", "pipefail", "-c", "umask 077\n" + text]),
            cwd=self.own, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=LONG)
        finally:
            # What the lines have started would go on without them.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        return process.returncode, out, err

    def run(self, block):
        """Runs a block of the page; what it prints."""
        printed, variables = "", []
        stands_in = lambda line: line.startswith(("apt ", "systemctl "))
        for is_stood_in_for, found in itertools.groupby(block.splitlines(), stands_in):
            lines = list(found)
            if is_stood_in_for:
                for line in lines:
                    self.stand_in(*line.split())
                continue
            code, out, err = self.shell("\n".join(variables + lines))
            assert code == 0, (block, code, out, err)
            variables += [line for line in lines if line.startswith("export ")]
            printed += out
        return printed

    def stand_in(self, program, verb, name):
        if program == "apt":
            self.install(name)
        else:
            {"start": self.start, "stop": self.stop, "restart": self.restart, "reload": self.reload}[verb](name)

    def install(self, name):
        """Unpacks the package; Prometheus is unpacked already."""
        if name == "./handover_*.deb":
            subprocess.run(["dpkg-deb", "-x", build(self.own), self.root], check=True, timeout=LONG)
        else:
            assert name == "prometheus"

    def unit(self, key):
        """What the unit says under a key."""
        text = (self.root / "usr/lib/systemd/system/handover.service").read_text()
        return self.here(re.search(rf"^{key}=(.*)$", text, re.MULTILINE)[1])

    def start(self, name):
        log = self.logs[name] = self.root / f"var/{name}.log"
        notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notified.bind(f"\0{self.root}/{name}/{time.monotonic()}")
        notified.settimeout(LONG)
        environment = dict(self.environment, NOTIFY_SOCKET="@" + notified.getsockname()[1:].decode())
        if name == "handover":
            command = shlex.split(self.unit("ExecStart"))
        else:
            command = [tool("prometheus"), f"--config.file={self.root}/etc/prometheus/prometheus.yml"]
            command += [f"--storage.tsdb.path={self.root}/var/prometheus", f"--web.listen-address=127.0.0.1:{self.ports['9090']}"]
        with log.open("a") as file:
            process = subprocess.Popen(
                dies_with_the_tests(command), cwd=self.root / "var/lib/handover", env=environment, stdout=file, stderr=file,
            )
        self.running[name] = process
        try:
            # Debian's Prometheus says nothing to systemd.
            while name == "handover" and b"READY=1" not in notified.recv(4096):
                pass
        except TimeoutError:
            raise AssertionError(f"{name} is not ready: {log.read_text()}") from None
        finally:
            notified.close()

    def stop(self, name):
        process = self.running.pop(name)
        process.terminate()
        try:
            code = process.wait(timeout=LONG)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        assert code == 0, self.logs[name].read_text()

    def restart(self, name):
        if name in self.running:
            self.stop(name)
        self.start(name)

    def reload(self, name):
        assert self.unit("ExecReload") == "/bin/kill -HUP $MAINPID"
        self.running[name].send_signal(signal.SIGHUP)
        eventually(lambda: "access: new files are in use" in self.logs[name].read_text())

    def end(self):
        """Leaves nothing running, whatever has happened."""
        for process in self.running.values():
            process.kill()
            process.wait()


@pytest.fixture
def machine(tmp_path):
    tool("prometheus")
    made = Machine(tmp_path)
    yield made
    made.end()


def test_the_walk_ends_with_a_server_on_the_network_that_is_scraped_and_backed_up(machine):
    names = ["install", "keys", "policy", "settings", "use", "scrape", "status", "backup", "restore"]
    walk = dict(zip(names, blocks(), strict=True))
    machine.run(walk["install"])
    code, _, err = machine.shell(recipe())
    assert code == 0, err
    for name in ["keys", "policy"]:
        machine.run(walk[name])
    assert re.fullmatch(r"hdo_[\w-]{43}\n", (machine.own / "importer.token").read_text())
    checked = machine.run(walk["settings"])
    assert "the settings are right" in checked and "importer" in checked and "desk" in checked

    printed = machine.run(walk["use"])
    event = json.loads(printed.splitlines()[-1])
    assert event["recordedBy"] == "importer", event
    check_refusals(machine)

    (up,) = re.findall(r"^promtool query.*$", walk["scrape"], re.MULTILINE)
    machine.run(walk["scrape"].replace(up + "\n", ""))
    eventually(lambda: "=> 1 @" in machine.shell(up)[1])
    assert "appends        accepted" in machine.run(walk["status"])

    machine.run(walk["backup"])
    again = variables() + "HANDOVER_TOKEN_FILE=importer.token handover append --stream source/demo-desk source.json\n"
    read = variables() + "handover tail --no-follow --tls-cert desk.pem --tls-key desk.key"
    code, receipt, _ = machine.shell(again)
    assert code == 0
    assert len(machine.shell(read)[1].splitlines()) == 2
    machine.run(walk["restore"])
    assert len(machine.shell(read)[1].splitlines()) == 1, "the record is that of the backup"
    # It is another history: a follower that has read the lost event is refused, one that has not goes on.
    resumed = f"{read} --store {json.loads(receipt)['store']} --after "
    assert machine.shell(resumed + "1")[0] == 0
    code, _, err = machine.shell(resumed + "2")
    assert code == 12 and "events after position 1 are other events now" in err, (code, err)
    for name in list(machine.running):
        machine.stop(name)


def variables():
    """The line of the page that names the server and its authority."""
    return re.search(r"^export HANDOVER_SERVER=\S+ HANDOVER_TLS_CA=\S+$", PAGE, re.MULTILINE)[0] + "\n"


def check_refusals(machine):
    """The reader may not record, and a caller without credentials may do nothing."""
    append = "handover append --stream source/demo-desk source.json"
    for refused in [append + " --tls-cert desk.pem --tls-key desk.key", append, "handover export"]:
        code, _, err = machine.shell(variables() + refused)
        assert code == 11, (refused, code, err)
