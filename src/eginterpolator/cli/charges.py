"""Charge states on the command line: `--ph`, and a line where water would charge what is given neutral."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from eginterpolator.chemistry.molecule import Molecule
    from eginterpolator.cli.options import JobOptions
    from eginterpolator.files.inputs import Failure

Ph = Annotated[
    float | None,
    typer.Option("--ph", help="Run the charge states that matter at this pH, 7.4 for example; extra \\[ph]."),
]
SHOWN = 3
"""Molecules that the line on neutral groups names."""


def read_at_ph(
    job: JobOptions, source: str, name: str | None, ph: float | None, in_water: bool = True
) -> tuple[list[Molecule], list[Failure]]:
    """Molecules of INPUT, at a pH in their charge states, which are listed; else with a line on neutral groups."""
    molecules, failures = job.read(source, name)
    if ph is not None:
        from eginterpolator.files.inputs import at_ph

        molecules, failures = at_ph(molecules, failures, ph)
    if not job.quiet:
        for line in _states(molecules) if ph is not None else _neutral(molecules) if in_water else []:
            print(line, file=sys.stderr)
    return molecules, failures


def _states(molecules: list[Molecule]) -> list[str]:
    from eginterpolator.chemistry.protonation import protonation_facts

    lines, said = [], set()
    for molecule in molecules:
        facts = protonation_facts(molecule)
        lines.append(f"{molecule.name}: {molecule.smiles}")
        if "tautomers" in facts and facts["protonated_from"] not in said:
            said.add(facts["protonated_from"])
            lines.append(
                f"  tautomers that are not run, give them to run them: {facts['tautomers'].replace(' ', ', ')}"
            )
    return lines


def _neutral(molecules: list[Molecule]) -> list[str]:
    from eginterpolator.chemistry.protonation import charged_in_water

    found = {molecule.name: groups for molecule in molecules if (groups := charged_in_water(molecule))}
    if not found:
        return []
    named = ", ".join(f"{name} ({' and '.join(groups)})" for name, groups in list(found.items())[:SHOWN])
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return [
        f"note: run neutral as given, but charged in water at pH 7: {named}{more}; --ph 7.4 runs the charge states."
    ]
