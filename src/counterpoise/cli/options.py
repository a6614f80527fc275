"""The options that several commands share, declared once, and the bundles in which commands take them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

_DATA, _TRAINING, _GRID, _OUTPUT = "Data", "Training", "Grid", "Output"

Source = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        show_default=False,
        help="CSV, TSV, JSON Lines or Parquet file, saved datasets folder, folder of images, - or the name of a known "
        "set.",
    ),
]
SourceOfRuns = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA",
        show_default=False,
        help="CSV, TSV, JSON Lines or Parquet file, saved datasets folder, folder of images, - or the name of a known "
        "set; with --only it may be left out if the run is on a known set.",
    ),
]
TextSource = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        show_default=False,
        help="CSV, TSV, JSON Lines or Parquet file, saved datasets folder, - or the name of a known set.",
    ),
]
Model = Annotated[
    Path,
    typer.Argument(metavar="MODEL", show_default=False, help="Folder that `counterpoise fit` wrote."),
]

Text = Annotated[
    list[str] | None,
    typer.Option(
        help="Column of texts; give it again to join several. Guessed when left out.", rich_help_panel=_DATA
    ),
]
Image = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Column of images, in a Parquet file or saved dataset. Guessed when left out.",
        rich_help_panel=_DATA,
    ),
]
ImageSize = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Bring images to N x N pixels: resized, and the middle cut out. By default they have one size already.",
        rich_help_panel=_DATA,
    ),
]
Label = Annotated[
    str | None,
    typer.Option(
        help="Column of labels. Guessed when left out; in a folder of images the folders are the classes.",
        rich_help_panel=_DATA,
    ),
]
Minority = Annotated[
    str | None,
    typer.Option(
        help="The class that matters. With more than two classes it is set against all the rest.",
        rich_help_panel=_DATA,
    ),
]
Keep = Annotated[
    str | None,
    typer.Option(
        help="On the fitting side only: share (0.1, 10%) or count (25) of the minority to keep, or a profile of all "
        "classes (exponential:100, step:100, drawn:4:0.1).",
        rich_help_panel=_DATA,
    ),
]
Group = Annotated[
    str | None,
    typer.Option(help="Column of groups, such as authors, that are never parted.", rich_help_panel=_DATA),
]
Time = Annotated[
    str | None,
    typer.Option(
        help="Column of times; nothing is fitted to rows later than those it is judged on.",
        rich_help_panel=_DATA,
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        metavar="train|test|all", help="Split to read, where DATA has splits.", rich_help_panel=_DATA
    ),
]
Encoding = Annotated[
    str | None, typer.Option(help="Encoding of a text file, if it is not UTF-8.", rich_help_panel=_DATA)
]
DataDir = Annotated[
    str | None,
    typer.Option(
        help="Folder of the known sets; otherwise $COUNTERPOISE_DATA, the cache, the Hub.",
        rich_help_panel=_DATA,
    ),
]

Backbone = Annotated[
    str | None,
    typer.Option(
        help="For methods that train one: textcnn (default), textrnn or encoder for texts, resnet (default) or convnet "
        "for images.",
        rich_help_panel=_TRAINING,
    ),
]
Encoder = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FOLDER",
        help="Pretrained encoder, of the Hugging Face Hub or from a folder, for auto, blend, the encoder_* methods and "
        "--backbone encoder; by default sentence-transformers/all-MiniLM-L6-v2. It is used as it is; with --backbone "
        "encoder --set backbone__frozen=false trains it.",
        rich_help_panel=_TRAINING,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Any further setting: method__x, backbone__x or a parameter of TextClassifier or ImageClassifier. "
        "Repeatable.",
        rich_help_panel=_TRAINING,
    ),
]
MaxEpochs = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="Passes over the training rows at most; 10 by default.", rich_help_panel=_TRAINING
    ),
]
Threshold = Annotated[
    str | None,
    typer.Option(
        metavar="tune|P",
        help="tune (default): choose it on held-out rows; or a probability.",
        rich_help_panel=_TRAINING,
    ),
]
ClassWeight = Annotated[
    str | None,
    typer.Option(
        metavar="balanced", help="Weigh classes on top of what the method does.", rich_help_panel=_TRAINING
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        metavar="auto|float32|bfloat16",
        help="Number format of training; auto by default.",
        rich_help_panel=_TRAINING,
    ),
]
Device = Annotated[
    str | None,
    typer.Option(metavar="auto|cpu|cuda|mps", help="Where to train.", rich_help_panel=_TRAINING),
]
Seed = Annotated[
    int,
    typer.Option("--random-state", min=0, metavar="N", help="Seed of all that is random."),
]

Metric = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="What verdicts are about, such as f1, f1_thinned, mcc, recall_difficult; f1_tuned, precision_tuned and "
        "recall_tuned are at each model's own threshold, f1, precision and recall at 0.5 (of several classes, by the "
        "most probable one); 'f1[CLASS]' is that of one of many classes.",
    ),
]
ByClass = Annotated[
    bool, typer.Option("--by-class", help="Print the F1 of each class too, where all classes matter.")
]
Against = Annotated[
    str | None,
    typer.Option(
        metavar="METHOD",
        help="Method the others are compared with; by default class_weight, else erm, else the first one listed.",
    ),
]

StoreFile = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="FILE",
        help="Keep rows there as they come, and go on from those that are there.",
        rich_help_panel=_GRID,
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        min=1, metavar="N", help="Runs at a time, each in a process of its own.", rich_help_panel=_GRID
    ),
]
ManyJobs = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Runs at a time, each in a process of its own; as many as there are cores by default.",
        rich_help_panel=_GRID,
    ),
]

Retry = Annotated[bool, typer.Option("--retry", help="Run again what has failed.", rich_help_panel=_GRID)]
Only = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="Make this run of the store again, with the settings that it had, and compare the rows; of one that the "
        "store lacks, make no other of the grid.",
        rich_help_panel=_GRID,
    ),
]
Tuned = Annotated[
    int,
    typer.Option(
        "--tune",
        min=0,
        metavar="N",
        help="Let each run try N settings on its own fitting side first, the same number for each method.",
        rich_help_panel=_GRID,
    ),
]
EstimateOnly = Annotated[
    bool,
    typer.Option(
        "--estimate",
        help="Try each method on few rows, say how long all would take, and stop.",
        rich_help_panel=_GRID,
    ),
]
ExecutorName = Annotated[
    str,
    typer.Option("--executor", metavar="local|ray", help="Where the work is done.", rich_help_panel=_GRID),
]
Address = Annotated[
    str,
    typer.Option(metavar="auto|local|HOST:PORT", help="Of the Ray cluster.", rich_help_panel=_GRID),
]

NothingRandom = Annotated[
    int,
    typer.Option(
        "--random-state",
        min=0,
        metavar="N",
        help="Accepted for uniformity; has no effect.",
        rich_help_panel=_OUTPUT,
    ),
]

Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON object on standard output, and nothing else.", rich_help_panel=_OUTPUT
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No remarks and no progress.", rich_help_panel=_OUTPUT)
]


OtherThreshold = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        metavar="P",
        help="Predict the class that matters above this probability, in place of MODEL's own threshold; for models of "
        "two classes.",
    ),
]
YesSend = Annotated[
    bool,
    typer.Option(
        "--yes-send",
        help="Consent to send texts to the address of a language model that the settings name.",
    ),
]
Pretrained = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        show_default=False,
        help="Where the frozen pretrained model is that MODEL was fitted with, if that folder has moved.",
    ),
]


@dataclass(frozen=True)
class TextReading:
    """Which texts and labels are read, as :func:`counterpoise.cli.labelled.read_labelled` takes it."""

    text: Text = None
    label: Label = None
    minority: Minority = None
    split: Split = None
    encoding: Encoding = None
    data_dir: DataDir = None


@dataclass(frozen=True)
class Reading(TextReading):
    """Which texts or images and labels are read, as :func:`counterpoise.cli.labelled.read_labelled` takes it."""

    image: Image = None
    image_size: ImageSize = None


@dataclass(frozen=True)
class Training:
    """How classifiers are trained, as :func:`counterpoise.cli.settings.training_settings` takes it."""

    backbone: Backbone = None
    encoder: Encoder = None
    max_epochs: MaxEpochs = None
    threshold: Threshold = None
    class_weight: ClassWeight = None
    precision: Precision = None
    device: Device = None
    yes_send: YesSend = False
    sets: Set = None


@dataclass(frozen=True)
class Grid:
    """Which runs of a grid are executed, and where."""

    tune: Tuned = 0
    store: StoreFile = None
    retry: Retry = False
    only: Only = None
    estimate: EstimateOnly = False
    jobs: Jobs = 1
    executor: ExecutorName = "local"
    address: Address = "auto"


def unfolded(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take a bundle such as :class:`Reading` whole, and the user each of its options.

    Typer makes one option of each parameter that it finds in a command's signature.
    """
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    bundles: dict[str, Any] = {}
    for name, parameter in signature.parameters.items():
        if is_dataclass(parameter.annotation):
            bundles[name] = parameter.annotation
            own = inspect.signature(bundles[name], eval_str=True).parameters.values()
            parameters += [option.replace(kind=parameter.kind) for option in own]
        else:
            parameters.append(parameter)

    @wraps(command)
    def call(**given: Any) -> None:
        for name, bundle in bundles.items():
            given[name] = bundle(**{field.name: given.pop(field.name) for field in fields(bundle)})
        command(**given)

    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return call
