"""Networks over images: published sizes, blocks worked by hand, shapes, augmentation in training alone, mixing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.convnet import ConvNet
from counterpoise.backbones.registry import find_backbone
from counterpoise.backbones.resnet import Block, ResNet, check_depth
from counterpoise.errors import SettingsError
from counterpoise.images.pixels import PixelSpec
from counterpoise.mixing.pairs import Pairs

NOTHING = torch.empty(0)


def spec(height: int = 32, width: int = 32, channels: int = 3) -> PixelSpec:
    return PixelSpec(height, width, (100.0,) * channels, (50.0,) * channels)


def batch(count: int, height: int, width: int) -> Batch:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (count, 3, height, width), generator=generator, dtype=torch.uint8)
    return Batch(pixels, None, NOTHING, NOTHING, NOTHING)


def n_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("depth", "side", "expected"),
    [
        # With the classifier's 64 * 10 + 10: 269,722 and 464,154, the paper's 0.27M and 0.46M (table 6).
        (20, 32, 269_722 - 650),
        (32, 32, 464_154 - 650),
        (44, 32, 658_586 - 650),
        (56, 32, 853_018 - 650),
        # torchvision's resnet18 and resnet34 have 11,689,512 and 21,797,672 with a classifier of 1000 * 513.
        (18, 224, 11_689_512 - 513_000),
        (34, 224, 21_797_672 - 513_000),
        # A 3 x 3 stem in place of the 7 x 7 one.
        (18, 64, 11_689_512 - 513_000 - 3 * 64 * (49 - 9)),
    ],
)
def test_sizes_of_the_published_networks(depth, side, expected) -> None:
    assert n_parameters(ResNet(spec(side, side), depth=depth)) == expected


@pytest.mark.parametrize(
    ("depth", "height", "width", "positions", "dim"),
    [
        (8, 32, 32, 64, 64),
        (8, 33, 21, 9 * 6, 64),
        (8, 12, 12, 9, 64),
        (18, 64, 64, 64, 512),
        (18, 96, 65, 9, 512),
    ],
)
def test_tokens_are_the_positions_of_the_last_map(depth, height, width, positions, dim) -> None:
    """Each stage but the first halves the map, rounding up; the coarse stem has done so twice before."""
    network = ResNet(spec(height, width), depth=depth).eval()
    rows = batch(2, height, width)
    tokens = network.tokens(rows)
    assert tokens.shape == (2, positions, dim)
    assert network.dim == dim
    torch.testing.assert_close(network(rows), tokens.mean(dim=1))


@pytest.mark.parametrize("projected", [False, True])
@pytest.mark.parametrize(("before", "after", "stride"), [(2, 2, 1), (2, 5, 2)])
def test_a_block_by_hand(before, after, stride, projected) -> None:
    torch.manual_seed(0)
    block = Block(before, after, stride, projected=projected)
    for norm in (module for module in block.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight)
        nn.init.uniform_(norm.bias)
        norm.running_mean.uniform_()
        norm.running_var.uniform_(0.5, 2)
    x = torch.randn(3, before, 6, 7)
    state = block.eval().state_dict()

    def norm(y: torch.Tensor, name: str) -> torch.Tensor:
        mean, var, weight, bias = (
            state[f"{name}.{part}"].view(-1, 1, 1)
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (y - mean) / (var + 1e-5).sqrt() * weight + bias

    y = norm(functional.conv2d(x, state["first.weight"], stride=stride, padding=1), "first_norm").clamp(min=0)
    y = norm(functional.conv2d(y, state["second.weight"], padding=1), "second_norm")
    shortcut = torch.zeros_like(y)
    if projected and after != before:
        shortcut = norm(functional.conv2d(x, state["projection.0.weight"], stride=stride), "projection.1")
    else:
        shortcut[:, :before] = x[:, :, ::stride, ::stride]
    torch.testing.assert_close(block(x), (y + shortcut).clamp(min=0))
    assert ("projection.0.weight" in state) == (projected and after != before)


def test_convnet_by_hand() -> None:
    torch.manual_seed(0)
    network = ConvNet(spec(28, 28)).eval()
    assert network.dim == 120
    assert [tuple(p.shape) for name, p in network.named_parameters() if name.endswith("weight")] == [
        (6, 3, 5, 5),
        (16, 6, 5, 5),
        (400, 16 * 4 * 4),
        (120, 400),
    ]
    rows = batch(3, 28, 28)
    state = network.state_dict()
    x = (rows.inputs.float() - 100) / 50
    for at in ("convolutions.0", "convolutions.3"):
        x = functional.conv2d(x, state[f"{at}.weight"], state[f"{at}.bias"]).clamp(min=0)
        x = functional.max_pool2d(x, 2)
    x = x.flatten(1)
    for at in ("units.0", "units.2"):
        x = functional.linear(x, state[f"{at}.weight"], state[f"{at}.bias"]).clamp(min=0)
    torch.testing.assert_close(network(rows), x)
    assert network.tokens(rows).shape == (3, 1, 120)


def test_weights_begin_at_the_scale_of_he() -> None:
    """Standard deviation sqrt(2 / (features out * 9)) in every convolution of the paper's networks."""
    torch.manual_seed(0)
    for name, weight in ResNet(spec(), depth=32).named_parameters():
        if weight.dim() == 4:
            expected = (2 / (weight.shape[0] * weight.shape[2] * weight.shape[3])) ** 0.5
            assert weight.std().item() == pytest.approx(expected, rel=0.15), name


