#!/usr/bin/env bash
# pycountry 26.2.16 (PyPI): `countries.search_fuzzy("Republic of Korea")` returns the Democratic People's Republic, KP, and
# nothing else, though "Republic of Korea" is the official English name of KR. The words are found inside the longer name, and
# KR's own name is spelled with a comma. "Republic of China" gives CN, "Kosovo" gives RS, and "Turkey" raises LookupError.
# For handover: names of states come in by lists that were checked, with a hint where a name is near, and never by such a search.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pycountry==26.2.16
cat > search.py <<'PY'
import pycountry

def found(name):
    try:
        return [country.alpha_2 for country in pycountry.countries.search_fuzzy(name)]
    except LookupError:
        return "LookupError"

expected = {"Republic of Korea": ["KP"], "Republic of China": ["CN"], "Kosovo": ["RS"], "Turkey": "LookupError"}
for name, codes in expected.items():
    print(f"{name:20} {found(name)}")
    assert found(name) == codes, (name, found(name))
print("official name of KR: ", pycountry.countries.get(alpha_2="KR").name)
PY
venv/bin/python search.py
