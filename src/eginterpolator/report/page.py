"""The HTML page itself."""

from __future__ import annotations

import datetime
import html
import json
import math
import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from eginterpolator.errors import InputError
from eginterpolator.files.io import write_text
from eginterpolator.report.facts import fact_lines
from eginterpolator.report.payload import ReportMolecule, molecule_payload
from eginterpolator.report.viewer_source import viewer_source

if TYPE_CHECKING:
    import jinja2

    from eginterpolator.files.trajectory import Trajectory

MAX_DATA_MB = 24.0
_SCRIPTS = (
    "viewer.js", "plots.js", "panels.js", "states.js", "downloads.js", "conformers.js", "links.js", "app.js",
)  # fmt: skip


def write_report(
    path: str | os.PathLike[str],
    runs: Sequence[ReportMolecule],
    facts: Mapping[str, Any] | None = None,
    max_data_mb: float = MAX_DATA_MB,
) -> None:
    """Write one self-contained HTML file that plays the trajectories and plots what they do, offline.

    Parameters
    ----------
    path : path
        The file to write, whole or not at all.
    runs : sequence of ReportMolecule
        What to show; it may be empty when every molecule failed.
    facts : mapping, optional
        The run's facts, shown as they are. Two keys are special: `title`, and `failures`, a list of mappings.
    max_data_mb : float
        Above this many MB of embedded data, only every second, third ... frame is embedded, and the page says so;
        the statistics still take every frame.

    Raises
    ------
    InputError
        When a run's arrays do not fit its molecule, or the viewer is not installed.
    """
    write_text(path, render(runs, dict(facts or {}), max_data_mb))


def trajectory_page(trajectory: Trajectory) -> str:
    """HTML of the same page for a single trajectory, for a notebook's or a window's frame.

    Raises
    ------
    InputError
        As `write_report`.
    """
    run = ReportMolecule(trajectory.molecule, [trajectory], dict(trajectory.meta or {}))
    return render([run], {"title": trajectory.molecule.name}, MAX_DATA_MB)


def render(runs: Sequence[ReportMolecule], facts: dict[str, Any], max_data_mb: float) -> str:
    """The page's HTML; see `write_report`."""
    failures = [dict(row) for row in facts.pop("failures", None) or []]
    title = str(facts.pop("title", "") or (runs[0].molecule.name if len(runs) == 1 else "Trajectories"))
    if not runs and not failures:
        raise InputError("There is nothing to report: no molecule and no failure.")
    stride = _stride(runs, max_data_mb)
    data = {
        "title": title,
        "stride": stride,
        "facts": fact_lines(facts),
        "failures": failures,
        "molecules": [molecule_payload(run, stride) for run in runs],
    }
    return render_template("report.html.j2", title, data, ("style.css",), _SCRIPTS)


def render_template(name: str, title: str, data: dict[str, Any], styles: Sequence[str], scripts: Sequence[str]) -> str:
    """HTML of a page template with data, styles, scripts and the 3D viewer in it; InputError without the viewer."""
    viewer = viewer_source()
    return (
        _environment()
        .get_template(name)
        .render(
            title=title,
            data=json.dumps(_finite(data), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"),
            style="\n".join(_template_text(style) for style in styles),
            scripts="\n".join(_template_text(script) for script in scripts),
            viewer=viewer,
            licence=html.escape(viewer.licence),
            created=datetime.datetime.now().astimezone().strftime("%-d %B %Y, %H:%M"),
            version=_version(),
        )
    )


def _stride(runs: Sequence[ReportMolecule], max_data_mb: float) -> int:
    values = sum(trajectory.positions.size for run in runs for trajectory in run.trajectories)
    return max(1, math.ceil(values * 2 * 4 / 3 / (max_data_mb * 1e6)))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value if value is None or isinstance(value, (str, int)) else str(value)


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_template_text), autoescape=True, undefined=jinja2.StrictUndefined
    )


@cache
def _template_text(name: str) -> str:
    return (resources.files("eginterpolator.report") / "templates" / name).read_text(encoding="utf-8")


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("eginterpolator")
    except metadata.PackageNotFoundError:
        return ""
