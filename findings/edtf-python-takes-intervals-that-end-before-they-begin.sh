#!/usr/bin/env bash
# edtf 5.0.2 (PyPI) parses `2024-08-01/2024-07-01`, an interval whose end lies before its beginning. Its lower bound is then
# later than its upper bound, so that no date is in it. edtf-validate 2.0.0 (PyPI) calls the text invalid, and edtf.js 4.11.1
# (npm) raises a RangeError. A table that was checked by parsing it with edtf alone can hold such dates.
# For handover: such an interval is refused as an occurrence, also where another tool has accepted it.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check edtf==5.0.2 edtf-validate==2.0.0
npm install --silent --no-fund --no-audit edtf@4.11.1
cat > read.py <<'PY'
from edtf import parse_edtf
from edtf_validate.valid_edtf import is_valid

text = "2024-08-01/2024-07-01"
found = parse_edtf(text)
lower, upper = found.lower_strict(), found.upper_strict()
print("edtf:", found, "from", lower[:3], "to", upper[:3])
print("edtf-validate:", is_valid(text))
assert tuple(lower[:3]) > tuple(upper[:3])
assert not is_valid(text)
PY
venv/bin/python read.py
cat > read.mjs <<'JS'
import assert from 'node:assert';
import edtf from 'edtf';
assert.throws(() => edtf('2024-08-01/2024-07-01'), RangeError);
console.log('edtf.js: RangeError');
JS
node read.mjs
