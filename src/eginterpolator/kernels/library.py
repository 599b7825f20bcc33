"""The library of the kernels, compiled when a process first needs it and kept in the cache for the next one."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.library import CustomOpDef

from eginterpolator.errors import InputError
from eginterpolator.machine.compilation import Library
from eginterpolator.machine.processor import processor_features, processor_name

HEADERS = ("vectors.h", "halves.h", "tiles.h", "frames.h", "messages.h", "transition.h", "triples.h")
NAMES = (*HEADERS, "messages.cpp", "attention.cpp", "transition.cpp", "layers.cpp")
SOURCES = [Path(__file__).parent / name for name in NAMES]
FLAGS = ["-std=c++20", "-O3", "-fno-math-errno", "-ffp-contract=fast"]
CHOICE = "EGI_KERNELS"
"""Variable of the environment: the name of one of `KINDS`, which alone is taken then, or `none`."""
ARM = ("arm64", "aarch64")


@dataclass(frozen=True)
class Kind:
    """Kernels for a kind of processor.

    Attributes
    ----------
    numbers : str
        Of products: 'bf16' or 'fp32'.
    flags : tuple of str
        For the compiler.
    needed : frozenset of str
        Instructions by `processor_features`; all 64-bit processors of ARM have what `neon` wants.
    """

    numbers: str
    flags: tuple[str, ...]
    needed: frozenset[str]


_AVX2, _AVX512 = frozenset({"avx2", "fma"}), frozenset({"avx512f", "avx512bw", "avx512dq", "avx512vl"})
KINDS = {
    "avx512_bf16": Kind("bf16", ("-march=native", "-DEGI_BF16=1"), _AVX512 | {"avx512_bf16"}),
    "avx512": Kind("fp32", ("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma"), _AVX512 | _AVX2),
    "avx2": Kind("fp32", ("-mavx2", "-mfma"), _AVX2),
    "neon": Kind("fp32", (), frozenset()),
}
"""The widest first."""
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}

LANES = 16
"""Numbers that are worked on together, as in tiles.h."""
ATOMS_A_THREAD = 256
"""Atoms in frames: for fewer another thread is not worth waiting for, least of all on a busy machine."""

NUMBERS: dict[str, Any] = {"int64": ctypes.c_int64, "int": ctypes.c_int, "float": ctypes.c_float}


def kinds() -> list[str]:
    """Names of the `KINDS` that this machine can run, the best first; of `CHOICE` alone where that is set.

    Raises
    ------
    InputError
        When `CHOICE` is no name, or none of a kind for this processor.
    """
    arm = platform.machine().lower() in ARM
    found = [name for name, kind in KINDS.items() if (name == "neon") == arm and kind.needed <= processor_features()]
    if sys.platform != "linux":  # its products are those of PyTorch for Linux
        found = [name for name in found if name != "avx512_bf16"]
    asked = os.environ.get(CHOICE)
    if not asked:
        return found
    if asked != "none" and asked not in found:
        raise InputError(f"{CHOICE} is '{asked}', which is not for this processor; use {', '.join(found)} or none.")
    return [asked] if asked != "none" else []


def kind_for(numbers: str) -> str | None:
    """The best of `kinds` for products of 'bf16' or of 'fp32' numbers; None without one."""
    return next((name for name in kinds() if KINDS[name].numbers == numbers), None)


def processor_fits(numbers: str = "bf16") -> bool:
    """Whether there are kernels of such numbers for this machine's processor."""
    return kind_for(numbers) is not None


def library(numbers: str = "bf16") -> ctypes.CDLL:
    """The library of kernels of such numbers, compiled if the cache has it not; some ten seconds.

    Raises
    ------
    InputError
        As `Library.load`, and where there are none for this processor.
    """
    return _loaded(numbers, os.environ.get(CHOICE))


@lru_cache(maxsize=8)
def _loaded(numbers: str, asked: str | None) -> ctypes.CDLL:
    kind = kind_for(numbers)
    if kind is None:
        raise InputError(f"There are no kernels of {numbers} for this processor; see {CHOICE} in docs/performance.md.")
    return of_kind(kind).load()


def of_kind(kind: str) -> Library:
    """What the library of one of `KINDS` is made of; with products of PyTorch's it serves this machine only."""
    flags: list[str] = [*FLAGS, *KINDS[kind].flags]
    if sys.platform == "linux" and "clang" not in os.environ.get("CXX", ""):  # others have no OpenMP of their own
        flags.append("-fopenmp")
    where = None
    if KINDS[kind].numbers == "bf16":
        pytorch = Path(torch.__file__).parent
        flags += [f"-isystem{pytorch / 'include'}", f"-L{pytorch / 'lib'}", "-ltorch_cpu", "-lc10"]
        where = (torch.__version__, processor_name(), torch.cpu.get_capabilities())
    return Library(name=f"kernels-{kind}", sources=SOURCES, flags=flags, facts=where)


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


def pointers(kind: type[ctypes.Structure], *tensors: Tensor | None, **numbers: float) -> ctypes.Structure:
    """A structure of addresses, None a null pointer, and of `numbers` by name; the tensors must outlive it."""
    return kind(*(None if tensor is None else tensor.data_ptr() for tensor in tensors), **numbers)


def call(name: str, numbers: str, *structures: ctypes.Structure | None) -> None:
    """A function of the library of such numbers, on addresses of structures; None is a null pointer."""
    getattr(library(numbers), name)(*(each and ctypes.byref(each) for each in structures))
