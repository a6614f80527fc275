"""Where MISO's modules live: a device that is not here is refused, and all that is drawn is drawn alike everywhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from counterpoise import MISO
from counterpoise.errors import SettingsError
from counterpoise.methods.base import Context
from counterpoise.methods.registry import METHODS
from counterpoise.miso.corpus import Corpus
from counterpoise.miso.gate import drawn
from counterpoise.miso.variants import CAG, MisoEdit
from counterpoise.training.settings import TrainingSettings


def test_a_device_that_is_not_here_is_refused_before_any_work() -> None:
    for sampler in (MISO(device="tpu"), CAG(device="tpu")):
        with pytest.raises(SettingsError, match="device 'tpu' is not on this machine"):
            sampler.check()
    assert MISO(device="tpu", generator="edit")._device() == torch.device("cpu"), "nothing is trained"
    assert MisoEdit()._device() == torch.device("cpu")


def test_draws_come_from_the_cpu() -> None:
    generator = torch.Generator().manual_seed(3)
    expected = torch.rand(4, 5, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(drawn(4, 5, torch.device("cpu"), generator), expected, rtol=0, atol=0)


@pytest.mark.parametrize(("classifier", "sampler"), [("cpu", "cpu"), ("cuda:1", "cuda:1"), ("mps", "cpu")])
def test_as_a_method_it_follows_the_classifier(classifier, sampler, monkeypatch) -> None:
    monkeypatch.setattr(TrainingSettings, "torch_device", lambda settings: torch.device(settings.device))
    context = Context(seed=0, training=TrainingSettings(device=classifier))
    for name in ("miso", "cag"):
        method = METHODS[name]()
        assert "device" not in method.get_params(), "one setting, that of the classifier"
        assert method._sampler(context).device == sampler
    assert "device" not in METHODS["word_swap"]()._sampler(context).get_params()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("generator", ["pointer", "free"])
def test_a_gpu_writes_texts_too(generator, spam) -> None:
    texts, labels = spam
    written = {}
    for device in ("cpu", "cuda"):
        sampler = MISO(generator=generator, device=device, random_state=0)
        written[device], _ = sampler.fit_resample(texts, labels)
        assert len(written[device]) == 200
    assert Corpus(texts, dim=8, device="cuda").batch(np.arange(3))[0].is_cuda
    same = np.mean(written["cpu"][len(texts) :] == written["cuda"][len(texts) :])
    assert same > 0.2, "the same pairs and draws give much the same texts"
