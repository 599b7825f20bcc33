"""Foreign pickles: plain data comes back, anything that would run is refused before it does."""

from __future__ import annotations

import collections
import os
import pickle
import subprocess

import numpy as np
import pytest
import torch
from rdkit import Chem

from eginterpolator.data.readers.unpickle import GraphData, graph_fields, safe_load, safe_loads
from eginterpolator.errors import InputError
from tests.builders.graph_pickles import pickled

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
PLAIN = [
    {"a": (1, [2.5, None, True]), "b": {1, 2}, "c": frozenset("x")},
    b"abc\xff",
    bytearray(b"x"),
    1 + 2j,
    collections.OrderedDict(a=1),
    np.float32(3.5),
    np.bool_(True),
]
ARRAYS = [
    np.arange(6).reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.array(["ab", "c"]),
    np.array(["a", None], dtype=object),
    np.zeros((0, 3), dtype=np.float32),
]
TENSORS = [
    torch.arange(6).reshape(2, 3).T,
    torch.tensor([1.0, 2.0, 3.0])[1:],
    torch.tensor(3.0, dtype=torch.float64),
    torch.zeros(0),
    torch.tensor([True, False]),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_data_come_back(protocol):
    for value in PLAIN:
        got = safe_loads(pickle.dumps(value, protocol=protocol))
        assert got == value and type(got) is type(value)
    for array in ARRAYS:
        got = safe_loads(pickle.dumps(array, protocol=protocol))
        assert got.dtype == array.dtype
        np.testing.assert_array_equal(got, array)
    for tensor in TENSORS:
        np.testing.assert_array_equal(safe_loads(pickle.dumps(tensor, protocol=protocol)), tensor.numpy())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_molecule_comes_back_with_its_structure(protocol):
    mol = Chem.MolFromMolBlock(Chem.MolToMolBlock(Chem.MolFromSmiles("C[C@H](F)O")))
    conformer = Chem.Conformer(mol.GetNumAtoms())
    conformer.SetPositions(np.arange(3.0 * mol.GetNumAtoms()).reshape(-1, 3))
    mol.AddConformer(conformer)
    got = safe_loads(pickle.dumps({"rd_mol": mol}, protocol=protocol))["rd_mol"]
    assert Chem.MolToSmiles(got) == Chem.MolToSmiles(mol)
    np.testing.assert_allclose(got.GetConformer().GetPositions(), mol.GetConformer().GetPositions())


class Runs:
    """Calls a function when it is loaded."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickle_that_runs_a_command_is_refused_and_runs_nothing(tmp_path, protocol):
    mark = tmp_path / "mark"
    path = tmp_path / "evil.pkl"
    for function, arguments in (
        (os.system, (f"touch {mark}",)),
        (subprocess.check_call, (["touch", str(mark)],)),
        (eval, (f"open({str(mark)!r}, 'w')",)),
        (open, (str(mark), "w")),
        (exec, (f"open({str(mark)!r}, 'w')",)),
    ):
        for content in (Runs(function, *arguments), [1, {"a": (Runs(function, *arguments),)}]):
            path.write_bytes(pickle.dumps(content, protocol=protocol))
            with pytest.raises(InputError, match="is refused and nothing of it was run") as refused:
                safe_load(path)
            assert function.__name__ in str(refused.value) and str(path) in str(refused.value)
            assert not mark.exists()
    path.write_bytes(pickle.dumps(Runs(os.system, f"touch {mark}"), protocol=protocol))
    pickle.loads(path.read_bytes())  # the command does run where nobody stops it
    assert mark.exists()


def test_a_command_hidden_in_a_tensors_own_pickle_is_not_run(tmp_path):
    mark = tmp_path / "mark"
    inner = pickle.dumps(Runs(os.system, f"touch {mark}"), protocol=2)
    for content in (inner, pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2) + pickle.dumps(1001, protocol=2) + inner):
        outer = pickle.dumps(Runs(torch.storage._load_from_bytes, content))
        with pytest.raises(InputError, match="one|damaged"):
            safe_loads(outer)
        assert not mark.exists()


@pytest.mark.parametrize(
    "program",
    [
        b"c_codecs\nencode\n}X\x04\x00\x00\x00_makeK\x01sb.",  # changes what is called
        b"c_codecs\nencode\n(NX\x04\x00\x00\x00_makeK\x01d\x86b.",
        b"cbuiltins\nlist\nX\x06\x00\x00\x00appendK\x01s.",
        b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x03\x00\x00\x00hextR.",  # another encoding
        b"cnumpy\nndarray\n(K\x05tR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85C\x01btR.",  # a huge array
        b"ctorch_geometric.data.data\nData\n(NX\x01\x00\x00\x00ad\x86b.",
        b"\x80\x04\x8c\x02os",  # no end
        b"\x80\x02X\x01\x00\x00\x00aQ.",  # a persistent id
        b"",
        b"PK\x03\x04 an archive",
    ],
)
def test_odd_pickles_end_in_one_sentence(program):
    with pytest.raises(InputError) as error:
        safe_loads(program, "odd.pkl")
    text = str(error.value)
    assert "odd.pkl" in text and text.endswith(".") and "\n" not in text


def test_dotted_names_do_not_reach_into_modules():
    with pytest.raises(InputError, match="refused"):
        safe_loads(b"\x80\x04\x8c\x05numpy\x8c\x0bndarray.dot\x93.")
    with pytest.raises(InputError, match="refused"):
        safe_loads(b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93.")


def test_a_tensor_larger_than_its_storage_is_refused():
    class Large:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (torch.zeros(3).storage(), 0, (1000,), (1,), False, None)

    with pytest.raises(InputError, match="larger than its storage"):
        safe_loads(pickle.dumps(Large()))


@pytest.mark.parametrize("keep", [0.2, 0.7, 0.99])
def test_a_truncated_pickle_is_named(tmp_path, keep):
    content = pickle.dumps({"conformers": [np.arange(50)], "mol": Chem.MolFromSmiles("CCO")})
    (tmp_path / "cut.pkl").write_bytes(content[: int(keep * len(content))])
    with pytest.raises(InputError, match=r"cut\.pkl' is damaged or no pickle"):
        safe_load(tmp_path / "cut.pkl")


@pytest.mark.parametrize("layout", [1, 2])
@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_graph_objects_of_both_layouts(layout, protocol):
    fields = {"pos": torch.zeros(2, 3), "smiles": "CO", "rdmol": Chem.MolFromSmiles("CO"), "idx": None}
    (got,) = safe_loads(pickled([fields], layout, protocol))
    assert isinstance(got, GraphData)
    found = graph_fields(got)
    assert found.keys() == fields.keys() and found["smiles"] == "CO" and found["pos"].shape == (2, 3)
    assert Chem.MolToSmiles(found["rdmol"]) == "CO" and found["idx"] is None
