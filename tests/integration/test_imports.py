"""What an import brings along, and the names that a package promises."""

from __future__ import annotations

import subprocess
import sys

import pytest


def test_evaluation_imports_no_torch():
    code = (
        "import sys, eginterpolator.evaluation.trajectories, eginterpolator.evaluation.conformers;"
        "sys.exit('torch' in sys.modules or 'deeptime' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


NOT_NEEDED = (
    "scipy.signal", "scipy.ndimage", "scipy.stats", "scipy.spatial", "scipy.linalg", "pandas", "h5py",
    "deeptime", "sklearn", "lightning", "torch._dynamo", "torch._inductor", "distributed",
    "dask", "openff", "openmm.app", "pymbar", "MDAnalysis", "ase", "matplotlib", "rdkit.Chem.Descriptors",
    "rdkit.Chem.AllChem",
    "eginterpolator.generation.clock", "eginterpolator.generation.thermalise",
    "eginterpolator.simulation.api", "eginterpolator.evaluation.msm", "eginterpolator.training.run",
)  # fmt: skip
"""Of `egi generate` of a molecule: each takes from .02 to 1 s to import."""


@pytest.mark.parametrize("smiles", ["CCO", "CC[C@H](O)CO"])
def test_generation_imports_only_what_it_needs(smiles, tiny_folder, tmp_path):
    code = (
        "import sys; from eginterpolator.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"  # random weights make no valid frame
        f"print('imported:', *[name for name in {NOT_NEEDED} if name in sys.modules])"
    )
    words = ("generate", smiles, "--frames", "8", "--model", str(tiny_folder), "--out", str(tmp_path / "out"), "-q")
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert (tmp_path / "out" / "report.html").is_file(), done.stderr
    assert done.stdout.splitlines()[-1].strip() == "imported:"


def test_names_of_the_package_are_there():
    from eginterpolator import evaluation

    assert all(getattr(evaluation, name) is not None for name in evaluation.__all__)
    with pytest.raises(AttributeError):
        evaluation.nothing  # noqa: B018
