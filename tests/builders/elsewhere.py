"""Kernels of ARM's processors on this one, by an emulator: what the operators call, with the same tensors."""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
from pathlib import Path

import torch
from torch import Tensor

from eginterpolator.kernels import attention, layers, library, messages, transition

COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"
LIBRARIES = "/usr/aarch64-linux-gnu"
DRIVER = Path(__file__).parents[1] / "kernels" / "elsewhere.cpp"


def is_here() -> bool:
    """Whether there are a compiler for ARM and an emulator of it (Debian: g++-aarch64-linux-gnu, qemu-user)."""
    return shutil.which(COMPILER) is not None and shutil.which(EMULATOR) is not None


def compiled(folder: Path) -> Path:
    """The program that calls a function of the kernels, for ARM."""
    units = [DRIVER, *(source for source in library.SOURCES if source.suffix == ".cpp")]
    program = folder / "elsewhere"
    flags = [flag for flag in library.FLAGS if flag != "-O3"]
    command = [COMPILER, f"-I{library.SOURCES[0].parent}", *map(str, units), *flags, "-O2", "-o", str(program)]
    subprocess.run(command, check=True)
    return program


class Elsewhere:
    """Stands for `library.call`: structures and the tensors that they point to go to the program and come back."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program, self.folder = program, folder
        self.tensors: dict[int, Tensor] = {}

    def install(self, patch) -> None:
        """Put it in the place of the functions that the kernels' modules call."""
        for module in (attention, layers, messages, transition):
            patch.setattr(module, "call", self.call)
            patch.setattr(module, "pointers", self.pointers)

    def pointers(self, kind: type[ctypes.Structure], *tensors: Tensor | None, **numbers: float) -> ctypes.Structure:
        self.tensors |= {each.data_ptr(): each for each in tensors if each is not None}
        return library.pointers(kind, *tensors, **numbers)

    def call(self, name: str, numbers: str, *structures: ctypes.Structure | None) -> None:
        assert numbers == "fp32"
        arrays: list[Tensor] = []
        described = []
        for each in structures:
            content = bytes(each) if each is not None else b""
            places = []
            for field, kind in getattr(each, "_fields_", ()):
                address = getattr(each, field)
                if kind is ctypes.c_void_p and address is not None:
                    places.append((getattr(type(each), field).offset, len(arrays)))
                    arrays.append(self.tensors[address])
            described.append((content, places))
        given, made = self.folder / "in", self.folder / "out"
        with given.open("wb") as stream:
            stream.write(struct.pack("<q", len(arrays)))
            for array in arrays:
                stream.write(struct.pack("<q", array.nbytes) + array.detach().numpy().tobytes())
            stream.write(struct.pack("<q", len(described)))
            for content, places in described:
                stream.write(struct.pack("<q", len(content)) + content + struct.pack("<q", len(places)))
                for place in places:
                    stream.write(struct.pack("<qq", *place))
        subprocess.run([EMULATOR, "-L", LIBRARIES, self.program, name, given, made], check=True)
        content = made.read_bytes()
        for array in arrays:
            found = torch.frombuffer(bytearray(content[: array.nbytes]), dtype=array.dtype)
            array.detach().view(-1).copy_(found)
            content = content[array.nbytes :]
        self.tensors.clear()