@pytest.mark.parametrize("make", [ResNet, ConvNet])
def test_images_are_augmented_in_training_alone_and_where_asked(make) -> None:
    rows = batch(16, 20, 20)
    plain = (rows.inputs.float() - 100) / 50
    network = make(spec(20, 20), augment=True)
    torch.manual_seed(0)
    first, second = network.train().vectors(rows), network.vectors(rows)
    assert not torch.equal(first, second)
    assert first.min() == -2, "black has come in from the sides"
    torch.manual_seed(0)
    assert torch.equal(network.vectors(rows), first)
    unaugmented = make(spec(20, 20), augment=False).train()
    before = torch.get_rng_state()
    torch.testing.assert_close(network.eval().vectors(rows), plain)
    torch.testing.assert_close(unaugmented.vectors(rows), plain)
    assert torch.equal(network(rows), network(rows))
    assert torch.equal(torch.get_rng_state(), before), "numbers were drawn"


def test_settings_of_augmentation() -> None:
    rows = batch(32, 20, 20)
    mirrored_only = ResNet(spec(20, 20), depth=8, padding=0).train().vectors(rows)
    plain = (rows.inputs.float() - 100) / 50
    same = (mirrored_only == plain).flatten(1).all(dim=1)
    mirrored = (mirrored_only == plain.flip(3)).flatten(1).all(dim=1)
    assert (same | mirrored).all()
    assert same.any()
    assert mirrored.any()
    still = ResNet(spec(20, 20), depth=8, padding=0, flip=False).train().vectors(rows)
    torch.testing.assert_close(still, plain)
    assert ResNet(spec(64, 64), depth=8).padding == 8
    assert ResNet(spec(64, 64), depth=8, padding=3).padding == 3


@pytest.mark.parametrize(
    "make", [lambda: ResNet(spec(12, 12), depth=8, augment=False), lambda: ConvNet(spec(20, 20))]
)
def test_mixed_images_by_hand(make) -> None:
    network = make().eval()
    side = 12 if isinstance(network, ResNet) else 20
    rows = batch(3, side, side)
    weights = torch.full((3,), 0.7)
    found = network.mixed(rows, Pairs(torch.tensor([1, 2, 0]), weights, weights))
    mixed = 0.7 * rows.inputs.float() + 0.3 * rows.inputs[[1, 2, 0]].float()
    torch.testing.assert_close(found, network(rows._replace(inputs=mixed)), atol=1e-5, rtol=1e-4)
    network.check_mixing()


def test_images_have_no_dropout_before_the_head() -> None:
    assert Network(ConvNet(spec()), 2).dropout.p == 0


@pytest.mark.parametrize("depth", [0, 2, 9, 19, 101, -4])
def test_depths_there_are_no_networks_of_are_refused(depth) -> None:
    with pytest.raises(SettingsError, match=f"depth of backbone 'resnet' is {depth}; give 6 n"):
        check_depth({"depth": depth})


@pytest.mark.parametrize(("side", "depth"), [(4, 8), (8, 18)])
def test_images_that_would_end_as_one_position_are_refused(side, depth) -> None:
    with pytest.raises(
        SettingsError, match=f"{side} x {side} pixels are too small .* more than {side} pixels"
    ):
        ResNet(spec(side, side), depth=depth)
    alone = torch.zeros(1, 3, side + 1, side + 1, dtype=torch.uint8)
    network = ResNet(spec(side + 1, side + 1), depth=depth).train()
    assert torch.isfinite(network(Batch(alone, None, None, None, None))).all()


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("resnet", {"depth": 19}, "depth of backbone 'resnet' is 19"),
        ("resnet", {"augment": "yes"}, "augment is 'yes'; give true or false"),
        ("convnet", {"flip": 1}, "flip is 1; give true or false"),
        ("convnet", {"padding": -1}, "padding is -1; give pixels"),
        ("resnet", {"padding": True}, "padding is True; give pixels"),
        ("resnet", {"padding": 2.5}, "padding is 2.5; give pixels"),
    ],
)
def test_settings_out_of_range_are_refused_before_any_work(name, settings, said) -> None:
    with pytest.raises(SettingsError, match=said) as error:
        find_backbone(name, settings).check(settings)
    assert "\n" not in str(error.value)
    find_backbone(name).check({"padding": None, "augment": False, "flip": True})


@pytest.mark.parametrize(("side", "kernel"), [(15, 5), (9, 3)])
def test_images_too_small_for_the_network_are_refused_in_one_sentence(side, kernel) -> None:
    with pytest.raises(
        SettingsError, match=rf"images of {side} x 40 pixels are too small for 2 conv"
    ) as error:
        ConvNet(spec(side, 40), kernel=kernel)
    assert "\n" not in str(error.value)
    ConvNet(spec(side + 1, 40), kernel=kernel)


def test_the_order_of_memory_does_not_change_what_is_learnt() -> None:
    """Channels last inside, whichever way the batch comes."""
    torch.manual_seed(0)
    network = ResNet(spec(16, 16), depth=8).eval()
    rows = batch(4, 16, 16)
    other = rows._replace(inputs=rows.inputs.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(network(rows), network(other))
    assert network.stem.weight.is_contiguous(memory_format=torch.channels_last)
    assert np.isfinite(network(rows).detach().numpy()).all()
