"""Predictors by the kind that a saved model has, but for those that are made of others."""

from __future__ import annotations

from typing import Any

from counterpoise.methods.char_neighbors import CharNeighborPredictor
from counterpoise.methods.encoder_neighbors import NeighborPredictor
from counterpoise.methods.frozen_encoder import EncoderPredictor
from counterpoise.methods.linear_predictor import LinearPredictor
from counterpoise.methods.llm_zero_shot import ZeroShotPredictor
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.sparse_linear import SparseLinearPredictor

PREDICTORS: dict[str, Any] = {
    cls.kind: cls
    for cls in (
        NetworkPredictor,
        LinearPredictor,
        SparseLinearPredictor,
        EncoderPredictor,
        NeighborPredictor,
        CharNeighborPredictor,
        ZeroShotPredictor,
    )
}
