"""The methods by name. A new method is one file and one line in :data:`METHODS`."""

from __future__ import annotations

from typing import Any

from counterpoise.backbones.registry import BACKBONES, find_backbone
from counterpoise.data.near import near_match
from counterpoise.errors import SettingsError
from counterpoise.methods.adasyn import Adasyn
from counterpoise.methods.auto import Auto
from counterpoise.methods.balanced_batches import BalancedBatches
from counterpoise.methods.balanced_forest import BalancedForest
from counterpoise.methods.balanced_softmax import BalancedSoftmax
from counterpoise.methods.base import Method
from counterpoise.methods.bcl import BCL
from counterpoise.methods.blend import Blend
from counterpoise.methods.borderline_smote import BorderlineSmote
from counterpoise.methods.char_lr import CharLR
from counterpoise.methods.char_neighbors import CharNeighbors
from counterpoise.methods.class_balanced import ClassBalanced
from counterpoise.methods.class_weight import ClassWeight
from counterpoise.methods.crt import CRT
from counterpoise.methods.dice import Dice
from counterpoise.methods.dos import DOS
from counterpoise.methods.drw import DRW
from counterpoise.methods.easy_ensemble import EasyEnsemble
from counterpoise.methods.encoder_lda import EncoderLDA
from counterpoise.methods.encoder_lr import EncoderLR
from counterpoise.methods.encoder_neighbors import EncoderNeighbors
from counterpoise.methods.erm import ERM
from counterpoise.methods.feature_knn import FeatureKNN
from counterpoise.methods.focal import Focal
from counterpoise.methods.hard_smote import HardSmote
from counterpoise.methods.kcl import KCL
from counterpoise.methods.ldam import LDAM
from counterpoise.methods.ldam_drw import LDAMDRW
from counterpoise.methods.llm_zero_shot import LLMZeroShot
from counterpoise.methods.logit_adjustment import LogitAdjustment
from counterpoise.methods.lws import LWS
from counterpoise.methods.mamix import MAMix
from counterpoise.methods.mixtext import MixText
from counterpoise.methods.mixup import Mixup
from counterpoise.methods.nb_lr import NaiveBayesLR
from counterpoise.methods.ncm import NCM
from counterpoise.methods.random_oversample import RandomOversample
from counterpoise.methods.remix import Remix
from counterpoise.methods.sampled import sampled_method
from counterpoise.methods.setfit import SetFit
from counterpoise.methods.sharprecl import SharpReCL
from counterpoise.methods.smote import Smote
from counterpoise.methods.soft_smote import SoftSmote
from counterpoise.methods.supcon import SupCon
from counterpoise.methods.tau_norm import TauNorm
from counterpoise.methods.tfidf_lr import TfidfLR
from counterpoise.methods.tfidf_svm import TfidfSVM
from counterpoise.methods.two_stage import TwoStage
from counterpoise.miso.oversampler import MISO
from counterpoise.miso.variants import CAG, MisoEdit
from counterpoise.oversampling.llm_oversample import LanguageModelWriter
from counterpoise.oversampling.markov import MarkovWriter
from counterpoise.oversampling.mask_fill import MaskFill
from counterpoise.oversampling.splice import Splice
from counterpoise.oversampling.word_dropout import WordDropout
from counterpoise.oversampling.word_insertion import WordInsertion
from counterpoise.oversampling.word_replacement import WordReplacement
from counterpoise.oversampling.word_shuffle import WordShuffle
from counterpoise.oversampling.word_swap import WordSwap

_EDA, _MISO = "Wei and Zou 2019", "Tian et al. 2021"

