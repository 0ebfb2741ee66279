"""What export writes as CloudEvents is read by the SDK of those who made the specification."""

import json
import re
import subprocess
from datetime import timezone

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from conftest import ROOT, TARGET
from test_examples import handover

PAGE = (ROOT / "docs" / "CLOUDEVENTS.md").read_text()
NOTED = json.dumps({"@type": "demo.v1.Noted", "@bytes": "AP8B"})


def test_every_line_is_a_cloud_event(ankara):
    lines = handover(ankara, "export", "--format", "cloudevents").splitlines()
    events = [JSONFormat().read(CloudEvent, line) for line in lines]
    assert [event.get_id() for event in events] == [str(position + 1) for position in range(len(lines))]
    assert len({event.get_source() for event in events}) == 1
    plain = [json.loads(line) for line in handover(ankara, "export", "--with-positions").splitlines()]
    for event, recorded in zip(events, plain, strict=True):
        assert event.get_specversion() == "1.0"
        assert event.get_subject() == recorded["stream"] == event.get_extension("partitionkey")
        assert f"type.googleapis.com/{event.get_type()}" == recorded["payload"]["@type"]
        assert event.get_dataschema() == f"https://{recorded['payload']['@type']}"
        assert event.get_datacontenttype() == "application/json"
        assert event.get_time().astimezone(timezone.utc).isoformat()[:19] == recorded["recordedAt"][:19]
        assert event.get_data() == {name: it for name, it in recorded["payload"].items() if name != "@type"}
        assert int(event.get_extension("sequence")) == int(event.get_id())


def test_a_type_that_the_server_does_not_know_keeps_its_bytes(server):
    payload = json.dumps({"@type": "demo.v1.Noted", "@bytes": "AP8B"})
    handover(server, "append", "-", "--stream", "demo/notes", given=payload)
    (line,) = handover(server, "export", "--format", "cloudevents").splitlines()
    event = JSONFormat().read(CloudEvent, line)
    assert (event.get_type(), event.get_data()) == ("demo.v1.Noted", b"\x00\xff\x01")
    assert event.get_datacontenttype() == "application/protobuf"


def append(server, *arguments):
    """Appends an event with these flags; what the server says if it refuses it, else nothing."""
    command = [TARGET / "debug" / "handover", "append", "-", "--stream", "demo/notes", *arguments]
    command += ["--server", f"http://{server.address}"]
    done = subprocess.run(command, input=NOTED, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 2), done.stderr
    return done.stderr


def tags(*texts):
    return [argument for text in texts for argument in ("--tag", text)]


def last(server):
    lines = handover(server, "export", "--format", "cloudevents").splitlines()
    return JSONFormat().read(CloudEvent, lines[-1]), lines[-1]


TAKEN = ["a:b,c", 'a:"q"', "a:b:c", "a:\\", "a_1-.:b", "a:\u00e9\u65e5", "tox:1", "a:" + "x" * 126]
REFUSED = ["a", "a:", ":b", "A:b", "1a:b", "\u00e9:b", "a:b c", "a:b\tc", "a:b\u00a0c", "a:\x7f", "a:" + "x" * 127]


@pytest.mark.parametrize("tag", TAKEN)
def test_a_tag_that_the_page_allows_is_taken_and_exported(server, tag):
    assert append(server, "--tag", tag) == ""
    event, _ = last(server)
    assert json.loads(event.get_extension("tags")) == [tag]


@pytest.mark.parametrize("tag", REFUSED)
def test_a_tag_that_the_page_does_not_allow_is_refused(server, tag):
    assert "tags[0]" in append(server, "--tag", tag)


def test_the_page_names_the_limits_and_the_keys_of_the_server(server):
    assert "at most 128 bytes" in PAGE
    (most,) = re.search(r"puts\s+at most (\d+) on an event", PAGE).groups()
    many = [f"k:{number}" for number in range(int(most) + 1)]
    assert append(server, *tags(*many[1:])) == ""
    assert f"the limit is {most}" in append(server, *tags(*many))
    (keys,) = re.search(r"The keys ((?:`\w+`[,\s]*(?:and )?)+) are the\s+server's", PAGE).groups()
    for key in re.findall(r"`(\w+)`", keys):
        assert f'the key "{key}"' in append(server, "--tag", f"{key}:x")
    # Those are all that there are.
    names = (ROOT / "src" / "domain" / "name.rs").read_text()
    reserved = re.search(r"RESERVED_TAG_KEYS[^=]*=\s*\[([^]]*)\]", names).group(1)
    assert re.findall(r'"(\w+)"', reserved) == re.findall(r"`(\w+)`", keys)


def test_tags_and_metadata_are_as_the_page_has_them(server):
    flags = tags("b:2", "a:1", "b:2", "a:\ufffe")
    flags += ["--metadata", "traceparent=00-x", "--metadata", "tracestate=", "--metadata", "k \x01=v\x02"]
    assert append(server, *flags) == ""
    event, line = last(server)
    assert json.loads(event.get_extension("tags")) == ["a:1", "a:\ufffe", "b:2"]
    assert (event.get_extension("traceparent"), event.get_extension("tracestate")) == ("00-x", None)
    assert json.loads(event.get_extension("metadata")) == {"k \x01": "v\x02", "tracestate": ""}
    # Within the two texts, what no text may have is escaped.
    assert not re.search("[\x00-\x1f\ufffe]", line) and "\ufffe" not in event.get_extension("tags")
    assert "\\u0001" in event.get_extension("metadata")
    assert "recordedby" not in line
