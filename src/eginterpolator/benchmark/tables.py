"""The tables of a study: Markdown, CSV, JSON and one HTML page."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from eginterpolator.benchmark.curves import JUDGED, picture
from eginterpolator.evaluation.published import (
    CONFORMER_METRICS,
    SOURCE,
    TRAJECTORY_METRICS,
    published_conformers,
    published_trajectories,
)
from eginterpolator.files.io import write_json, write_text

HEADS = {
    "cov_r": "COV-R, %", "mat_r": "MAT-R, Å", "cov_p": "COV-P, %", "mat_p": "MAT-P, Å", "angle": "angle",
    "length": "length", "torsion": "torsion", "tica_0": "TICA 0", "tica_01": "TICA 0,1",
    "decorrelation": "decorrelation",
}  # fmt: skip
SHARES = {"stereo_retention": "stereo retention", "valid": "valid"}
COSTS = {
    "parameters": "parameters (trained)", "updates": "updates", "samples_seen": "samples seen",
    "train_seconds": "training, s", "stage_one_seconds": "stage 1 before, s", "sample_seconds_each": "sampling, s each",
}  # fmt: skip
TITLES = {
    "unconditional": "Trajectories, unconditional: Jensen-Shannon distance to the reference",
    "forward": "Trajectories, forward simulation from a given frame: Jensen-Shannon distance to the reference",
}
CURVE_TITLES = {"loss": "held-out loss", **{name: f"JSD of {HEADS[name]}" for name in JUDGED}}
BY_ANOTHER_PROTOCOL = "by the published protocol, not to be compared with the figures above"
DASH = "–"


def write_tables(result: dict[str, Any], out: Path) -> None:
    """Write `tables.json`, `tables.md`, `tables.csv` and `tables.html` into `out`."""
    write_json(out / "tables.json", result)
    sections = [*_conformer_sections(result), *_trajectory_sections(result), *_curve_sections(result)]
    write_text(out / "tables.md", _markdown(result, sections))
    write_text(out / "tables.csv", _csv(result))
    write_text(out / "tables.html", _html(result, sections))


def _conformer_sections(result: dict[str, Any]) -> list[dict[str, Any]]:
    sections = []
    rows = [row for row in result["rows"] if row["table"] == "conformers"]
    for delta in sorted({row["delta"] for row in rows}):
        chosen = [row for row in rows if row["delta"] == delta]
        published = published_conformers(result["dataset"], delta)
        title = f"Conformers: coverage within {delta:g} Å and matching"
        section = _section(title, CONFORMER_METRICS, chosen)
        dashes = [DASH] * (len(SHARES) + 1)
        section["tables"][0][1].extend([*row, *dashes] for row in _published_rows(published, CONFORMER_METRICS))
        sections.append(section)
    return sections


def _trajectory_sections(result: dict[str, Any]) -> list[dict[str, Any]]:
    sections = []
    for table, title in TITLES.items():
        chosen = [row for row in result["rows"] if row["table"] == table]
        if chosen:
            published = published_trajectories(result["dataset"], table)
            section = _section(title, TRAJECTORY_METRICS, chosen)
            if published:
                head = [BY_ANOTHER_PROTOCOL, *(HEADS[name] for name in TRAJECTORY_METRICS)]
                section["tables"].append((head, _published_rows(published, TRAJECTORY_METRICS)))
            sections.append(section)
    return sections


def _curve_sections(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Held-out loss, and distances of snapshots to MD of held-out molecules, against processor minutes."""
    curves = result.get("curves", [])
    several = len({curve["seed"] for curve in curves}) > 1
    rows = []
    drawn: dict[str, dict[str, list[tuple[float, float]]]] = {name: {} for name in ("loss", *JUDGED)}
    for curve in curves:
        label = f"{curve['system']} (seed {curve['seed']})" if several else curve["system"]
        drawn["loss"][label] = [(point["minutes"], point["loss"]) for point in curve["loss"]]
        for name in JUDGED:
            drawn[name][label] = [(p["minutes"], p[name]) for p in curve["judged"] if name in p]
        for point in curve["judged"]:
            values = [f"{point[name]:.3f}" if name in point else DASH for name in JUDGED]
            rows.append([label, f"{point['minutes']:.1f}", f"{point['updates']:,}", *values, _molecules(point)])
    pictures = [picture(CURVE_TITLES[name], each) for name, each in drawn.items()]
    if not rows and not any(pictures):
        return []
    head = ["", "processor minutes", "updates", *(HEADS[name] for name in JUDGED), "molecules"]
    title = "Learning curves: held-out molecules of the training data"
    return [
        {
            "title": title,
            "tables": [(head, rows)] if rows else [],
            "remarks": [],
            "pictures": list(filter(None, pictures)),
        }
    ]


