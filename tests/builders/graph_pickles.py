"""Pickles of graph objects as PyTorch Geometric writes them, without it: classes of its names and its state."""

from __future__ import annotations

import contextlib
import pickle
import sys
import types
from collections.abc import Iterator
from typing import Any


class Data:
    """The graph object. Layout 1 (versions below 2): fields are attributes."""

    def __init__(self, layout: int, fields: dict[str, Any]) -> None:
        if layout == 1:
            self.__dict__.update(fields)
        else:  # layout 2: a storage with a mapping, which names its parent again
            store = GlobalStorage()
            self.__dict__.update(_edge_attr_cls=DataEdgeAttr, _tensor_attr_cls=DataTensorAttr, _store=store)
            store.__dict__.update(_mapping=fields, _parent=self)


class GlobalStorage: ...


class DataEdgeAttr: ...


class DataTensorAttr: ...


HOMES = {Data: "data", GlobalStorage: "storage", DataEdgeAttr: "data", DataTensorAttr: "data"}


def pickled(graphs: list[dict[str, Any]], layout: int = 1, protocol: int = 3) -> bytes:
    """A list of graph objects with these fields, as `torch_geometric.data.data.Data`."""
    with _in_place():
        return pickle.dumps([Data(layout, fields) for fields in graphs], protocol=protocol)


@contextlib.contextmanager
def _in_place() -> Iterator[None]:
    """The classes under the names of the package while something is pickled; afterwards it cannot be imported."""
    names = ["torch_geometric", "torch_geometric.data", "torch_geometric.data.data", "torch_geometric.data.storage"]
    modules = {name: types.ModuleType(name) for name in names}
    for cls, home in HOMES.items():
        setattr(modules[f"torch_geometric.data.{home}"], cls.__name__, cls)
        cls.__module__ = f"torch_geometric.data.{home}"
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        for cls in HOMES:
            cls.__module__ = __name__
