"""The published figures (arXiv 2604.03911, as in SPEC section 6), in the units of our tables."""

from __future__ import annotations

from typing import Any

SOURCE = "published, arXiv 2604.03911"
CONFORMER_METRICS = ("cov_r", "mat_r", "cov_p", "mat_p")
TRAJECTORY_METRICS = ("angle", "length", "torsion", "tica_0", "tica_01", "decorrelation")

_CONFORMERS = {
    "qm9": {
        "ConfGF": "88.49/94.31 .2673/.2685 46.43/43.41 .5224/.5124",
        "GeoDiff-A": "90.54/94.61 .2104/.2021 52.35/50.10 .4539/.4399",
        "BasicES": "80.38/82.12 .2819/.2941 58.83/55.13 .4298/.4230",
    },
    "drugs": {
        "ConfGF": "62.15/70.93 1.1629/1.1596 23.42/15.52 1.7219/1.6863",
        "GeoDiff-A": "88.36/96.09 .8704/.8628 60.14/61.25 1.1864/1.1391",
        "BasicES": "93.15/100.0 .7932/.7812 69.68/76.35 1.0837/1.0381",
    },
}
_PUBLISHED_DELTA = {"qm9": 0.5, "drugs": 1.25}
_TRAJECTORIES = {
    ("qm9", "unconditional"): {
        "MD oracle": ".042/.028 .032/.031 .192/.134 .318/.291 .413/.394",
        "AR+EGNN": ".702/.677 .770/.780 .702/.761 .770/.788 .820/.824",
        "AR+ET": ".705/.746 .680/.721 .553/.586 .568/.562 .783/.786",
        "GeoTDM": ".691/.690 .676/.670 .489/.527 .449/.453 .691/.694",
        "EGInterpolator": ".305/.292 .210/.188 .363/.380 .417/.406 .636/.642 .607/.727",
    },
    ("drugs", "forward"): {
        "MD oracle": ".036/.023 .030/.028 .215/.131 .484/.494 .610/.630",
        "AR+EGNN": ".663/.655 .748/.784 .723/.741 .716/.731 .806/.821",
        "AR+ET": ".765/.766 .733/.745 .526/.533 .565/.558 .791/.795",
        "GeoTDM": ".640/.645 .643/.645 .498/.503 .531/.550 .712/.720",
        "EGInterpolator": ".173/.153 .142/.112 .377/.388 .454/.441 .650/.644 .670/.794",
    },
}
_WITHOUT_PRETRAINING: dict[tuple[str, str], dict[str, dict[str, float]]] = {
    ("qm9", "unconditional"): {
        "angle": {"mean": 0.538}, "length": {"mean": 0.583}, "torsion": {"mean": 0.441, "median": 0.494},
        "decorrelation": {"mean": 0.619, "median": 0.718},
    },
    ("drugs", "forward"): {
        "angle": {"mean": 0.332}, "length": {"mean": 0.386}, "torsion": {"mean": 0.455},
        "decorrelation": {"mean": 0.720, "median": 0.833},
    },
}  # fmt: skip


def published_conformers(dataset: str, delta: float) -> dict[str, dict[str, Any]]:
    """Metrics of each published row as {mean, median}, coverage as shares; none at another threshold `delta` (Å)."""
    if _PUBLISHED_DELTA.get(dataset) != delta:
        return {}
    rows = {}
    for name, text in _CONFORMERS[dataset].items():
        row = _row(text, CONFORMER_METRICS)
        for metric in ("cov_r", "cov_p"):
            row[metric] = {key: round(value / 100, 4) for key, value in row[metric].items()}
        rows[name] = row
    return rows


def published_trajectories(dataset: str, table: str) -> dict[str, dict[str, Any]]:
    """Metrics of each published row as {mean, median}; none for a task that was not published."""
    rows = {name: _row(text, TRAJECTORY_METRICS) for name, text in _TRAJECTORIES.get((dataset, table), {}).items()}
    if (dataset, table) in _WITHOUT_PRETRAINING:
        rows["EGInterpolator -N"] = dict(_WITHOUT_PRETRAINING[dataset, table])
    return rows


def published_beside(dataset: str = "qm9") -> dict[str, dict[str, Any]]:
    """The two published rows that stand beside our own trajectories, by label: generated, and the MD oracle.

    Unconditional trajectories of `qm9`, forward simulation of `drugs`.
    """
    task, label = {"qm9": ("unconditional", "QM9"), "drugs": ("forward", "Drugs")}[dataset]
    rows = published_trajectories(dataset, task)
    return {
        f"EGInterpolator, arXiv 2604.03911, {label}": rows["EGInterpolator"],
        "its MD oracle, in explicit water": rows["MD oracle"],
    }


def _row(text: str, metrics: tuple[str, ...]) -> dict[str, dict[str, float]]:
    values = [tuple(float(part) for part in cell.split("/")) for cell in text.split()]
    return {name: {"mean": mean, "median": median} for name, (mean, median) in zip(metrics, values, strict=False)}
