"""Which metric sees what: MD frames spoilt in known ways, judged like any trajectory.

    python benchmarks/sensitivity.py REFERENCE [--docs docs/metrics.md]

REFERENCE holds molecule folders with several replicas each. Windows of the last replica are spoilt; the reference is
windows of the others, as in `egi evaluate trajectories`. Every expectation in `EXPECTED` is checked: exit code 1 where
one does not hold. Writes `sensitivity.json` and `sensitivity.md` into --results, and with --docs the table between the
markers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import bench
from eginterpolator.chemistry.features import torsion_quadruples, torsions
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.evaluation.comparison import Comparison, Reference
from eginterpolator.evaluation.kinetics import decorrelation_jsd
from eginterpolator.evaluation.loading import EvaluationConfig, molecule_folders, windows_of_folder

Windows = list[np.ndarray]
Spoil = Callable[[Molecule, Windows, np.random.Generator], Windows]
METRICS = {
    "length": "length", "angle": "angle", "torsion": "torsion", "torsion_w": "torsion W₁, °",
    "decorrelation": "decorr.", "tica_0": "TICA 0", "tica_01": "TICA 0,1", "msm": "MSM",
    "timescale": "slowest timescale / reference's", "path_valid": "valid paths", "stereo": "stereo", "valid": "valid",
    "angles_ok": "angles in range",
}  # fmt: skip
DISTRIBUTIONS = ("length", "angle", "torsion", "torsion_w", "tica_0", "tica_01", "msm")
EXPECTED: dict[str, dict[str, str]] = {
    "noise 0.01 Å": {"length": "up", "stereo": "same", "valid": "same"},
    "noise 0.03 Å": {"length": "up", "angle": "up", "stereo": "same"},
    "noise 0.1 Å": {"length": "up", "angle": "up", "torsion": "up", "valid": "down"},
    "time-shuffled": {
        **dict.fromkeys((*DISTRIBUTIONS, "stereo", "valid", "angles_ok"), "equal"),
        "decorrelation": "up", "timescale": "down", "path_valid": "down",
    },
    "mirrored": {
        "length": "equal", "angle": "equal", "valid": "equal", "angles_ok": "equal", "stereo": "zero", "torsion": "up",
    },
    "stuck in one basin": {
        "torsion": "up", "torsion_w": "up", "tica_0": "up", "tica_01": "up", "msm": "up", "stereo": "same",
        "valid": "same",
    },
}  # fmt: skip
"""What must happen to the mean over molecules, against unspoilt MD: `up` or `down` by more than 0.005, `same` within
0.005, `equal` within 1e-9, `zero`."""


def noise(sigma: float) -> Spoil:
    """Gaussian noise of standard deviation `sigma` (Å) on every coordinate."""
    return lambda molecule, windows, random: [x + random.normal(0.0, sigma, x.shape) for x in windows]


def shuffled(molecule: Molecule, windows: Windows, random: np.random.Generator) -> Windows:
    """The same frames in random order."""
    return [x[random.permutation(len(x))] for x in windows]


def mirrored(molecule: Molecule, windows: Windows, random: np.random.Generator) -> Windows:
    """Mirror images."""
    return [x * np.array([1.0, 1.0, -1.0]) for x in windows]


def stuck(molecule: Molecule, windows: Windows, random: np.random.Generator) -> Windows:
    """Only frames whose most mobile torsion is within 60 degrees of its mode, repeated to full length."""
    quadruples = torsion_quadruples(molecule)
    if not len(quadruples):
        return windows
    values = torsions(np.concatenate(windows), quadruples)
    mobile = int(np.abs(np.exp(1j * values).mean(axis=0)).argmin())
    counts, edges = np.histogram(values[:, mobile], 36, (-np.pi, np.pi))
    centre = edges[counts.argmax()] + np.pi / 36
    near = np.abs(np.angle(np.exp(1j * (values[:, mobile] - centre)))) < np.pi / 3
    kept = np.concatenate(windows)[near]
    return [np.resize(np.roll(kept, -k * len(x), axis=0), x.shape) for k, x in enumerate(windows)]


SPOILT: dict[str, Spoil] = {
    "unspoilt MD (oracle)": lambda molecule, windows, random: windows,
    "noise 0.01 Å": noise(0.01),
    "noise 0.03 Å": noise(0.03),
    "noise 0.1 Å": noise(0.1),
    "time-shuffled": shuffled,
    "mirrored": mirrored,
    "stuck in one basin": stuck,
}


def numbers(found: Comparison) -> dict[str, float | None]:
    """One number of each metric of one molecule."""
    times = found.timescales_ps
    ratio = None
    if times and times["generated"][2][0] is not None and times["reference"][2][0] is not None:
        ratio = times["generated"][2][0] / times["reference"][2][0]
    return {
        **{kind: _mean(found.jsd[kind]) for kind in ("length", "angle", "torsion")},
        "torsion_w": _mean(found.wasserstein["torsion"]),
        "tica_0": found.tica_0,
        "tica_01": found.tica_01,
        "msm": found.msm,
        "timescale": ratio,
        "path_valid": found.paths.valid if found.paths else None,
        "stereo": found.stereo_retention if found.has_stereo else None,
        "valid": found.valid,
        "angles_ok": found.checks["angles"],
    }


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def measure(folder: Path, config: EvaluationConfig, seed: int) -> dict[str, dict[str, float | None]]:
    """Spoilt how -> metric -> number, for one molecule."""
    molecule, reference, oracle = windows_of_folder(folder, config)
    known = Reference.of(molecule, reference, config.frame_ps, config.seed)
    result = {}
    for label, spoil in SPOILT.items():
        spoilt = spoil(molecule, oracle, np.random.default_rng(seed))
        times = decorrelation_jsd(known.features, spoilt, reference, config.frame_ps)  # of windows, of equal length
        result[label] = {**numbers(known.compare(spoilt, paths=True)), "decorrelation": _mean(times)}
    return result


def violations(means: dict[str, dict[str, float]]) -> list[str]:
    """Expectations that do not hold of the means over molecules."""
    plain = means["unspoilt MD (oracle)"]
    tests: dict[str, Callable[[float], bool]] = {
        "up": lambda d: d > 0.005, "down": lambda d: d < -0.005, "same": lambda d: abs(d) < 0.005,
        "equal": lambda d: abs(d) < 1e-9,
    }  # fmt: skip
    found = []
    for label, wanted in EXPECTED.items():
        for metric, what in wanted.items():
            value, before = means[label][metric], plain[metric]
            holds = value == 0 if what == "zero" else tests[what](value - before)
            if not holds:
                found.append(f"{label}: {metric} should be {what}; it went from {before:.4f} to {value:.4f}")
    return found


def table(means: dict[str, dict[str, float]]) -> str:
    """Markdown: a row for each way of spoiling; bold where it differs from unspoilt MD by more than 0.01 and 5 %."""
    plain = means["unspoilt MD (oracle)"]
    rows = []
    for label, row in means.items():
        cells = []
        for metric in METRICS:
            text = f"{row[metric]:.2f}" if metric in ("torsion_w", "timescale") else f"{row[metric]:.3f}"
            moved = abs(row[metric] - plain[metric]) > max(0.01, 0.05 * abs(plain[metric]))
            cells.append(f"**{text}**" if moved else text)
        rows.append([label, *cells])
    return bench.table(["", *METRICS.values()], rows)


def main() -> int:
    """Run the benchmark."""
    options = bench.metric_parser(__doc__).parse_args()
    run = bench.Run(f"python benchmarks/sensitivity.py REFERENCE --seed {options.seed}")
    config = EvaluationConfig(seed=options.seed)
    molecules: dict[str, Any] = {}
    for name, folder in molecule_folders(options.reference).items():
        molecules[name] = measure(folder, config, options.seed)
        print(name, flush=True)
    means: dict[str, dict[str, float]] = {}
    for label in SPOILT:
        rows = [each[label] for each in molecules.values()]
        means[label] = {m: float(np.mean([r[m] for r in rows if r[m] is not None])) for m in METRICS}
    problems = violations(means)
    result = {"means": means, "molecules": molecules, "expected": EXPECTED, "violations": problems}
    run.write_metrics(options, "sensitivity", result, table(means))
    for problem in problems:
        print(f"does not hold: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