def _molecules(row: dict[str, Any]) -> str:
    """How many were judged, and how many failed."""
    failed = len(row["failures"])
    return f"{row['molecules']}" + (f", {failed} failed" if failed else "")


def _published_rows(published: dict[str, dict[str, Any]], metrics: tuple[str, ...]) -> list[list[str]]:
    return [
        [f"{name} ({SOURCE})", *(metric_cell(metric, figures.get(metric)) for metric in metrics)]
        for name, figures in published.items()
    ]


def _section(title: str, metrics: tuple[str, ...], rows: list[dict[str, Any]]) -> dict[str, Any]:
    several = len({row["seed"] for row in rows if row["cost"].get("parameters")}) > 1
    quality, cost = [], []
    for row in rows:
        label = f"{row['system']} (seed {row['seed']})" if several and row["cost"].get("parameters") else row["system"]
        values = [metric_cell(name, row["metrics"].get(name)) for name in metrics]
        values += [_share(row["metrics"].get(name)) for name in SHARES]
        quality.append([label, *values, _molecules(row)])
        cost.append([label, *(_cost_cell(name, row["cost"]) for name in COSTS), row["note"] or DASH])
    learned = [
        f"{row['system']} (seed {row['seed']}): learned α of coordinates and of features: "
        + "; ".join(f"{name} {', '.join(f'{a:.3f}' for a in pair)}" for name, pair in row["cost"]["alpha"].items())
        for row in rows
        if row["cost"].get("alpha")
    ]
    failures = [
        f"failed: {row['system']} (seed {row['seed']}): {name}: {reason}"
        for row in rows
        for name, reason in row["failures"].items()
    ]
    return {
        "title": title,
        "tables": [
            (["", *(HEADS[name] for name in metrics), *SHARES.values(), "molecules"], quality),
            (["", *COSTS.values(), "differs from the published setting"], cost),
        ],
        "remarks": [*learned, *failures],
    }


def metric_cell(name: str, value: dict[str, Any] | None) -> str:
    """mean / median (95 % interval of the mean), coverage in per cent."""
    if not value:
        return DASH
    scale, digits = (100.0, 1) if name.startswith("cov") else (1.0, 3)
    text = " / ".join(f"{scale * value[key]:.{digits}f}" for key in ("mean", "median") if key in value)
    if value.get("mean_95"):
        low, high = (scale * bound for bound in value["mean_95"])
        text += f" ({low:.{digits}f}–{high:.{digits}f})"
    return text


def _share(value: float | None) -> str:
    return DASH if value is None else f"{value:.4f}"


def _cost_cell(name: str, cost: dict[str, Any]) -> str:
    value = cost.get(name)
    if value is None or (name == "stage_one_seconds" and not value):
        return DASH
    if name == "parameters":
        trained = cost["trained_parameters"]
        return f"{value:,}" + (f" ({trained:,})" if trained != value else "")
    if name == "samples_seen" and cost.get("frames_a_sample", 1) > 1:
        return f"{value:,} × {cost['frames_a_sample']} frames"
    if name == "sample_seconds_each":
        length = f" for {cost['ns_each']:.3g} ns" if "ns_each" in cost else ""
        return f"{value:.3g}{length}"
    return f"{value:,.0f}"


