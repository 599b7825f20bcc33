"""Foreign pickles, read without running them: only the classes of an allow-list are ever made.

A pickle is a program. The unpickler looks every name that it asks for up in a table of plain data (containers, numbers,
NumPy arrays, PyTorch tensors, RDKit molecules, graph objects) and refuses any other before it is imported or called.
What the table holds are guards that check their arguments, not the functions themselves, so that a pickle can neither
call them with something unforeseen nor change them.
"""

from __future__ import annotations

import collections
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from eginterpolator.errors import InputError

HOLDER_PACKAGES = ("torch_geometric", "networkx")
"""Packages whose objects become `GraphData`, whatever their class; neither needs to be installed."""


class GraphData:
    """What a pickle holds of a graph object, such as PyTorch Geometric's `Data`: its state, and nothing that runs."""

    __slots__ = ("state",)

    def __setstate__(self, state: Any) -> None:
        parts = state if isinstance(state, tuple) else (state,)
        self.state: dict[str, Any] = {}
        for part in parts:
            if part is not None and not isinstance(part, dict):
                raise pickle.UnpicklingError("the state of a graph object is no dictionary")
            self.state.update(part or {})


def graph_fields(data: GraphData) -> dict[str, Any]:
    """Fields of a graph object by name: of PyTorch Geometric 1 (attributes) and 2 (a storage with a mapping)."""
    state = getattr(data, "state", {})
    store = state.get("_store")
    if isinstance(store, GraphData):
        state = getattr(store, "state", {}).get("_mapping", {})
    return {str(key): value for key, value in state.items()}


def safe_load(path: str | os.PathLike[str]) -> Any:
    """Objects of a pickle file, made of plain data alone. PyTorch tensors come as NumPy arrays.

    Raises
    ------
    InputError
        When the file is missing or damaged, or asks for anything that is not on the allow-list: nothing of it was run.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file '{path}'.")
    with open(path, "rb") as stream:
        return _load(stream, str(path))


def safe_loads(content: bytes, name: str = "pickle") -> Any:
    """As `safe_load`, from bytes."""
    return _load(io.BytesIO(content), name)


class _Refused(pickle.UnpicklingError):
    """A name that is not on the allow-list."""


def _load(stream: BinaryIO, name: str) -> Any:
    try:
        return _Unpickler(stream, encoding="latin1").load()
    except _Refused as error:
        raise InputError(
            f"'{name}' is refused and nothing of it was run: loading it would use {error}, and only numbers, "
            "containers, arrays, tensors, RDKit molecules and graph objects are read from a pickle."
        ) from error
    except Exception as error:  # a broken pickle raises whatever its bytes happen to mean
        text = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise InputError(f"'{name}' is damaged or no pickle ({text}); get the file again.") from error


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] in HOLDER_PACKAGES:
            return GraphData
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise _Refused(f"'{module}.{name}'") from None

    def persistent_load(self, key: Any) -> Any:
        raise _Refused("data kept in another file")


class _Guard:
    """A checked constructor that a pickle may call, and may not change."""

    __slots__ = ("_make",)
    _make: Callable[..., Any]

    def __init__(self, make: Callable[..., Any]) -> None:
        object.__setattr__(self, "_make", make)

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)

    def __setattr__(self, name: str, value: Any) -> None:
        raise pickle.UnpicklingError("it would change a function")

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("it would change a function")


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):  # bytes of Python 2, decoded as latin1
        value = value.encode("latin1")
    if not isinstance(value, bytes | bytearray):
        raise pickle.UnpicklingError("bytes expected")
    return bytes(value)


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """How pickles of protocol 2 and below write bytes."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("an unusual encoding")
    return text.encode("latin1")


def _bytearray(value: Any = b"", encoding: str = "latin1") -> bytearray:
    return bytearray(_bytes(value))


def _mol(binary: Any) -> Any:
    from rdkit import Chem

    return Chem.Mol(_bytes(binary))  # type: ignore[call-overload]


def _empty_array(kind: Any, shape: Any = (0,), code: Any = b"b") -> np.ndarray:
    """The array that a pickle's own state fills afterwards."""
    if kind is not _ARRAY or tuple(shape) != (0,):
        raise pickle.UnpicklingError("an unusual array")
    return np.ndarray((0,), dtype=np.int8)


