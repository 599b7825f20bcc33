"""How the package hangs together: modules at its top, levels of imports, circles, and arrows against the direction.

    python benchmarks/imports.py

Imports inside functions count, those for type checkers do not. A level is a step of the longest chain of modules that
import each other; a circle is a set of modules that all reach one another. The direction is the contract "layers" of
pyproject.toml; `lint-imports` judges it and names every arrow. Of another version of the package the first three
numbers come with PYTHONPATH set to its `src`.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import grimp
import networkx

import bench

PACKAGE = "eginterpolator"
PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def main() -> None:
    """Run from the command line; see the module's first lines."""
    bench.plain_parser(__doc__).parse_args()
    found = grimp.build_graph(PACKAGE, exclude_type_checking_imports=True, cache_dir=None)
    graph = networkx.DiGraph(
        (module, other) for module in found.modules for other in found.find_modules_directly_imported_by(module)
    )
    condensed = networkx.condensation(graph)
    circles = [sorted(condensed.nodes[k]["members"]) for k in condensed if len(condensed.nodes[k]["members"]) > 1]
    top = [module for module in found.find_children(PACKAGE) if not found.find_children(module)]
    print(f"modules: {len(found.modules)}, of them at the top, beside the rooms: {len(top)}")
    print(f"levels of imports: {networkx.dag_longest_path_length(condensed) + 1}")
    print(f"circles: {len(circles)}", *(f"  {' '.join(circle)}" for circle in circles), sep="\n")
    arrows = against(graph)
    print(f"arrows against the direction: {len(arrows)}", *(f"  {a} -> {b}" for a, b in arrows), sep="\n")


def against(graph: networkx.DiGraph) -> list[tuple[str, str]]:
    """Imports of a room that stands above, or beside, by the layers of pyproject.toml."""
    contracts = tomllib.loads(PROJECT.read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    heights = {room.strip(): -k for k, layer in enumerate(layers) for room in layer.split("|")}

    def room(module: str) -> str:
        return f"{module}.".split(".")[1]

    return sorted(
        (a, b)
        for a, b in graph.edges
        if room(a) in heights and room(b) in heights and room(a) != room(b) and heights[room(b)] >= heights[room(a)]
    )


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