def notes(result: dict[str, Any]) -> list[str]:
    """What the numbers are, and what made them."""
    lines = [
        "Mean / median, in brackets the 95 % bootstrap interval of the mean over molecules. Conformers: over "
        "molecules, a failed one with coverage 0 and without MAT. Trajectories: over (molecule, feature) pairs, "
        "smaller is better.",
        f"Fairness: {result['fairness']}",
        "Published rows are over other molecules and references: compare a row with the oracle of its own table.",
        f"Command: `{result['command']}`; seeds {', '.join(map(str, result['seeds']))}.",
        "Machine: " + ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in result["machine"].items()) + ".",
        "Versions: " + ", ".join(f"{key} {value}" for key, value in result["versions"].items()) + ".",
    ]
    for label, key in (("Reference", "references_sha256"), ("Trained on", "stores_sha256")):
        lines += [f"{label} {name}: SHA-256 {digest}" for name, digest in result[key].items()]
    if result["dry_run"]:
        lines.insert(0, "DRY RUN: two updates and two sampling steps of each system; no figure means anything.")
    return lines


def _markdown(result: dict[str, Any], sections: list[dict[str, Any]]) -> str:
    parts = [f"# {result['study']}", ""]
    for section in sections:
        parts += [f"## {section['title']}", ""]
        parts += [line for head, rows in section["tables"] for line in (_markdown_table(head, rows), "")]
        parts += [f"- {text}" for text in section["remarks"]] + [""] * bool(section["remarks"])
    parts += ["## How it was made", "", *(f"- {line}" for line in notes(result)), ""]
    return "\n".join(parts)


def _markdown_table(head: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)])


def _csv(result: dict[str, Any]) -> str:
    metrics = [*CONFORMER_METRICS, *TRAJECTORY_METRICS]
    columns = ["system", "table", "delta", "seed", "molecules", "failed"]
    columns += [f"{name}_{kind}" for name in metrics for kind in ("mean", "median", "low", "high")]
    costs = (
        "parameters", "trained_parameters", "updates", "samples_seen", "frames_a_sample", "train_seconds",
        "train_cpu_seconds", "stage_one_seconds", "stage_one_samples", "samples", "sample_seconds",
        "sample_seconds_each", "ns_each",
    )  # fmt: skip
    columns += [*SHARES, *costs, "note"]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    for row in result["rows"]:
        values = {key: row[key] for key in ("system", "table", "delta", "seed", "molecules", "note")}
        values["failed"] = len(row["failures"])
        for name in metrics:
            found = row["metrics"].get(name) or {}
            low, high = found.get("mean_95") or ("", "")
            values |= {f"{name}_mean": found.get("mean", ""), f"{name}_median": found.get("median", "")}
            values |= {f"{name}_low": low, f"{name}_high": high}
        values |= {name: row["metrics"].get(name) for name in SHARES}
        values |= {name: row["cost"].get(name, "") for name in costs}
        writer.writerow(values)
    return buffer.getvalue()


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ result.study }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; color: #1b2430; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0 0 1.2rem; }
th, td { padding: .3rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #dde3ea; }
th:first-child, td:first-child { text-align: left; } th { border-bottom: 2px solid #8794a3; }
tr.published { color: #5d6b7a; } h1, h2 { font-weight: 600; } li { overflow-wrap: anywhere; }
</style></head><body>
<h1>{{ result.study }}</h1>
{% for section in sections %}
<h2>{{ section.title }}</h2>
{% for head, rows in section.tables %}
<div class="wide"><table><thead><tr>{% for cell in head %}<th>{{ cell }}</th>{% endfor %}</tr></thead><tbody>
{% for row in rows %}<tr{% if source in row[0] %} class="published"{% endif %}>
{%- for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% endfor %}
{% for drawn in section.pictures or () %}<div class="wide">{{ drawn | safe }}</div>{% endfor %}
{% if section.remarks %}<ul>{% for text in section.remarks %}<li>{{ text }}</li>{% endfor %}</ul>{% endif %}
{% endfor %}
<h2>How it was made</h2>
<ul>{% for line in notes %}<li>{{ line }}</li>{% endfor %}</ul>
</body></html>
"""


def _html(result: dict[str, Any], sections: list[dict[str, Any]]) -> str:
    from jinja2 import Environment

    page = Environment(autoescape=True).from_string(_PAGE)
    return page.render(result=result, sections=sections, notes=notes(result), source=SOURCE)
