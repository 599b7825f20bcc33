"""Checkpoint folders: a model rebuilds itself, and what is wrong with one is said in a sentence."""

from __future__ import annotations

import json

import pytest
import torch

from eginterpolator.diffusion.process import DDPM
from eginterpolator.errors import InputError
from eginterpolator.models.registry import build_denoiser, export_model, list_models, load_model, save_model
from tests.builders.networks import CHIRAL, MODELS, frames, graphs, network, raw


@pytest.fixture
def saved(tmp_path):
    """Folder of a small blockwise interpolator."""
    denoiser = network("blockwise")
    save_model(tmp_path / "m", denoiser, {"model": MODELS["blockwise"], "process": denoiser.process.config()})
    return tmp_path / "m"


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_comes_back_from_its_folder(tmp_path, kind):
    denoiser = network(kind)
    denoiser.process = DDPM(steps=500)
    config = {"name": "mine", "model": MODELS[kind], "process": denoiser.process.config(), "frame_ps": 5.2}
    save_model(tmp_path / "m", denoiser, config)
    model = load_model(tmp_path / "m")
    assert model.name == "mine" and model.config["frame_ps"] == 5.2 and not model.denoiser.training
    assert model.process.config() == denoiser.process.config()
    x, batch = frames(CHIRAL, 3), graphs(CHIRAL)
    assert torch.equal(raw(model.denoiser, x, batch), raw(denoiser, x, batch))


@pytest.mark.parametrize("keep", [0, 20, 5000])
def test_truncated_weights_are_named(saved, keep):
    weights = saved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(InputError, match="weights in .* are damaged or incomplete"):
        load_model(saved)


def damage(config: dict, change: str) -> str:
    if change == "no json":
        return "{"
    if change == "no process":
        del config["process"]
    elif change == "a list":
        return "[]"
    elif change == "other layers":
        config["model"] = {**MODELS["blockwise"], "structure": {"hidden": 16, "channels": 4, "layers": 3}}
    elif change == "other featuriser":
        config["featurizer_version"] = 0
    return json.dumps(config)


@pytest.mark.parametrize("change", ["no json", "no process", "a list", "other layers", "other featuriser"])
def test_a_config_that_does_not_fit_is_named(saved, change):
    path = saved / "config.json"
    path.write_text(damage(json.loads(path.read_text()), change))
    message = "featuriser 0" if change == "other featuriser" else "damaged or incomplete"
    with pytest.raises(InputError, match=message) as caught:
        load_model(saved)
    assert "\n" not in str(caught.value) and str(saved) in str(caught.value)


def test_models_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match="no model 'none'"):
        load_model("none")
    with pytest.raises(InputError, match="'Big' is not a model class; use one of BasicES"):
        build_denoiser({"class": "Big"}, DDPM().config())
    with pytest.raises(InputError, match="do not fit"):
        build_denoiser({"class": "BasicES", "depth": 3}, DDPM().config())


def test_every_shipped_model_can_be_listed_and_loaded():
    for name in list_models():
        assert load_model(name).name == name


def test_a_model_is_exported_once(saved, tmp_path):
    out = export_model(saved, tmp_path / "copy")
    assert {p.name for p in out.iterdir()} == {"model.safetensors", "config.json"}
    assert load_model(out).config == load_model(saved).config
    with pytest.raises(InputError, match="exists"):
        export_model(saved, out)
