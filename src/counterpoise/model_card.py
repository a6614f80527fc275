"""The card of a saved model: its training data, its scores on held-out rows, its threshold, what it chose by itself.

No training text or image appears in it; a vocabulary, though, holds words, word pairs or runs of characters of the
texts, which may be more than can be shared.
"""

from __future__ import annotations

from typing import Any

from counterpoise.methods.predictors import SavedState

_HEAD = """---
library_name: counterpoise
tags: [{task}-classification, imbalanced-classification]
---
# {title}

Trained with Counterpoise {version}. {shared}
"""
_WORDS = (
    "The folder holds no text of the training data, but its vocabulary lists the\nwords of that data, for some methods "
    "also pairs of neighbouring words, or runs of characters."
)
_OF_IMAGES = (
    "It takes images of {height} x {width} pixels (height x width){sized}. The folder\nholds no image of the training "
    "data."
)


def model_card(config: dict[str, Any], state: SavedState) -> str:
    """Write the card of a model.

    Parameters
    ----------
    config : dict
    state : SavedState
        Both as :func:`counterpoise.persistence.write_model` takes them.

    Returns
    -------
    str
        Markdown with the front matter of the Hugging Face Hub.
    """
    backbone = f" on {config['backbone']}" if config["backbone"] else ""
    parts = [
        _HEAD.format(
            task=_task(config),
            title=f"{config['method']}{backbone}",
            version=config["counterpoise_version"],
            shared=_shared(config, state),
        ),
        _data_section(config),
        _score_section(config, state),
        f"## Threshold\n\n{config['threshold']['note']}\n\n{_threshold_table(config)}",
        *_remark_section(state),
        _use_section(config),
    ]
    return "\n".join(parts)


def _task(config: dict[str, Any]) -> str:
    """What the Hugging Face Hub calls the task."""
    return {"ImageClassifier": "image", "ArrayClassifier": "tabular"}.get(config["estimator"], "text")


def _shared(config: dict[str, Any], state: SavedState) -> str:
    """What of the training data goes with the folder."""
    task, inputs = _task(config), config["inputs"]
    if task == "image":
        sized = ", and brings others to that size" if config["params"].get("image_size") else ""
        return _OF_IMAGES.format(height=inputs["image_height_"], width=inputs["image_width_"], sized=sized)
    if state.vocabulary:
        return _WORDS
    if task == "text":
        return (
            "The folder holds no text of the training data as it was; from vectors of rows, where a\nmethod keeps "
            "them, parts can be guessed."
        )
    return "The folder holds no row of the training data."


def _data_section(config: dict[str, Any]) -> str:
    counts = dict(zip(config["classes"], config["class_counts"], strict=True))
    rows = "\n".join(f"| {_cell(name)} | {count:,} |" for name, count in counts.items())
    largest, smallest = max(counts.values()), min(counts.values())
    source = f"Source: {config['data']}. " if config.get("data") else ""
    return (
        f"## Data\n\n{source}{sum(counts.values()):,} rows, imbalance ratio {largest / smallest:.1f}.\n\n"
        f"| class | rows |\n| --- | --- |\n{rows}\n"
    )


def _score_section(config: dict[str, Any], state: SavedState) -> str:
    if not config["scores"]:
        return "## Scores\n\nNo rows were held out, so none are known.\n"
    rows = "\n".join(
        f"| {name} | {value:.3f} |" for name, value in config["scores"].items() if value is not None
    )
    matters = f" Class of interest: `{config['pos_label']}`." if config["pos_label"] is not None else ""
    rows_of = f"{config['scored_on']} rows, at the fitting side's own class shares"
    if config["given"]:
        rows_of = "the rows that were given for validation, at their own class shares"
    return (
        f"## Scores\n\nOn {rows_of}.{matters} {_optimistic(config, state)}\n\n"
        f"| metric | value |\n| --- | --- |\n{rows}\n"
    )


def _optimistic(config: dict[str, Any], state: SavedState) -> str:
    """Which of the scores were chosen on the rows they are of."""
    tuned = config["threshold"]["tuned"]
    if config["scored_on"] == "out-of-fold" and _left_members_out(state.config):
        chosen = "Members of the blend and threshold were" if tuned else "The members of the blend were"
        return f"{chosen} chosen on these very rows, so all scores are optimistic."
    if config["scored_on"] == "validation" and _stopped_early(state.config):
        chosen = "Stopping epoch and threshold were" if tuned else "The stopping epoch was"
        return f"{chosen} chosen on these very rows, so the scores are optimistic."
    if tuned:
        scores = "`f1_tuned`, `precision_tuned`\nand `recall_tuned`"
        return f"The tuned threshold was chosen on these very rows, so {scores} are optimistic."
    return "Neither a stopping epoch nor a threshold was chosen on these rows."


def _stopped_early(predictor: dict[str, Any]) -> bool:
    """Whether the best of some epochs was looked for, by a network or by one among the members of a blend."""
    judged = any("average_precision" in epoch for epoch in predictor.get("history", ()))
    return judged or any(_stopped_early(member["config"]) for member in predictor.get("members", ()))


def _left_members_out(predictor: dict[str, Any]) -> bool:
    """Whether a blend is of fewer members than were compared; see :class:`counterpoise.methods.auto.Auto`."""
    notes = predictor.get("notes", {})
    compared = {name for blend in notes.get("scores", ()) for name in blend.split("+")}
    return bool(compared - set(notes.get("chosen", compared)))


def _remark_section(state: SavedState) -> list[str]:
    """What the method said when it was fitted; no section where it said nothing."""
    said = [" ".join(str(remark).split()) for remark in state.config.get("notes", {}).get("remarks", ())]
    return ["## Remarks\n\n" + "\n".join(f"- {remark}" for remark in said) + "\n"] if said else []


def _threshold_table(config: dict[str, Any]) -> str:
    thresholds = dict(zip(config["classes"], config["threshold"]["thresholds"], strict=True))
    rows = "\n".join(f"| {_cell(name)} | {value:.4f} |" for name, value in thresholds.items())
    return (
        "The class with the largest probability over threshold is predicted.\n\n"
        f"| class | threshold |\n| --- | --- |\n{rows}\n"
    )


def _use_section(config: dict[str, Any]) -> str:
    return (
        "## Use\n\n```python\nimport counterpoise\n\n"
        'model = counterpoise.load_model("path/to/this/folder")\n'
        "model.predict_proba(new_inputs)\n```\n"
    )


def _cell(name: object) -> str:
    """A class name that cannot break its table."""
    return " ".join(str(name).split()).replace("|", "\\|")
