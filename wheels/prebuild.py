"""The libraries of C++ that a wheel brings, so that no compiler is needed where it is installed.

    python wheels/prebuild.py [--out src/eginterpolator/prebuilt] [--only NAME ...]

Compiled for the kind of machine that this runs on: x86 (lanes of 16, 8 and 4, kernels for AVX-512 and AVX2) or ARM
(lanes of 4, kernels for NEON), and the order of frames. It wants the package's own dependencies. A wheel that is built
from a checkout with libraries in it is of the platform (`setup.py`); `pyproject.toml` says how cibuildwheel does it.
Kernels of bf16 hang on PyTorch's version: they are compiled where they run, and without a compiler those of fp32 serve.
"""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path

from eginterpolator.errors import InputError
from eginterpolator.generation import order
from eginterpolator.kernels.library import ARM, KINDS, of_kind
from eginterpolator.machine.compilation import PREBUILT, Library
from eginterpolator.simulation.engines.lanes.library import X86, of_width


def libraries() -> dict[str, Library]:
    """Name -> library, of all that depend on nothing but their sources and the kind of machine."""
    arm = platform.machine().lower() in ARM
    found = {"order": order.LIBRARY}
    found |= {f"lanes-{width}": of_width(width) for width in ((4,) if arm else X86)}
    for name, kind in KINDS.items():
        if kind.numbers == "fp32" and (name == "neon") == arm:
            found[f"kernels-{name}"] = of_kind(name)
    return found


def main() -> int:
    """Compile them; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PREBUILT)
    parser.add_argument("--only", nargs="+", choices=list(libraries()), metavar="NAME", help="some of them, for a look")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for file in options.out.glob("*.so"):  # of other sources, perhaps
        file.unlink()
    for name, library in libraries().items():
        if options.only is None or name in options.only:
            path = options.out / library.prebuilt.name
            try:
                library.build(path)
            except InputError as error:
                print(error, file=sys.stderr)
                return 2
            print(f"{name}: {path.name}, {path.stat().st_size / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
