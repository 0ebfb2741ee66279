"""What export writes as CloudEvents is read by the SDK of those who made the specification."""

import json
from datetime import timezone

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from test_examples import handover


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
