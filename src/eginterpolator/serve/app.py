"""The addresses of the page. `Guard` stands before all; ids are looked up, and no path is taken from outside."""

from __future__ import annotations

import asyncio
import json
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from importlib import resources
from typing import IO, Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from eginterpolator.chemistry.drawing import drawing
from eginterpolator.errors import InputError
from eginterpolator.files.inputs import read_smiles
from eginterpolator.serve import pad as pads
from eginterpolator.serve.desk import Desk, QueueFullError
from eginterpolator.serve.guard import Guard
from eginterpolator.serve.limits import Limits
from eginterpolator.serve.orders import read_order, read_smiles_text
from eginterpolator.serve.results import PAGE, Result, find_result, results

REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; worker-src blob:; connect-src data: blob:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts allow-downloads"
)
"""A report has its scripts in it (Mol* evaluates strings), and may do nothing but show itself: it has an origin of its
own, no cookie, and reaches nobody."""
SECONDS_BETWEEN_LOOKS, SECONDS_BETWEEN_SIGNS = 0.2, 15.0


def make_app(desk: Desk, limits: Limits, port: int, token: str) -> Starlette:
    """The application of a desk.

    Parameters
    ----------
    port : int
        Where it will listen; other hosts are refused.
    token : str
        What a browser has to know.
    """
    pad = pads.find_pad()
    page = _Page(desk, limits, port, token, pad)
    routes = [
        Route("/", page.index),
        Route("/static/{name}", page.static),
        Route("/api/look", page.look, methods=["POST"]),
        Route("/api/jobs", page.submit, methods=["POST"]),
        Route("/api/jobs/{id}/cancel", page.cancel, methods=["POST"]),
        Route("/api/events", page.events),
        Route("/api/results", page.results),
        Route("/results/{id}/report", page.report),
        Route("/results/{id}/zip", page.zip),
        Route("/results/{id}/files/{number:int}", page.file),
    ]
    if pad:
        routes.append(Route(pad.prefix + "{name:path}", page.pad_file))
    guard = Middleware(
        Guard, port=port, token=token, body_bytes=limits.body_bytes,
        open_prefix=(pads.HOST, pad.prefix) if pad else None,
    )  # fmt: skip
    app = Starlette(routes=routes, middleware=[guard], exception_handlers={HTTPException: _http_error})
    app.router.redirect_slashes = False
    return app


