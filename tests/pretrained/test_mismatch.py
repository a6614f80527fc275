"""A folder whose weights are not those that its configuration describes."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from counterpoise.errors import SettingsError
from counterpoise.methods.base import Context, Data
from counterpoise.methods.encoder_lr import EncoderLR
from tiny_encoders import tiny_encoder


def test_weights_of_other_shapes_than_the_configuration_says(tmp_path) -> None:
    folder = tmp_path / "encoder"
    shutil.copytree(tiny_encoder(), folder)
    config = json.loads((folder / "config.json").read_text())
    config["intermediate_size"] = 2 * config["intermediate_size"]
    (folder / "config.json").write_text(json.dumps(config))
    texts = np.array(["a b", "c d", "e f", "g h"] * 3, dtype=object)
    data = Data(texts, np.arange(12) % 2, 2, np.ones(12))
    said = r"could not be read \(its weights have other shapes than config.json says\)"
    with pytest.raises(SettingsError, match=said):
        EncoderLR(encoder=str(folder)).fit(data, Context(0))
