"""What deploy/ builds and says: the Debian package, its unit, and the recipe of the container.

The package is built of the debug binary, which every other test has built already.
"""

import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys

import pytest
from conftest import ROOT, TARGET

UNIT = ROOT / "deploy" / "systemd" / "handover.service"
# Tenths of what systemd calls exposure: 0 is the least, 100 the most.
EXPOSURE = 25
needs = {
    name: pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not here")
    for name in ["dpkg-shlibdeps", "systemd-analyze", "systemd-sysusers"]
}


def run(*command, **keywords):
    """Runs to a good end; both outputs."""
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, **keywords)
    assert done.returncode == 0, (command, done.stdout)
    return done.stdout


def build(folder):
    """Builds the package, which is not compressed: it is unpacked at once."""
    environment = dict(os.environ, COMPRESSION="none")
    return pathlib.Path(run(ROOT / "deploy" / "debian" / "build", "debug", folder, env=environment).splitlines()[-1])


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return build(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def root(package, tmp_path_factory):
    """The package, unpacked."""
    folder = tmp_path_factory.mktemp("root")
    run("dpkg-deb", "-x", package, folder)
    return folder


@needs["dpkg-shlibdeps"]
def test_the_package_has_its_files_with_their_modes_and_no_others_may_write(root):
    expected = {
        "usr/bin/handover": 0o755,
        "usr/lib/systemd/system/handover.service": 0o644,
        "usr/lib/sysusers.d/handover.conf": 0o644,
        "usr/lib/tmpfiles.d/handover.conf": 0o644,
        "etc/handover/handover.toml": 0o644,
        "usr/share/man/man1/handover-serve.1.gz": 0o644,
        "usr/share/bash-completion/completions/handover": 0o644,
        "usr/share/fish/vendor_completions.d/handover.fish": 0o644,
        "usr/share/zsh/vendor-completions/_handover": 0o644,
        "usr/share/doc/handover/CONFIGURATION.md": 0o644,
        "usr/share/doc/handover/OPERATIONS.md": 0o644,
        "usr/share/doc/handover/BACKUP.md": 0o644,
        "usr/share/doc/handover/TROUBLE.md": 0o644,
        "usr/share/handover/alerts.yml": 0o644,
        "usr/share/handover/dashboard.json": 0o644,
        "usr/share/doc/handover/copyright": 0o644,
    }
    assert {name: stat.S_IMODE((root / name).stat().st_mode) for name in expected} == expected
    for path in root.rglob("*"):
        assert not path.stat().st_mode & 0o022, f"{path} can be written by others"
    # A page refers to pages that are there.
    pages = {path.name for path in (root / "usr/share/man/man1").iterdir()}
    named = re.findall(r"man:([\w-]+)\(1\)", UNIT.read_text())
    assert named and {f"{name}.1.gz" for name in named} <= pages


@needs["dpkg-shlibdeps"]
def test_the_packaged_binary_starts_with_the_packaged_settings(root):
    binary = root / "usr/bin/handover"
    version = re.search(r'^\[workspace\.package\]\nversion = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    assert run(binary, "--version") == f"handover {version}\n"
    settings = root / "etc/handover/handover.toml"
    assert run(binary, "config", "check", "--config", settings) == "the settings are right\n"
    # What is proposed in comments is right as well, but for the files that it names.
    proposed = re.sub(r"^# (?=[\w-]+ = )", "", settings.read_text(), flags=re.MULTILINE)
    (root / "proposed.toml").write_text(proposed)
    shown = run(binary, "config", "show", "--config", root / "proposed.toml", "--output", "jsonl")
    given = {line["key"] for line in map(json.loads, shown.splitlines()) if line["from"] == "file"}
    access = {"tls-cert", "tls-key", "tls-client-ca", "policy", "tokens"}
    assert given == {"data", "listen", "metrics-listen", *access}


@needs["dpkg-shlibdeps"]
def test_the_package_says_what_it_needs_and_keeps_what_operators_change(package, tmp_path):
    run("dpkg-deb", "-e", package, tmp_path)
    control = (tmp_path / "control").read_text()
    assert re.search(r"^Depends: .*libc6 \(>= ", control, re.MULTILINE), control
    assert (tmp_path / "conffiles").read_text() == "/etc/handover/handover.toml\n"
    for script in ["postinst", "prerm", "postrm"]:
        run("sh", "-n", tmp_path / script)
        assert not re.search(r"\brm\b", (tmp_path / script).read_text()), "no script removes a record"


@needs["dpkg-shlibdeps"]
def test_the_same_binary_gives_the_same_package(package, tmp_path):
    assert build(tmp_path).read_bytes() == package.read_bytes()


@needs["dpkg-shlibdeps"]
@needs["systemd-analyze"]
def test_the_unit_is_right_and_hardened(root, tmp_path):
    text = (root / "usr/lib/systemd/system/handover.service").read_text()
    unit = tmp_path / "handover.service"
    unit.write_text(text.replace("/usr/bin/handover", str(root / "usr/bin/handover")))
    # An unknown key is an output, and no failure.
    assert run("systemd-analyze", "verify", "--man=no", unit) == ""
    run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", unit)


@needs["systemd-sysusers"]
def test_the_user_of_the_unit_is_made(tmp_path):
    (tmp_path / "etc").mkdir()
    run("systemd-sysusers", f"--root={tmp_path}", ROOT / "deploy" / "systemd" / "sysusers.conf")
    user = re.search(r"^User=(.*)$", UNIT.read_text(), re.MULTILINE)[1]
    fields = (tmp_path / "etc" / "passwd").read_text().strip().split(":")
    assert (fields[0], fields[5:]) == (user, ["/var/lib/handover", "/usr/sbin/nologin"])


def test_the_list_of_packages_has_what_is_in_the_binary_and_is_the_same_each_time():
    script = ROOT / "deploy" / "sbom"
    text = subprocess.run([script], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert subprocess.run([script], check=True, stdout=subprocess.PIPE, text=True).stdout == text
    assert str(ROOT) not in text
    bom = json.loads(text)
    scopes = {component["name"]: component["scope"] for component in bom["components"]}
    assert (scopes["sled"], scopes["tonic"], scopes["ring"]) == ("required",) * 3
    # What compiles the protos, and what writes code, is not in the binary. Tests and other members are not listed.
    assert (scopes["protox"], scopes["prost-derive"]) == ("excluded",) * 2
    assert not {"proptest", "rcgen", "clap_mangen", "histogram"} & set(scopes)
    for component in bom["components"]:
        assert re.fullmatch("[0-9a-f]{64}", component["hashes"][0]["content"]), component
        assert component["licenses"][0]["expression"], component
    known = {component["bom-ref"] for component in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
    for dependency in bom["dependencies"]:
        assert {dependency["ref"], *dependency["dependsOn"]} <= known, dependency


def instructions():
    """The instructions of the container's recipe, each with its words."""
    text = re.sub(r"^#.*\n", "", (ROOT / "deploy" / "Containerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [line.split(None, 1) for line in lines if line.strip()]


def test_the_recipe_of_the_container_is_well_formed():
    hadolint = pathlib.Path(sys.executable).with_name("hadolint")
    assert run(hadolint, "--no-color", ROOT / "deploy" / "Containerfile") == ""


def test_the_container_is_not_root_and_has_one_volume():
    """Reads the recipe: no test builds the image, for that needs a container engine."""
    found = instructions()
    known = "FROM RUN WORKDIR COPY USER ENV VOLUME EXPOSE STOPSIGNAL ENTRYPOINT".split()
    assert {word for word, _ in found} <= set(known)
    of = lambda word: [rest for name, rest in found if name == word]
    assert of("USER") == ["65532:65532"] and of("VOLUME") == ["/var/lib/handover"]
    assert json.loads(of("ENTRYPOINT")[0]) == ["/usr/bin/handover", "serve"]
    # What is copied from the clone is there, and is all that a build needs.
    for rest in of("COPY"):
        if not rest.startswith("--from"):
            assert all((ROOT / name).exists() for name in rest.split()[:-1]), rest
    members = re.search(r"^members = (\[.*\])$", (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    copied = {name for rest in of("COPY") for name in rest.split()}
    assert set(json.loads(members)) <= copied, "a member of the workspace is not copied"
    (toolchain,) = re.findall(r'^channel = "(\d+\.\d+)', (ROOT / "rust-toolchain.toml").read_text(), re.MULTILINE)
    assert of("FROM")[0].startswith(f"rust:{toolchain}-"), "the compiler is that of rust-toolchain.toml"
