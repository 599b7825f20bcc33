"""The report: one self-contained HTML page that shows trajectories and how they move. See `page.write_report`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eginterpolator.report.folder_report import write_folder_report
    from eginterpolator.report.page import trajectory_page, write_report
    from eginterpolator.report.payload import ReportMolecule
    from eginterpolator.report.picture import trajectory_picture

__all__ = ["ReportMolecule", "trajectory_page", "trajectory_picture", "write_folder_report", "write_report"]

_HOMES = {
    "ReportMolecule": "payload",
    "trajectory_page": "page",
    "trajectory_picture": "picture",
    "write_folder_report": "folder_report",
    "write_report": "page",
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that `import eginterpolator` stays light."""
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
