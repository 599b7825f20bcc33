"""The command `egi`: one thin file a command; everything they do is in the Python API as well."""

from __future__ import annotations

import gc
import io
import logging
import sys

INTERRUPTED = 130  # typer's exit code for Ctrl-C
COLLECTED = 50_000
"""New objects until Python looks for garbage among them: imports make many and no garbage, and each look at all that
PyTorch brings along takes a tenth of a second."""


def main() -> None:
    """Entry point of `egi`: exit 0 all done, 1 some molecules failed, 2 bad usage or input (one sentence)."""
    for stream in (sys.stdout, sys.stderr):  # a locale without Å or the letters of a name ends nothing
        if isinstance(stream, io.TextIOWrapper) and (stream.encoding or "").lower().replace("-", "") != "utf8":
            stream.reconfigure(errors="backslashreplace")
    gc.set_threshold(COLLECTED)
    from eginterpolator.cli.app import app_for
    from eginterpolator.errors import EGIError, InputError

    debug = "--debug" in sys.argv
    # with it the tracebacks of molecules that fail are logged as well
    logging.getLogger("eginterpolator").setLevel(logging.DEBUG if debug else logging.NOTSET)
    if debug:
        sys.argv.remove("--debug")
    try:
        app_for(next(iter(sys.argv[1:]), ""))()
    except EGIError as error:
        if debug:
            raise
        print(f"egi: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, InputError) else 1)
    except OSError as error:  # a full disk, a folder that may not be read
        if debug:
            raise
        print(f"egi: {error.strerror or error}" + (f": '{error.filename}'" if error.filename else ""), file=sys.stderr)
        sys.exit(1)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            print("egi: interrupted; what is finished stays, the same command goes on from there.", file=sys.stderr)
        raise
