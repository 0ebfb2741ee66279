#!/usr/bin/env bash
# edtf.js 4.11.1 (npm) takes the text `20240801`, the basic form of ISO 8601 that other exports use, and returns a day of 1970:
# a text of eight digits or more is read as milliseconds since 1970. No error is raised. edtf 5.0.2 (PyPI) refuses the same text.
# For handover: a date without hyphens is refused with the spelling that is meant, and never taken for a number.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check edtf==5.0.2
npm install --silent --no-fund --no-audit edtf@4.11.1
cat > read.mjs <<'JS'
import assert from 'node:assert';
import edtf from 'edtf';
const read = edtf('20240801');
console.log('edtf.js reads 20240801 as', read.type, read.edtf);
assert.equal(read.edtf, '1970-01-01T05:37:20.801Z');
JS
node read.mjs
cat > read.py <<'PY'
from edtf import parse_edtf
from edtf.parser.edtf_exceptions import EDTFParseException

try:
    raise SystemExit(f"edtf takes it now: {parse_edtf('20240801')!r}")
except EDTFParseException:
    print("edtf (Python) refuses 20240801")
PY
venv/bin/python read.py
