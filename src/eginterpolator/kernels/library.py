"""The library of the kernels, compiled when a process first needs it and kept in the cache for the next one."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.library import CustomOpDef

from eginterpolator.machine.compilation import load_library
from eginterpolator.machine.processor import processor_name

NAMES = ("tiles.h", "frames.h", "messages.cpp", "attention.cpp", "transition.cpp")
SOURCES = [Path(__file__).parent / name for name in NAMES]
FLAGS = ["-std=c++20", "-O3", "-march=native", "-fno-math-errno", "-ffp-contract=fast", "-fopenmp"]

LANES = 16
"""Numbers that are worked on together, as in tiles.h."""
ATOMS_A_THREAD = 256
"""Atoms in frames: for fewer another thread is not worth waiting for, least of all on a busy machine."""

NUMBERS: dict[str, Any] = {"int64": ctypes.c_int64, "int": ctypes.c_int, "float": ctypes.c_float}


def processor_fits() -> bool:
    """Whether this machine's processor has what the kernels are written for: AVX-512 BF16, on Linux."""
    found = torch.cpu.get_capabilities()
    needed = ("avx512_f", "avx512_bw", "avx512_dq", "avx512_vl", "avx512_bf16")
    return sys.platform == "linux" and all(found.get(name, False) for name in needed)


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """The library, compiled if the cache has it not; some eight seconds.

    Raises
    ------
    InputError
        As `load_library`.
    """
    pytorch = Path(torch.__file__).parent
    links = [f"-isystem{pytorch / 'include'}", f"-L{pytorch / 'lib'}", "-ltorch_cpu", "-lc10"]
    where = (torch.__version__, processor_name(), torch.cpu.get_capabilities())
    return load_library("kernels", SOURCES, [*FLAGS, *links], facts=where)


def threads_for(x: Tensor) -> int:
    """Threads for positions [.., 3]."""
    return max(1, min(torch.get_num_threads(), x.numel() // 3 // ATOMS_A_THREAD))


def operator(name: str, run: Callable[..., Any], shapes: Callable[..., Any]) -> CustomOpDef:
    """A function of tensors, annotated, as an operator of PyTorch's on processors; `shapes` makes tensors like its own.

    An operator whose inputs change needs another name: PyTorch's cache of compiled graphs knows its way back by it.
    """
    made = torch.library.custom_op(f"eginterpolator::{name}", run, mutates_args=(), device_types="cpu")
    made.register_fake(shapes)
    return made


def chosen(operator: CustomOpDef, run: Callable[..., Any]) -> Callable[..., Any]:
    """The operator where PyTorch has to know of a call, for gradients or for its compiler; else the function behind it:
    an operator's first call loads the compiler, a second."""
    return operator if torch.is_grad_enabled() or torch.compiler.is_compiling() else run


def packed(*tensors: Tensor) -> list[Tensor]:
    """Tensors as the kernels read them."""
    return [tensor.contiguous() for tensor in tensors]


def like(tensors: Iterable[Tensor]) -> list[Tensor]:
    """What an operator makes, for PyTorch's compiler: tensors of these shapes, without numbers."""
    return [tensor.new_empty(tensor.shape) for tensor in tensors]


def struct(name: str, addresses: str = "", **numbers: str) -> type[ctypes.Structure]:
    """The structure of C of that name; blanks separate members.

    Parameters
    ----------
    addresses : str
        Members that point to tensors, which come first.
    **numbers : str
        Members of a type, 'int64', 'int' or 'float', in the order given.
    """
    members = [(member, ctypes.c_void_p) for member in addresses.split()]
    members += [(member, NUMBERS[kind]) for kind, each in numbers.items() for member in each.split()]
    return type(name, (ctypes.Structure,), {"_fields_": members})


def pointers(kind: type[ctypes.Structure], *tensors: Tensor | None) -> ctypes.Structure:
    """A structure of addresses, None a null pointer; the tensors must outlive it."""
    return kind(*(None if tensor is None else tensor.data_ptr() for tensor in tensors))


def call(name: str, *structures: ctypes.Structure | None) -> None:
    """A function of the library, on addresses of structures; None is a null pointer."""
    getattr(library(), name)(*(each and ctypes.byref(each) for each in structures))
