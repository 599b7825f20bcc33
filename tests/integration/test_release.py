"""What is released: a source archive, and a wheel that runs where there is no repository."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from eginterpolator.kernels.library import kinds
from tests.builders import ROOT

LARGEST = 20_000_000
"""Bytes of a wheel; the weights are most of it."""


def run(*command: object, **settings: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **settings)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Folder with the source archive of the committed and changed files, and the wheel that is made of it."""
    # `make test` installs [dev], so there the archives are built; nothing else of the package needs it
    if not importlib.util.find_spec("build"):
        pytest.skip("the package build is not installed; it comes with the extra [dev]")
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT)
    return out


@pytest.mark.slow
def test_the_archives_hold_the_package_and_nothing_else(built):
    (wheel,), (source,) = built.glob("*.whl"), built.glob("*.tar.gz")
    names = zipfile.ZipFile(wheel).namelist()
    inside = {name.split("/", 1)[1] for name in names if name.startswith("eginterpolator/")}
    package = ROOT / "src" / "eginterpolator"
    files = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    assert inside == {name for name in files if "__pycache__" not in name and not name.startswith("report/vendor")}
    assert {name.split("/")[0].split("-")[0] for name in names} == {"eginterpolator"}
    assert any(name.endswith("licenses/docs/licences.md") for name in names) and wheel.stat().st_size < LARGEST
    archived = {name.split("/", 1)[1] for name in tarfile.open(source).getnames() if "/" in name}
    assert {"pyproject.toml", "README.md", "LICENSE", "docs/licences.md"} <= archived
    assert not [name for name in archived if name.startswith(("tests", "datasets", "benchmarks"))]
    metadata = zipfile.ZipFile(wheel).read(next(name for name in names if name.endswith("METADATA"))).decode()
    assert "License-Expression: MIT" in metadata and "Provides-Extra: docs" in metadata


def installed(wheel: Path, folder: Path, env: dict[str, str]) -> tuple[Path, Path]:
    """Programs and packages of an environment with this one's dependencies, and of eginterpolator a wheel alone."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel, env=env)
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", env=env).strip())
    # a path in a .pth file: the packages there are found, an editable eginterpolator there is not
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent, packages


@pytest.mark.slow
def test_a_wheel_with_libraries_needs_no_compiler(tmp_path):
    """As cibuildwheel makes it, but for auditwheel: libraries, tag, and a run whose kernels are those of the wheel."""
    kind = next((name for name in ("avx512", "avx2", "neon") if name in kinds()), None)
    # `make test` installs [dev]; a wheel has no libraries for other processors, nor is one made without a compiler
    if kind is None or shutil.which("g++") is None or not importlib.util.find_spec("build"):
        pytest.skip("no kernels for this processor, no C++ compiler, or no package build here")
    tree = tmp_path / "tree"
    for name in run("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).splitlines():
        if (ROOT / name).is_file() and not name.startswith(("tests/", "benchmarks/", "datasets/")):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    out = tree / "src" / "eginterpolator" / "prebuilt"
    run(sys.executable, tree / "wheels" / "prebuild.py", "--out", out, "--only", f"kernels-{kind}")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, tree)
    (wheel,) = tmp_path.glob("*.whl")
    assert "-py3-none-linux_" in wheel.name
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    programs, packages = installed(wheel, tmp_path / "env", plain)
    assert len(list((packages / "eginterpolator" / "prebuilt").glob("kernels-*.so"))) == 1
    bare = {**plain, "CXX": "no-compiler", "XDG_CACHE_HOME": str(tmp_path / "cache"), "EGI_KERNELS": kind}
    command = ["generate", "CCO", "--frames", "12", "--out", "out", "--precision", "fp32", "--clock", "network"]
    run(programs / "egi", *command, cwd=tmp_path, env=bare)
    assert json.loads((tmp_path / "out" / "CCO" / "meta.json").read_text())["kernels"] is True


@pytest.mark.slow
def test_the_wheel_runs_in_an_empty_folder(built, tmp_path):
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    programs, packages = installed(*built.glob("*.whl"), tmp_path / "env", plain)
    python = programs / "python"
    empty = tmp_path / "empty"
    empty.mkdir()
    home = run(python, "-c", "import eginterpolator; print(eginterpolator.__file__)", cwd=empty, env=plain).strip()
    assert Path(home).is_relative_to(packages)
    command = ["generate", "CCO", "--frames", "12", "--out", "out", "--precision", "fp32"]
    run(programs / "egi", *command, cwd=empty, env=plain)
    assert {path.name for path in (empty / "out" / "CCO").iterdir()} >= {
        "trajectory_000.xtc",
        "meta.json",
        "molecule.sdf",
    }
    assert (empty / "out" / "report.html").stat().st_size > 1_000_000
