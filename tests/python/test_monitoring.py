"""The dashboard and the alerts in deploy/ against Debian's Prometheus, which scrapes a real server."""

import json
import pathlib
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import grpc
import pytest
from conftest import ROOT, Server
from test_tls import recipe

UNPACKED = ROOT / "tests" / ".tools" / "prometheus" / "usr" / "bin"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "handover.json").read_text())
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
METRICS = re.compile(r"metrics on (http://\S+)")
# A metric, as it stands in a query. Labels and functions look otherwise.
NAME = re.compile(r"\b(?:up|(?:handover|process)_[a-z_]+)\b")
# What has not happened after so many seconds does not happen.
LONG = 120


def tool(name):
    """A program of Debian's package: unpacked by tests/all, or installed."""
    found = UNPACKED / name if (UNPACKED / name).exists() else shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not here: tests/all unpacks it where Debian's packages can be had")
    return str(found)


def eventually(look):
    """What is found once it is there."""
    end = time.monotonic() + LONG
    while not (found := look()):
        assert time.monotonic() < end, f"{look} found nothing"
        time.sleep(0.2)
    return found


class Prometheus:
    """A Prometheus that scrapes one server every second."""

    def __init__(self, folder, scraped):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % free.getsockname()[1]
        target = urllib.parse.urlsplit(scraped).netloc
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(ALERTS)],
            "scrape_configs": [{"job_name": "handover", "static_configs": [{"targets": [target]}]}],
        }
        # JSON is YAML.
        (folder / "prometheus.yml").write_text(json.dumps(config))
        subprocess.run([tool("promtool"), "check", "config", folder / "prometheus.yml"], check=True)
        arguments = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        arguments += [f"--web.listen-address={self.address}"]
        self.log = open(folder / "log", "w")
        self.process = subprocess.Popen([tool("prometheus"), *arguments], stderr=self.log)

    def ask(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"http://{self.address}/api/v1/{path}?{query}", timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} {parameters}: {error.read().decode()}") from error
        except urllib.error.URLError:
            # It has not begun to listen.
            assert self.process.poll() is None, pathlib.Path(self.log.name).read_text()
            return None

    def result(self, query):
        answer = self.ask("query", query=query)
        return answer and answer["result"]

    def rules(self):
        groups = (self.ask("rules") or {"groups": []})["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.log.close()


def used(channel):
    """Makes the server do a little of everything that is measured."""
    from handover.v1 import consumer_group_service_pb2 as groups
    from handover.v1 import consumer_group_service_pb2_grpc as group_stubs
    from handover.v1 import event_store_service_pb2 as store
    from handover.v1 import event_store_service_pb2_grpc as store_stubs

    log = store_stubs.EventStoreServiceStub(channel)
    frames = log.Subscribe(store.SubscribeRequest())
    group = groups.CreateGroupRequest(name="desk", request_id=str(uuid.uuid4()))
    group_stubs.ConsumerGroupServiceStub(channel).CreateGroup(group)

    def append(revision=None):
        event = store.NewEvent()
        event.payload.type_url = "type.googleapis.com/demo.v1.Noted"
        write = store.StreamWrite(stream="x/a", events=[event], expected_revision=revision)
        log.Append(store.AppendRequest(request_id=str(uuid.uuid4()), writes=[write]))

    return frames, append


@pytest.fixture(scope="module")
def monitored(stubs, tmp_path_factory):
    """A server with TLS that is used and scraped, with the Prometheus that does it."""
    folder = tmp_path_factory.mktemp("monitored")
    tool("prometheus")
    subprocess.run(["bash", "-euc", recipe()], cwd=folder, check=True, capture_output=True)
    pair = ["--tls-cert", folder / "server.pem", "--tls-key", folder / "server.key"]
    server = Server(folder / "data", "--metrics-listen", "127.0.0.1:0", *pair)
    (metrics,) = [found[1] for line in server.printed if (found := METRICS.search(line))]
    authority = grpc.ssl_channel_credentials((folder / "ca.pem").read_bytes())
    channel = grpc.secure_channel(server.address, authority)
    frames, append = used(channel)
    append()
    prometheus = Prometheus(folder, metrics)
    try:
        eventually(lambda: prometheus.result("handover_head_position"))
        # Rates need a second sample that differs from the first.
        append()
        with pytest.raises(grpc.RpcError):
            append(revision=99)
        yield server, prometheus, metrics
        frames.cancel()
        channel.close()
    finally:
        prometheus.stop()
        if server.process.poll() is None:
            server.stop()


def queries():
    """The queries of the dashboard, with what Grafana puts in them."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
            assert "$" not in query, query
            yield panel["title"], query


def test_the_text_passes_promtool(monitored):
    _, _, metrics = monitored
    text = urllib.request.urlopen(metrics, timeout=30).read()
    checked = subprocess.run([tool("promtool"), "check", "metrics"], input=text, capture_output=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_the_alerts_pass_promtool():
    subprocess.run([tool("promtool"), "check", "rules", ALERTS], check=True)


def test_each_query_of_the_dashboard_has_an_answer(monitored):
    _, prometheus, _ = monitored
    asked = list(queries())
    assert len(asked) > 40
    for title, query in asked:
        assert eventually(lambda: prometheus.result(query)), (title, query)


def test_each_query_names_metrics_that_are_there(monitored):
    _, prometheus, _ = monitored
    there = set(prometheus.ask("label/__name__/values"))
    rules = prometheus.rules()
    assert len(rules) > 15
    for query in [query for _, query in queries()] + [rule["query"] for rule in rules]:
        names = NAME.findall(re.sub(r"\{[^}]*\}|by \([^)]*\)", "", query))
        assert names and set(names) <= there, (query, set(names) - there)


def test_no_alert_is_raised_for_a_server_that_is_well_and_one_for_a_server_that_is_down(monitored):
    server, prometheus, _ = monitored

    def evaluated():
        rules = prometheus.rules()
        return rules and all(rule["health"] == "ok" for rule in rules) and rules

    states = {rule["name"]: rule["state"] for rule in eventually(evaluated)}
    assert set(states.values()) == {"inactive"}, states
    server.stop()
    is_down = lambda: [rule for rule in prometheus.rules() if rule["name"] == "HandoverDown" and rule["state"] != "inactive"]
    eventually(is_down)
