#!/usr/bin/env bash
# cargo-mutants 27.1.0: `--re` and `--exclude-re` choose mutants by their names, but those that delete a field of a struct
# expression are listed whatever the patterns are. One would expect only names that fit the first and do not fit the second.
# For handover: tests/mutants, which tries the mutants of one function at a time, names files besides and filters the list itself.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
cargo install --quiet --locked --debug --root "$folder/tools" cargo-mutants@27.1.0
mkdir -p crate/src && cd crate
cat > Cargo.toml <<'TOML'
[package]
name = "legs"
version = "0.0.0"
edition = "2024"
TOML
cat > src/lib.rs <<'RUST'
#[derive(Default)]
pub struct Leg {
    pub from: u32,
    pub count: u32,
}
pub fn leg(count: u32) -> Leg {
    Leg { count, ..Leg::default() }
}
pub fn total(first: u32, second: u32) -> u32 {
    first + second
}
RUST
mutants() { "$folder/tools/bin/cargo-mutants" mutants --list --colors never "$@"; }
field="delete field count from struct Leg expression in leg"
echo "by --re 'replace [+]':" && mutants --re 'replace [+]' | tee ../chosen
echo "by --exclude-re 'delete field|replace':" && mutants --exclude-re 'delete field|replace' | tee ../left
[ "$(grep -c "replace [+] with" ../chosen)" -eq 2 ] && [ "$(wc -l <../chosen)" -eq 3 ] && grep -q "$field" ../chosen
[ "$(wc -l <../left)" -eq 1 ] && grep -q "$field" ../left
