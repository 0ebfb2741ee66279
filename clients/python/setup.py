"""Makes the stubs of the protos while the package is built; pyproject.toml has everything else.

The protos lie beside this file in a source distribution, and in proto/ of a clone.
"""

import pathlib
import shutil
import subprocess
import sys

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = pathlib.Path(__file__).resolve().parent
OWN, OF_A_CLONE = HERE / "proto", HERE.parents[1] / "proto"


def protos() -> pathlib.Path:
    """The folder with the protos."""
    found = next((folder for folder in (OWN, OF_A_CLONE) if folder.is_dir()), None)
    if found is None:
        sys.exit(f"the protos are neither in {OWN} nor in {OF_A_CLONE}")
    return found


def generate(out: pathlib.Path) -> None:
    """Writes the messages, the stubs and their types below a folder."""
    folder = protos()
    files = sorted(str(path) for path in folder.rglob("*.proto"))
    flags = [f"--{kind}_out={out}" for kind in ("python", "grpc_python")]
    flags += [f"--{kind}_out=quiet:{out}" for kind in ("mypy", "mypy_grpc")]
    # The plugin for types is a module, which needs no place on the path.
    plugins = {"mypy": "main", "mypy_grpc": "grpc"}
    for name, function in plugins.items():
        plugin = out / f"protoc-gen-{name}"
        plugin.write_text(f"#!{sys.executable}\nfrom mypy_protobuf.main import {function}\n{function}()\n")
        plugin.chmod(0o755)
        flags.append(f"--plugin=protoc-gen-{name}={plugin}")
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", *flags, *files], check=True)
    for name in plugins:
        (out / f"protoc-gen-{name}").unlink()
    (out / "handover" / "v1" / "__init__.py").write_text('"""The messages and services, made of the protos."""\n')


class BuildPy(build_py):
    """Adds the stubs to what is built."""

    def run(self) -> None:
        super().run()
        # An editable installation has the stubs in the sources, where they are ignored.
        out = HERE / "src" if self.editable_mode else pathlib.Path(self.build_lib).resolve()
        generate(out)


class Sdist(sdist):
    """Brings the protos, which lie outside of the package's folder in a clone."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        shutil.copytree(protos(), pathlib.Path(base_dir) / "proto", dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildPy, "sdist": Sdist})