METHODS: dict[str, type[Method]] = {
    "erm": ERM,
    "class_weight": ClassWeight,
    "class_balanced": ClassBalanced,
    "random_oversample": RandomOversample,
    "balanced_batches": BalancedBatches,
    "focal": Focal,
    "dice": Dice,
    "ldam": LDAM,
    "drw": DRW,
    "ldam_drw": LDAMDRW,
    "logit_adjustment": LogitAdjustment,
    "balanced_softmax": BalancedSoftmax,
    "mixup": Mixup,
    "remix": Remix,
    "mamix": MAMix,
    "hard_smote": HardSmote,
    "soft_smote": SoftSmote,
    "dos": DOS,
    "mixtext": MixText,
    "crt": CRT,
    "tau_norm": TauNorm,
    "lws": LWS,
    "ncm": NCM,
    "feature_knn": FeatureKNN,
    "two_stage": TwoStage,
    "setfit": SetFit,
    "supcon": SupCon,
    "bcl": BCL,
    "kcl": KCL,
    "sharprecl": SharpReCL,
    "word_swap": sampled_method(WordSwap, "minority copies with a third of their words from majority texts"),
    "splice": sampled_method(Splice, "minority copies with a few words in a row of a majority text put in"),
    "word_dropout": sampled_method(WordDropout, "minority copies with words left out (EDA)", _EDA),
    "word_shuffle": sampled_method(WordShuffle, "minority copies with pairs of words swapped (EDA)", _EDA),
    "word_insertion": sampled_method(
        WordInsertion, "minority copies with words near theirs put in (EDA)", _EDA
    ),
    "word_replacement": sampled_method(
        WordReplacement, "minority copies with words replaced by near ones (EDA)", _EDA
    ),
    "mask_fill": sampled_method(
        MaskFill, "minority copies with words filled in by a masked language model", "Wu et al. 2019"
    ),
    "markov": sampled_method(
        MarkovWriter, "texts by a Markov chain of words over both classes (EMCO)", "Avela and Ilmonen 2026"
    ),
    "llm_oversample": sampled_method(
        LanguageModelWriter,
        "texts written by a large language model shown difficult samples; give it as `model`",
    ),
    "miso": sampled_method(MISO, "anchors for difficult samples, by SFM, MINE and CAG", _MISO),
    "miso_edit": sampled_method(
        MisoEdit, "MISO without a decoder: difficult samples edited, nothing trained", _MISO
    ),
    "cag": sampled_method(
        CAG, "MISO's generator without fusion and mutual information (its ablation)", _MISO
    ),
    "smote": Smote,
    "borderline_smote": BorderlineSmote,
    "adasyn": Adasyn,
    "tfidf_lr": TfidfLR,
    "char_lr": CharLR,
    "char_neighbors": CharNeighbors,
    "tfidf_svm": TfidfSVM,
    "nb_lr": NaiveBayesLR,
    "encoder_lr": EncoderLR,
    "encoder_lda": EncoderLDA,
    "encoder_neighbors": EncoderNeighbors,
    "llm_zero_shot": LLMZeroShot,
    "blend": Blend,
    "auto": Auto,
    "balanced_forest": BalancedForest,
    "easy_ensemble": EasyEnsemble,
}
Blend.known = METHODS
for _name, _method in METHODS.items():
    _method.name = _name

DEFAULT_BACKBONE = {"text": "textcnn", "array": "mlp", "image": "resnet"}
"""Backbone of a gradient method when none is named, by kind of input."""


def make_method(name: str, settings: dict[str, Any] | None = None) -> Method:
    """Make a method by name.

    Parameters
    ----------
    name : str
        A key of :data:`METHODS`.
    settings : dict or None
        Its own settings.

    Raises
    ------
    SettingsError
        For an unknown name or setting, with what there is.
    """
    if name not in METHODS:
        raise SettingsError(
            f"there is no method {name!r}; choose one of {', '.join(METHODS)}{near_match(name, METHODS)}"
        )
    method = METHODS[name]()
    for key in settings or {}:
        if key not in method.get_params():
            has = ", ".join(method.get_params()) or "none"
            raise SettingsError(f"method {name!r} has no setting {key!r}; its settings: {has}")
    return method.set_params(**(settings or {}))


def check_combination(
    name: str, method: Method, kind: str, backbone: str | None, backbone_settings: dict[str, Any]
) -> str:
    """Refuse what cannot go together before any work is done.

    Parameters
    ----------
    name : str
        Of the method, for the message.
    method : Method
    kind : {"text", "array", "image"}
        What the data are.
    backbone : str or None
        None takes the default of ``kind``.
    backbone_settings : dict

    Returns
    -------
    str
        Name of the backbone.

    Raises
    ------
    SettingsError
        In one sentence.
    """
    if kind not in method.inputs:
        fitting = [other for other, cls in METHODS.items() if kind in cls.inputs]
        raise SettingsError(
            f"method {name!r} does not take {kind} data; of the others do: {', '.join(fitting)}"
        )
    if not method.trains_backbone(kind):
        given = repr(backbone) if backbone is not None else ", ".join(backbone_settings)
        if given:
            when = f" on {kind} data with the settings it has" if method.uses_backbone else ""
            raise SettingsError(
                f"method {name!r} uses no backbone{when}, but {given} was given; leave it out, or name a method that "
                "trains one, such as 'class_weight'"
            )
        return DEFAULT_BACKBONE[kind]
    chosen = backbone or DEFAULT_BACKBONE[kind]
    entry = find_backbone(chosen, backbone_settings)
    if entry.inputs != kind:
        fitting = [other for other, e in BACKBONES.items() if e.inputs == kind]
        raise SettingsError(
            f"backbone {chosen!r} reads {entry.inputs} data, not {kind}; choose one of {', '.join(fitting)}"
        )
    return chosen
