#!/usr/bin/env bash
# country_converter 1.3.2 (PyPI) asks for any pandas from 1.0 on. With pandas 3.1.1, which pip chooses, its CountryConverter()
# raises TypeError before a name was looked up: empty cells of its table arrive as missing values where it expects text. With
# pandas 2.3.3 the same lines work. A script that turns names of states into codes stops after an upgrade of pandas.
# For handover: an example that prepares tables with it would have to pin pandas too.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
cat > convert.py <<'PY'
import country_converter

print(country_converter.CountryConverter().convert("Republic of Korea", to="ISO2"))
PY
for version in 2.3.3 3.1.1; do
  python3 -m venv "venv-$version"
  "venv-$version/bin/pip" install --quiet --disable-pip-version-check country_converter==1.3.2 "pandas==$version"
done
printed=$(venv-2.3.3/bin/python convert.py 2>/dev/null)
echo "pandas 2.3.3: $printed"
[ "$printed" = KR ]
if venv-3.1.1/bin/python convert.py 2> errors; then echo "pandas 3.1.1 works now" && exit 1; fi
echo "pandas 3.1.1: $(tail -1 errors)"
grep -q '^TypeError: first argument must be string or compiled pattern' errors
