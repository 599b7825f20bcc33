"""The server: it binds to this machine alone, prints an address with a token, and ends with everything it started."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from eginterpolator.errors import InputError
from eginterpolator.serve.limits import Limits

LOOPBACK = "127.0.0.1"
PORT = 8765


def serve(
    out: str | os.PathLike[str] = "served",
    port: int = PORT,
    model: str = "auto",
    limits: Limits | None = None,
    opened: Callable[[str], None] = print,
) -> None:
    """Serve the page until it is interrupted (Ctrl-C).

    Parameters
    ----------
    out : path
        Where results are kept: a folder for each job, as `egi generate` writes them; made where it is missing.
    port : int
        Of 127.0.0.1; 0 takes a free one.
    model : str
        `auto` offers the shipped models; a name or checkpoint folder is then the only one.
    limits : Limits, optional
    opened : callable
        Told of the address, token included, once the page can be opened.

    Raises
    ------
    InputError
        When the extra `[serve]` is not installed, the port is taken, or `out` cannot be written to.
    """
    require_server()
    import uvicorn

    from eginterpolator.serve.app import make_app
    from eginterpolator.serve.desk import Desk
    from eginterpolator.serve.worker import Worker

    limits = limits or Limits()
    listening = listen(port)
    port = listening.getsockname()[1]
    token = secrets.token_urlsafe(32)
    desk = Desk(Path(out), limits, lambda on_event: Worker(model, on_event))
    config = uvicorn.Config(
        make_app(desk, limits, port, token), proxy_headers=False, server_header=False, access_log=False,
        log_level="warning", ws="none", limit_concurrency=64, timeout_graceful_shutdown=2, lifespan="off",
    )  # fmt: skip

    class Server(uvicorn.Server):
        """Says when it can be reached, and ends worker and streams before it waits for the browser."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            opened(f"http://{LOOPBACK}:{port}/?token={token}")

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            desk.close()
            await super().shutdown(sockets)

    try:
        Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn raises what it caught once it is down
        pass
    finally:
        desk.close()
        listening.close()


@contextlib.contextmanager
def launcher(address: str) -> Iterator[str]:
    """Address of a private file that leads to `address`: what a browser is started with, everybody can see."""
    with tempfile.TemporaryDirectory(prefix="egi-serve-") as folder:  # only its owner may read it
        page = Path(folder) / "open.html"
        page.write_text(f'<!DOCTYPE html><meta http-equiv="refresh" content="0; url={address}">', encoding="utf-8")
        yield page.as_uri()


def require_server() -> None:
    """Check that there is what serves.

    Raises
    ------
    InputError
        When the packages of `[serve]` are not installed.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise InputError("'egi serve' needs the extra [serve]: pip install 'eginterpolator[serve]'.") from error


def listen(port: int) -> socket.socket:
    """A socket of this machine alone.

    Raises
    ------
    InputError
        When the port is taken or may not be used.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((LOOPBACK, port))
    except OSError as error:
        found.close()
        raise InputError(
            f"Port {port} cannot be used ({error.strerror or error}); --port 0 takes a free one."
        ) from error
    return found
