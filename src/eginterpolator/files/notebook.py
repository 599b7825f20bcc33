"""Tables as notebooks and pandas take them: columns by name, shown as HTML."""

from __future__ import annotations

import csv
import html
import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eginterpolator.errors import InputError

if TYPE_CHECKING:
    import pandas

    from eginterpolator.chemistry.molecule import Molecule

ROWS_SHOWN = 60
_CELL = "text-align: left; padding: 2px 12px 2px 4px; font-variant-numeric: tabular-nums"


class Table(dict[str, list[Any]]):
    """Columns by name, all of one length: what `pandas.DataFrame` takes; a notebook shows it.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of mapping
        What a row lacks is None.
    caption : str
        A sentence below the table in notebooks.
    """

    def __init__(self, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], caption: str = "") -> None:
        super().__init__({name: [row.get(name) for row in rows] for name in columns})
        self.caption = caption

    @property
    def n_rows(self) -> int:
        """Rows of the table."""
        return len(next(iter(self.values()), []))

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows, a dictionary each."""
        return [dict(zip(self, values, strict=True)) for values in zip(*self.values(), strict=True)]

    def to_pandas(self) -> pandas.DataFrame:
        """As a DataFrame.

        Raises
        ------
        InputError
            When pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise InputError("pandas is not installed; run pip install pandas.") from error
        return pandas.DataFrame(dict(self))

    def to_csv(self) -> str:
        """As CSV; None, nan and infinities are empty cells."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self)
        writer.writerows([_csv_cell(value) for value in row.values()] for row in self.rows)
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        return table_html(list(self), [list(row.values()) for row in self.rows], self.caption)

    def __repr__(self) -> str:
        return f"Table({self.n_rows} rows of {', '.join(self)})"


def table_html(columns: Sequence[str], rows: Sequence[Sequence[Any]], caption: str = "") -> str:
    """HTML of a table, everything escaped; of more than `ROWS_SHOWN` rows the first ones, and how many there are."""
    head = "".join(f'<th style="{_CELL}">{html.escape(name)}</th>' for name in columns)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{html.escape(cell_text(value))}</td>' for value in row) + "</tr>"
        for row in rows[:ROWS_SHOWN]
    )
    more = f"{len(rows)} rows, {ROWS_SHOWN} of them shown." if len(rows) > ROWS_SHOWN else ""
    text = " ".join(part for part in (caption, more) if part)
    below = f"<p>{html.escape(text)}</p>" if text else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def card_html(molecule: Molecule, facts: Sequence[tuple[str, Any]], hint: str = "") -> str:
    """HTML of a molecule's name, SMILES and drawing beside some facts."""
    from eginterpolator.chemistry.drawing import drawing

    rows = "".join(
        f'<tr><th style="{_CELL}">{html.escape(label)}</th>'
        f'<td style="{_CELL}">{html.escape(cell_text(value))}</td></tr>'
        for label, value in facts
    )
    note = f"<p>{html.escape(hint)}</p>" if hint else ""
    return (
        '<div style="display: flex; flex-wrap: wrap; gap: 0 24px; align-items: center">'
        f'<div style="width: 260px">{drawing(molecule, 260, 160)[0]}</div>'
        f"<div><b>{html.escape(molecule.name)}</b><br>"
        f"<code>{html.escape(molecule.smiles)}</code><table><tbody>{rows}</tbody></table>{note}</div></div>"
    )


def cell_text(value: Any) -> str:
    """A value as a reader sees it: four figures, '–' for what is not there."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _csv_cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
