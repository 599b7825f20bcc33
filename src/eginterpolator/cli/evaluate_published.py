"""`egi evaluate trajectories --protocol qm9|drugs`: what the published protocol fixes, and the table it prints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eginterpolator.cli.metric_tables import print_table
from eginterpolator.errors import InputError

if TYPE_CHECKING:
    from eginterpolator.data.readers.base import ImportOptions
    from eginterpolator.evaluation.published_protocol.folders import PublishedEvaluation
    from eginterpolator.jobs.tasks import Workers

COLUMNS = {
    "length": "length", "angle": "angle", "torsion": "torsion", "decorrelation": "decorr.", "tica_0": "TICA 0",
    "tica_01": "TICA 0,1", "msm": "MSM",
}  # fmt: skip


def refuse_others(given: Mapping[str, bool]) -> None:
    """Raise InputError for options that the published protocol leaves no choice in: option -> whether it was given."""
    wrong = [name for name, is_given in given.items() if is_given]
    if wrong:
        raise InputError(f"--protocol judges as published, without {', '.join(wrong)}: leave one or the other out.")


def judge_and_print(
    generated: Path,
    reference: Path,
    dataset: str,
    *,
    seed: int,
    paths: bool | None,
    json_file: Path | None,
    report: Path | None,
    workers: Workers | None,
    files: ImportOptions,
) -> list[dict[str, str]]:
    """Judge by the published protocol, write what was asked for, print the table; the failures are handed back."""
    from eginterpolator.evaluation.published_protocol.folders import evaluate_as_published
    from eginterpolator.files.io import write_json

    result = evaluate_as_published(generated, reference, dataset, seed, paths, workers, files)
    if json_file is not None:
        write_json(json_file, result.to_dict())
    if report is not None:
        from eginterpolator.report.evaluation_page import write_evaluation_report

        rows = {f"Published: {label}": row for label, row in result.published().items()}
        write_evaluation_report(report, result, rows, title=generated.name)
    print_published(result)
    return result.failures


def print_published(result: PublishedEvaluation) -> None:
    """The table of an evaluation by the published protocol, and what it rests on."""
    from eginterpolator.evaluation.basis import frames_text, oracle_label

    values = result.to_dict()
    rows: dict[str, dict[str, Any]] = {}
    if result.generated or not result.oracle:
        rows[f"generated, {len(result.generated)} molecules"] = values["generated"]
    if result.oracle:
        rows[f"{oracle_label(result.basis.values())}, {len(result.oracle)} molecules"] = values["oracle"]
    title = f"Protocol: {result.protocol.name}. Jensen-Shannon distance to the reference, mean / median"
    print_table(title, COLUMNS, {**rows, **result.published()})
    if paths := values["generated"].get("paths"):
        columns = {"jsd": "JSD of visited states", "valid": "valid", "probability": "probability"}
        print_table(f"Protocol: {result.protocol.name}. Paths, mean / median", columns, {"generated": paths})
    used = {
        "reference": [each.reference for each in result.basis.values()],
        "held out": [each.oracle for each in result.basis.values()],
        "generated": [each.generated for each in result.basis.values()],
    }
    said = ", ".join(f"{name} {frames_text(lengths)}" for name, lengths in used.items() if any(lengths))
    print(
        f"frames of a molecule that were used: {said or 'none'}; published: {result.protocol.generated} of "
        f"{result.protocol.n_frames} frames"
    )
    for label, row in rows.items():
        for key, text in (("too_rigid_for_tica", "too rigid for TICA"), ("without_tica_01", "fewer than 3 components")):
            if row.get(key):
                print(f"{label}: {text}: {', '.join(row[key])}")
        if row.get("torsions_without_decorrelation"):
            print(f"{label}: {row['torsions_without_decorrelation']} torsions never decorrelate, without a figure")
