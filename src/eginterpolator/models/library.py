"""A shared library that PyTorch's AOTInductor made, called through its C interface.

PyTorch's own loader holds Python's lock while the library computes; here threads compute at the same time.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor
from torch._C import _aoti

from eginterpolator.errors import InputError
from eginterpolator.machine.cache import check_seal

_address = ctypes.pythonapi.PyCapsule_GetPointer
_address.restype, _address.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
_capsule = ctypes.pythonapi.PyCapsule_New
_capsule.restype, _capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


class Library:
    """A function of tensors.

    Parameters
    ----------
    path : Path
        The `sealed` library, `.so`.
    n_inputs, n_outputs : int
        What it takes and returns.
    runners : int
        Threads that may call it at the same time; others wait.

    Raises
    ------
    InputError
        When it is damaged, cannot be loaded, or is another function.
    """

    def __init__(self, path: Path, n_inputs: int, n_outputs: int, runners: int) -> None:
        self.path, self.n_outputs = path, n_outputs
        self._container = ctypes.c_void_p()
        try:
            check_seal(path)
            self._functions = ctypes.CDLL(str(path))
            # kept for good: a library that is loaded once stays in the process anyhow
            self._call("CreateWithDevice", ctypes.byref(self._container), ctypes.c_size_t(runners), b"cpu", None)
            found = []
            for what in ("GetNumInputs", "GetNumOutputs"):
                count = ctypes.c_size_t()
                self._call(what, self._container, ctypes.byref(count))
                found.append(count.value)
        except (OSError, AttributeError, RuntimeError) as error:
            raise InputError(f"'{path}' is no compiled layer ({error}); delete it and compile again.") from error
        if found != [n_inputs, n_outputs]:
            raise InputError(f"'{path}' is another function than it should be; delete it and compile again.")

    def _call(self, name: str, *arguments: object) -> None:
        if getattr(self._functions, f"AOTInductorModelContainer{name}")(*arguments) != 0:
            raise RuntimeError(f"The compiled layer '{self.path}' failed; what it says is above.")

    def __call__(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The outputs for float32 or int64 tensors of the shapes that it was compiled for, in any memory layout."""
        handles = _aoti.unsafe_alloc_void_ptrs_from_tensors([tensor.contiguous() for tensor in inputs])
        taken = (ctypes.c_void_p * len(handles))(*(_address(handle, None) for handle in handles))
        made = (ctypes.c_void_p * self.n_outputs)()
        counts = ctypes.c_size_t(len(handles)), ctypes.c_size_t(self.n_outputs)
        self._call("Run", self._container, taken, counts[0], made, counts[1], None, None)
        return list(_aoti.alloc_tensors_by_stealing_from_void_ptrs([_capsule(each, None, None) for each in made]))
