"""Every example in docs/CLIENTS.md is run, and what it takes from the examples is what stands there."""

import json
import re
import shutil

import pytest
from conftest import ROOT
from test_examples import Server, buf, command, needs_npm, run, transfer
from test_readme import DEFAULT
from test_readme import run as shell

PAGE = ROOT / "docs" / "CLIENTS.md"


def blocks(language):
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path):
    """A folder with the protos and examples, as a clone has them."""
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("node_modules"))
    return tmp_path


@needs_npm
def test_each_command_of_the_page_runs(server, folder, monkeypatch):
    transfer(server, 13)
    monkeypatch.setenv("PATH", buf()["PATH"])
    (generate,) = blocks("yaml")
    (folder / "buf.gen.yaml").write_text(generate)
    printed = [shell(line, server.address, folder) for block in blocks("sh") for line in block.splitlines()]
    assert "handover.v1.CountService/GetCountryCounts" in printed[0]
    assert ['"preferred": 13' in text for text in printed[1:3]] == [True, True]
    assert (folder / "handover" / "v1" / "event_store_service_pb2_grpc.py").exists()
    assert (folder / "gen" / "handover" / "v1" / "event_store_service_pb.ts").exists()


@needs_npm
def test_the_page_for_browsers_runs_as_pasted(server, folder):
    transfer(server, 13)
    (example,) = blocks("js")
    assert DEFAULT in example
    web = folder / "examples" / "clients" / "web"
    (web / "pasted.mjs").write_text(example.replace(DEFAULT, server.address))
    assert run(command(web.parent, "web", "pasted")) == "1 events\n"


def test_the_retries_are_those_of_the_examples(stubs):
    (retries,) = blocks("json")
    for example in ["python/services.py", "node/handover.mjs"]:
        text = (ROOT / "examples" / "clients" / example).read_text()
        (policy,) = json.loads(retries)["methodConfig"]
        for name, value in policy["retryPolicy"].items():
            value = json.dumps(value)
            said = [f'"{name}": {value}', f"{name}: {value}".replace('"', "'")]
            assert any(form in text for form in said), (example, name)
        assert "ABORTED" not in policy["retryPolicy"]["retryableStatusCodes"]


@pytest.mark.parametrize("page", ["CLIENTS.md", "CLOUDEVENTS.md"])
def test_each_file_that_a_page_names_is_there(page):
    named = re.findall(r"\]\(([\w./-]+)\)", (ROOT / "docs" / page).read_text())
    assert [name for name in named if not (ROOT / "docs" / name).exists()] == []


def test_a_proxys_origin_is_named_as_the_page_says(tmp_path):
    (flags,) = re.findall(r"`serve (--web-origins [^`]+)`", PAGE.read_text())
    Server(tmp_path / "data", *flags.split()).stop()