def _dtype(text: Any, align: Any = False, copy: Any = False) -> np.dtype:
    if not isinstance(text, str):
        raise pickle.UnpicklingError("an unusual dtype")
    return np.dtype(text)


def _scalar(dtype: Any, content: Any = b"") -> Any:
    if not isinstance(dtype, np.dtype) or dtype.hasobject:
        raise pickle.UnpicklingError("an unusual number")
    return np.frombuffer(_bytes(content), dtype=dtype, count=1)[0]


def _array_of_buffer(buffer: Any, dtype: Any, shape: Any, order: str = "C") -> np.ndarray:
    """Arrays of protocol 5."""
    if not isinstance(dtype, np.dtype) or dtype.hasobject or order not in ("C", "F"):
        raise pickle.UnpicklingError("an unusual array")
    return np.frombuffer(_bytes(buffer), dtype=dtype).reshape(shape, order=order)  # type: ignore[call-overload,no-any-return]


def _storage(content: Any) -> Any:
    """A tensor's numbers, which are a pickle again: PyTorch reads it by an allow-list of its own (weights_only)."""
    import torch

    storage = torch.load(io.BytesIO(_bytes(content)), map_location="cpu", weights_only=True)
    if not isinstance(storage, torch.storage.TypedStorage | torch.UntypedStorage):
        raise pickle.UnpicklingError("a tensor without a storage")
    return storage


def _tensor(storage: Any, offset: int, size: Any, stride: Any, *_: Any) -> np.ndarray:
    """A tensor as an array; gradients and hooks are left behind."""
    import torch

    if not isinstance(storage, torch.storage.TypedStorage):
        raise pickle.UnpicklingError("a tensor without a storage")
    numbers = storage._untyped_storage.nbytes() // storage.dtype.itemsize
    last = int(offset) + sum((int(n) - 1) * int(step) for n, step in zip(size, stride, strict=True))
    if min((offset, *size, *stride)) < 0 or (0 not in size and last >= numbers):
        raise pickle.UnpicklingError("a tensor is larger than its storage")
    empty = torch.empty(0, dtype=storage.dtype)
    return np.array(empty.set_(storage._untyped_storage, int(offset), tuple(size), tuple(stride)).numpy())


def _reconstruct(cls: Any, base: Any = None, state: Any = None) -> GraphData:
    """An object of protocol 0 or 1."""
    if cls is not GraphData:
        raise pickle.UnpicklingError("an unusual object")
    return GraphData()


def _never(*arguments: Any) -> Any:
    raise pickle.UnpicklingError("an unusual object")


_ARRAY = _Guard(_never)
_PLAIN: dict[str, Callable[..., Any]] = {
    "list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "dict": dict, "int": int, "float": float,
    "complex": complex, "bool": bool, "slice": slice, "bytes": lambda value=b"", *_: _bytes(value),
    "bytearray": _bytearray, "object": _never,
}  # fmt: skip
_ALLOWED: dict[tuple[str, str], Any] = {
    **{(module, name): _Guard(make) for module in ("builtins", "__builtin__") for name, make in _PLAIN.items()},
    ("collections", "OrderedDict"): _Guard(collections.OrderedDict),
    ("collections", "defaultdict"): _Guard(lambda factory=None, *values: dict(*values)),
    ("_codecs", "encode"): _Guard(_encode),
    ("copyreg", "_reconstructor"): _Guard(_reconstruct),
    ("copy_reg", "_reconstructor"): _Guard(_reconstruct),
    ("rdkit.Chem.rdchem", "Mol"): _Guard(_mol),
    ("numpy", "ndarray"): _ARRAY,
    ("numpy", "dtype"): _Guard(_dtype),
    **{
        (f"numpy.{core}.{module}", name): _Guard(make)
        for core in ("core", "_core")
        for module, name, make in (
            ("multiarray", "_reconstruct", _empty_array),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _array_of_buffer),
        )
    },
    ("torch.storage", "_load_from_bytes"): _Guard(_storage),
    ("torch._utils", "_rebuild_tensor_v2"): _Guard(_tensor),
    ("torch._utils", "_rebuild_tensor"): _Guard(_tensor),
    ("torch", "Size"): _Guard(tuple),
}
