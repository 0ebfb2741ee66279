#!/usr/bin/env bash
# The CloudEvents SDK for JavaScript 10.0.0 keeps the `time` of an event as given in memory, and writes another text when the
# event is serialised: the offset becomes UTC and all beyond milliseconds is cut. The SDK for Python 2.2.0 keeps the offset and
# cuts beyond microseconds. The moment stays the same to the millisecond; the text does not. Two events of one millisecond can
# no longer be ordered by `time`, and an event that was relayed differs from the one that was sent.
# For handover: order and identity of an exported event are its position and id, and never its time.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check cloudevents==2.2.0
npm install --silent --no-fund --no-audit cloudevents@10.0.0
cat > write.mjs <<'JS'
import assert from 'node:assert';
import { CloudEvent } from 'cloudevents';
const time = '2024-08-01T12:30:00.123456789+03:00';
const event = new CloudEvent({ id: '1', source: '/log', type: 'demo.noted', time });
console.log('JavaScript', event.time, '->', JSON.parse(JSON.stringify(event)).time);
assert.equal(event.time, time);
assert.equal(JSON.parse(JSON.stringify(event)).time, '2024-08-01T09:30:00.123Z');
JS
node write.mjs
cat > write.py <<'PY'
import json
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

time = "2024-08-01T12:30:00.123456789+03:00"
given = {"specversion": "1.0", "id": "1", "source": "/log", "type": "demo.noted", "time": time}
event = JSONFormat().read(CloudEvent, json.dumps(given).encode())
written = json.loads(JSONFormat().write(event))["time"]
print("Python    ", time, "->", written)
assert written == "2024-08-01T12:30:00.123456+03:00", written
PY
venv/bin/python write.py
