"""Channels' means and deviations, batches wherever the images lie, and repeated images."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from counterpoise.backbones.base import Batch
from counterpoise.backbones.resnet import ResNet
from counterpoise.errors import DataError
from counterpoise.groups import image_groups
from counterpoise.images import pixels as pixels_module
from counterpoise.images.mapped import MappedImages
from counterpoise.images.pixels import Pixels
from counterpoise.images.repeats import repeated_image_groups

IMAGES = np.random.default_rng(0).integers(0, 200, (30, 6, 5, 3), dtype=np.uint8)


@pytest.mark.parametrize("place", [np.asarray, MappedImages], ids=["memory", "map"])
def test_channels_are_learnt_exactly_and_in_pieces(place, monkeypatch) -> None:
    monkeypatch.setattr(pixels_module, "_AT_ONCE", 7)
    images = IMAGES.copy()
    images[..., 1] = 77
    spec = Pixels().fit(place(images)).input_spec
    wide = images.reshape(-1, 3).astype(np.float64)
    assert (spec.channels, spec.height, spec.width) == (3, 6, 5)
    np.testing.assert_allclose(spec.mean, wide.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(spec.scale[::2], wide.std(axis=0)[::2], rtol=1e-12)
    assert (spec.mean[1], spec.scale[1]) == (77, 1), "a constant channel is centred only"


def test_the_network_standardises_by_the_fitting_side() -> None:
    encoder = Pixels().fit(IMAGES)
    network = ResNet(encoder.input_spec, depth=8).eval()
    values, mask = encoder.encode(IMAGES).batch(np.arange(30))
    assert mask is None
    nothing = torch.empty(0)
    vectors = network.vectors(Batch(values, None, nothing, nothing, nothing))
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(vectors.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(vectors.std(dim=(0, 2, 3), correction=0), torch.ones(3), atol=1e-5, rtol=0)


@pytest.mark.parametrize("place", [np.asarray, MappedImages], ids=["memory", "map"])
def test_batches_are_rows_with_channels_first(place) -> None:
    rows = np.array([3, 3, 29, 0])
    encoded = Pixels().fit(IMAGES).encode(place(IMAGES))
    values, _ = encoded.batch(rows)
    assert values.dtype == torch.uint8
    np.testing.assert_array_equal(values.numpy(), IMAGES[rows].transpose(0, 3, 1, 2))
    assert values.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(torch.cat(list(encoded.pieces())).numpy(), IMAGES.transpose(0, 3, 1, 2))
    assert len(encoded) == 30
    assert encoded.lengths.tolist() == [1] * 30


def test_read_only_arrays_are_served() -> None:
    images = IMAGES.copy()
    images.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Pixels().fit(images).encode(images).batch(np.array([0]))


def test_other_sizes_are_refused_and_a_state_restores() -> None:
    encoder = Pixels().fit(IMAGES)
    with pytest.raises(DataError, match=r"shape \(5, 5, 3\) .* fitted to \(6, 5, 3\); resize them"):
        encoder.encode(IMAGES[:, :5])
    assert Pixels.from_state(encoder.state()).input_spec == encoder.input_spec


@pytest.mark.parametrize("place", [np.asarray, MappedImages], ids=["memory", "map"])
def test_the_same_image_twice_is_one_group(place) -> None:
    images = IMAGES[[0, 1, 0, 2, 1]].copy()
    nearly = images[:1].copy()
    nearly[0, 5, 4, 2] ^= 1
    given = place(np.concatenate([images, nearly]))
    assert repeated_image_groups(given).tolist() == [0, 1, 0, 2, 1, 3]
    assert image_groups(given).tolist() == [0, 1, 0, 2, 1, 3]
    assert image_groups(given, ["a", "b", "c", "b", "d", "e"]).tolist() == [0, 1, 0, 1, 1, 2]
