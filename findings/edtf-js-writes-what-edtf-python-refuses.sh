#!/usr/bin/env bash
# edtf.js 4.11.1 (npm) writes every time of day with milliseconds: `2024-08-01T12:30:00Z` comes out as
# `2024-08-01T12:30:00.000Z`. edtf 5.0.2 and edtf-validate 2.0.0 (PyPI) refuse a fraction of a second, which EDTF level 0 does
# not have. So a date-time that both read no longer passes once it has gone through the JavaScript library.
# For handover: a time of day is kept as it was given, and a fraction is taken where a time of day may stand.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check edtf==5.0.2 edtf-validate==2.0.0
npm install --silent --no-fund --no-audit edtf@4.11.1
cat > write.mjs <<'JS'
import edtf from 'edtf';
process.stdout.write(edtf('2024-08-01T12:30:00Z').edtf);
JS
cat > read.py <<'PY'
import sys
from edtf import parse_edtf
from edtf.parser.edtf_exceptions import EDTFParseException
from edtf_validate.valid_edtf import is_valid

def taken(text):
    try:
        parse_edtf(text)
        return True
    except EDTFParseException:
        return False

given, written = "2024-08-01T12:30:00Z", sys.argv[1]
print("given  ", given, "edtf takes it:", taken(given), "edtf-validate:", is_valid(given))
print("written", written, "edtf takes it:", taken(written), "edtf-validate:", is_valid(written))
assert written == "2024-08-01T12:30:00.000Z", written
assert taken(given) and is_valid(given)
assert not taken(written) and not is_valid(written)
PY
venv/bin/python read.py "$(node write.mjs)"
