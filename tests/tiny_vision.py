"""Pretrained vision models small enough to be made in a test: random weights, a size and a mean of their own."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
MEAN, DEVIATION = (0.1, 0.2, 0.4), (0.5, 0.25, 0.2)
PREPARATION = {
    "do_resize": True,
    "size": {"height": 8, "width": 8},
    "resample": 2,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": MEAN,
    "image_std": DEVIATION,
}
"""To 8 x 8 pixels, and to a mean and deviation that no other model has."""


@cache
def tiny_vision(kind: str = "vit") -> str:
    """Folder of a vision model with 16 dimensions; gone when the process ends."""
    import torch
    import transformers

    folder = Path(tempfile.mkdtemp(prefix=f"tiny-{kind}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.AutoModel.from_config(_config(kind))
        for name, parameter in model.named_parameters():
            if name.endswith(("bias", "cls_token", "position_embeddings")):  # which begin as zeros
                torch.nn.init.normal_(parameter, std=0.1)
        model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPARATION))
    return str(folder)


def stand_in(patch) -> None:
    """Let a tiny model be opened for the default one, which no test may fetch."""
    from counterpoise.images import vision_checkpoints

    opened = vision_checkpoints.VisionCheckpoint.open

    def open_tiny(name: str, revision: str | None = None):
        return opened(tiny_vision() if name == vision_checkpoints.DEFAULT else name, revision)

    patch.setattr(vision_checkpoints.VisionCheckpoint, "open", staticmethod(open_tiny))


def _config(kind: str) -> Any:
    import transformers as t

    layers = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "image_size": 8,
        "patch_size": 4,
    }
    if kind == "vit":
        return t.ViTConfig(**layers)
    if kind == "dinov2":
        return t.Dinov2Config(**layers, mlp_ratio=2)
    if kind == "swin":
        return t.SwinConfig(
            image_size=8, patch_size=2, embed_dim=8, depths=[1, 1], num_heads=[2, 2], window_size=2
        )
    if kind == "convnext":
        return t.ConvNextConfig(num_stages=2, patch_size=2, hidden_sizes=[8, 16], depths=[1, 1], image_size=8)
    assert kind == "resnet", kind
    return t.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_stages=2
    )