class _Page:
    """The answers."""

    def __init__(self, desk: Desk, limits: Limits, port: int, token: str, pad: pads.Pad | None) -> None:
        self.desk, self.limits, self.port, self.token, self.pad = desk, limits, port, token, pad
        self.address = f"http://127.0.0.1:{port}"
        self._streams, self._looking = 0, threading.BoundedSemaphore(limits.looks)

    def index(self, request: Request) -> Response:
        pad = f"http://{pads.HOST}:{self.port}{self.pad.prefix}" if self.pad else ""
        html = _static("page.html").replace(b"{{ pad }}", pad.encode())
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            f"frame-src 'self' {pad}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
        )
        response = Response(html, media_type="text/html", headers={"content-security-policy": policy})
        response.set_cookie(f"egi-{self.port}", self.token, httponly=True, samesite="strict", path="/")
        return response

    def static(self, request: Request) -> Response:
        kinds = {"page.js": "text/javascript", "page.css": "text/css", "style.css": "text/css"}
        name = request.path_params["name"]
        if name not in kinds:
            raise HTTPException(404)
        return Response(_static(name), media_type=kinds[name])

    async def look(self, request: Request) -> Response:
        """The drawing and the facts of a SMILES, or the sentence that says what is wrong with it."""
        values = await _json(request)
        return JSONResponse(await run_in_threadpool(self._look, values))

    def _look(self, values: Any) -> dict[str, Any]:
        from rdkit.Chem import rdMolDescriptors

        with self._looking:
            try:
                smiles = read_smiles_text(values, self.limits)
                molecule = read_smiles(smiles, largest_fragment=values.get("largest_fragment") is True)
                svg, _ = drawing(molecule)
            except InputError as error:
                return {"error": str(error)}
            formula = rdMolDescriptors.CalcMolFormula(molecule.rdmol)
            return {"svg": svg, "formula": formula, "atoms": molecule.n_atoms, "heavy": molecule.n_heavy}

    async def submit(self, request: Request) -> Response:
        """A new job; a molecule that cannot be used is refused with the sentence of the command."""
        values = await _json(request)
        try:
            order = read_order(values, self.limits, self.desk.facts["models"] or ("auto",))
            molecule = await run_in_threadpool(read_smiles, order.smiles, largest_fragment=order.largest_fragment)
            job = self.desk.submit(order, molecule.name)
        except InputError as error:
            return JSONResponse({"error": str(error)}, 422)
        except QueueFullError as error:
            return JSONResponse({"error": str(error)}, 429)
        return JSONResponse({"id": job.id}, 201)

    def cancel(self, request: Request) -> Response:
        if not self.desk.cancel(request.path_params["id"]):
            raise HTTPException(404, "There is no such job at work.")
        return JSONResponse({})

    async def events(self, request: Request) -> Response:
        """Server-sent events: all jobs, whenever something has changed."""
        if self._streams >= self.limits.streams:
            raise HTTPException(429, f"{self._streams} pages are open already; close one.")
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[str]:
        seen, said = -1, time.monotonic()
        self._streams += 1
        try:
            while not self.desk.closed:
                if (version := self.desk.version) != seen:
                    seen, said = version, time.monotonic()
                    yield f"data: {json.dumps(self.desk.snapshot())}\n\n"
                elif time.monotonic() - said > SECONDS_BETWEEN_SIGNS:
                    said = time.monotonic()
                    yield ": still here\n\n"
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        finally:
            self._streams -= 1

    def results(self, request: Request) -> Response:
        found = results(self.desk.out)
        return JSONResponse([result.shown() for result in found[: self.limits.listed]])

    def report(self, request: Request) -> Response:
        headers = {"content-security-policy": REPORT_POLICY}
        return FileResponse(self._result(request).folder / PAGE, media_type="text/html", headers=headers)

    def zip(self, request: Request) -> Response:
        result = self._result(request)
        stream = tempfile.TemporaryFile(prefix="egi-serve-")  # closed by _blocks
        result.pack(stream)
        name = quote(f"{result.folder.name}.zip")
        headers = {"content-disposition": f"attachment; filename*=utf-8''{name}", "content-length": str(stream.tell())}
        return StreamingResponse(_blocks(stream), media_type="application/zip", headers=headers)

    def file(self, request: Request) -> Response:
        files, number = self._result(request).files(), request.path_params["number"]
        if number >= len(files):
            raise HTTPException(404)
        return FileResponse(files[number], media_type="application/octet-stream", filename=files[number].name)

    def pad_file(self, request: Request) -> Response:
        assert self.pad is not None
        name = request.path_params["name"]
        headers = {"content-security-policy": self.pad.policy(self.address)}
        if not name:
            return Response(_static("pad.html"), media_type="text/html", headers=headers)
        if name not in self.pad.files:
            raise HTTPException(404)
        return FileResponse(self.pad.files[name], headers=headers)

    def _result(self, request: Request) -> Result:
        result = find_result(self.desk.out, request.path_params["id"])
        if result is None:
            raise HTTPException(404, "There is no such result.")
        return result


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    with stream:
        stream.seek(0)
        while block := stream.read(1 << 20):
            yield block


async def _json(request: Request) -> Any:
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise HTTPException(415, "Send JSON.")
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "This is no JSON.") from error


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = "There is nothing at this address." if error.detail == "Not Found" else error.detail
    return JSONResponse({"error": sentence}, error.status_code)


def _static(name: str) -> bytes:
    """A file of this room; the style is the report's."""
    if name == "style.css":
        return (resources.files("eginterpolator.report") / "templates" / name).read_bytes()
    return (resources.files("eginterpolator.serve") / "static" / name).read_bytes()
