"""Which kernels a network gets where those of bf16 cannot be compiled; on any processor, since none is called."""

from __future__ import annotations

from eginterpolator.errors import InputError
from eginterpolator.models import compiled
from eginterpolator.nn.structure_layer import PairMessages
from tests.builders.networks import network


def test_without_a_compiler_for_bf16_kernels_of_fp32_serve(monkeypatch):
    monkeypatch.setattr(compiled, "processor_fits", lambda numbers: True)

    def only_fp32(numbers):
        if numbers == "bf16":
            raise InputError("There is no C++ compiler.")

    monkeypatch.setattr(compiled, "library", only_fp32)
    fast = compiled.with_kernels.__wrapped__(network("structure", hidden=32, channels=16), "bf16")
    parts = [part.kernel for part in fast.modules() if isinstance(part, PairMessages)]
    assert parts and all(kernel.keywords == {"numbers": "fp32"} for kernel in parts)
