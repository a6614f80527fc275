"""Models of timm as backbones, where timm is installed (`pip install "counterpoise[timm]"`)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from counterpoise import ImageClassifier

timm = pytest.importorskip("timm", exc_type=ImportError)


def folder_of(architecture: str, folder: Path) -> str:
    """A folder as ``save_pretrained`` writes it, with random weights."""
    from transformers import TimmWrapperConfig, TimmWrapperModel

    described = timm.get_pretrained_cfg(architecture).to_dict()
    wanted = ("input_size", "mean", "std", "crop_pct", "interpolation")
    torch.manual_seed(0)
    config = TimmWrapperConfig(
        architecture=architecture, pretrained_cfg={name: described[name] for name in wanted}
    )
    TimmWrapperModel(config).save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["model_type"] == "timm_wrapper"
    return str(folder)


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize(
    "architecture",
    [
        "resnet10t",
        "vit_tiny_patch16_224",
        "convnext_atto",
        "mobilenetv3_small_050",
        "swin_tiny_patch4_window7_224",
        "levit_128s",
        "mixer_s32_224",
    ],
)
def test_it_is_a_backbone_that_is_saved_and_loaded(architecture, frozen, images_of, tmp_path) -> None:
    images, labels = images_of((24, 8), 0)
    name = folder_of(architecture, tmp_path / "model")
    settings = {"max_epochs": 1, "threshold": None, "validation_fraction": 0.0, "precision": "float32"}
    model = ImageClassifier("erm", "vision", backbone__name=name, backbone__frozen=frozen, **settings)
    probabilities = model.fit(images, labels).predict_proba(images)
    assert probabilities.shape == (32, 2)
    assert np.isfinite(probabilities).all()
    model.save(tmp_path / "saved")
    again = ImageClassifier.load(tmp_path / "saved").predict_proba(images)
    np.testing.assert_array_equal(again, probabilities)
