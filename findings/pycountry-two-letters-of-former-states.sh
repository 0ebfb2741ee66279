#!/usr/bin/env bash
# pycountry 26.2.16 (PyPI): two letters do not name a former state. `historic_countries.get(alpha_2="CS")` returns Serbia and
# Montenegro alone, and says nothing of Czechoslovakia, which had the same letters until 1993. Five other former states have
# letters that belong to somewhere else today: BY, GE, SK, AI and BQ. The four letters of ISO 3166-3 are unique.
# For handover: former states are written with four letters (CSHH, SUHH, DDDE), as a party of an exchange too.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pycountry==26.2.16
cat > former.py <<'PY'
from collections import Counter
import pycountry

former = list(pycountry.historic_countries)
print("get(alpha_2='CS'):", pycountry.historic_countries.get(alpha_2="CS").alpha_4)
print("all with CS:", [state.alpha_4 for state in former if state.alpha_2 == "CS"])
again = {s.alpha_4: pycountry.countries.get(alpha_2=s.alpha_2).name for s in former if pycountry.countries.get(alpha_2=s.alpha_2)}
print("letters in use again:", again)
assert pycountry.historic_countries.get(alpha_2="CS").alpha_4 == "CSXX"
assert [state.alpha_4 for state in former if state.alpha_2 == "CS"] == ["CSHH", "CSXX"]
assert sorted(again) == ["AIDJ", "BQAQ", "BYAA", "GEHH", "SKIN"]
assert max(Counter(state.alpha_4 for state in former).values()) == 1
PY
venv/bin/python former.py
