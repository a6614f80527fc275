r"""A causal language model of the Hugging Face kind on this machine, by name or from a folder.

    model = CausalModel("Qwen/Qwen2.5-0.5B-Instruct", None, torch.device("cpu"))
    model.answers([Write("Text: win cash now\nText:", (), seed=0), Choose("win cash now", ("ham", "spam"))])

The same rules as for encoders (:mod:`counterpoise.text.checkpoints`): no code that comes with a checkpoint is run, and
weights are read from safetensors only. What is drawn is decided by the seed of each question alone: batches are filled
up to the same number of rows and rounded-up lengths, so that a reply does not depend on its company, and no global
random state is touched.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch

from counterpoise.errors import SettingsError
from counterpoise.pretrained.files import (
    digest_of,
    had,
    silent,
    snapshot_of,
    transformers_package,
    weight_files,
)
from counterpoise.pretrained.hub import TOKENIZER_FILES
from counterpoise.text.drawing import Drawn, Ended
from counterpoise.text.language_models import STOP, Question, Reply, Write

ROWS = 16
"""Of each forward pass, filled up where there are fewer of a length."""

COLUMNS = 16
"""Lengths are rounded up to a multiple of it."""

_CHOSEN = 64  # questions for a class whose replies come together
_WHAT = "language model"
_FILES = (*TOKENIZER_FILES, "chat_template.jinja", "generation_config.json")
_Name: TypeAlias = tuple[list[int], int]
"""Tokens of a prompt with a class name after it, and how many of them are the prompt's."""


class CausalModel:
    """A causal language model; its weights are read when it is first asked.

    Parameters
    ----------
    name : str
        On the Hugging Face Hub, or a folder that ``save_pretrained`` wrote.
    revision : str or None
        Commit, branch or tag of the Hub.
    device : torch.device
        On a CPU it computes in float32, else in the numbers that its weights are stored in.

    Attributes
    ----------
    revision : str or None
        The commit that was opened; None for a folder.
    chats : bool
        Whether its tokenizer has a template for dialogues, which prompts are then put into.

    Raises
    ------
    MissingExtraError
        When ``transformers`` is not installed.
    SettingsError
        When it cannot be had, or is no causal language model.
    """

    address: str | None = None

    def __init__(self, name: str, revision: str | None, device: torch.device) -> None:
        transformers = transformers_package("local language models", "llm")
        self.name, self._device = name, device
        self._snapshot = snapshot_of(name, revision, _FILES, _WHAT, "")
        self.revision, asked = self._snapshot.commit, self._snapshot.asked
        self._config = _had(name, lambda: transformers.AutoConfig.from_pretrained(name, **asked))
        _check_causal(name, self._config)
        self._tokenizer = _had(name, lambda: transformers.AutoTokenizer.from_pretrained(name, **asked))
        self.chats = bool(getattr(self._tokenizer, "chat_template", None))
        self._loaded: Any = None

    @property
    def digest(self) -> str:
        """Hash of weights, configuration and tokenizer."""
        rest = hashlib.sha256(self._config.to_json_string().encode())
        inner = getattr(self._tokenizer, "backend_tokenizer", None)
        rest.update((inner.to_str() if inner is not None else repr(self._tokenizer)).encode())
        rest.update(str(getattr(self._tokenizer, "chat_template", None)).encode())
        weights = digest_of(weight_files(self._snapshot, _WHAT, ""))
        return f"{weights} {rest.hexdigest()[:20]}"

    @property
    def identity(self) -> str:
        """Its digest, with what computes with it, and where."""
        versions = f"transformers {transformers_package().__version__} torch {torch.__version__}"
        return f"causal {self.digest} {versions} {self._device.type}"

    def answers(self, questions: Sequence[Question]) -> Iterator[tuple[int, Reply]]:
        """Replies, those of prompts of about the same length together.

        Raises
        ------
        SettingsError
            For a prompt longer than the model reads, before any is read.
        """
        write: list[tuple[int, Write, list[int]]] = []
        rows: list[tuple[int, list[_Name]]] = []
        for i, question in enumerate(questions):
            if isinstance(question, Write):
                write.append((i, question, self._ids(self._wrapped(question.prompt))))
            else:
                rows.append((i, [self._continued(question.prompt, name) for name in question.names]))
        longest = [len(ids) + question.max_tokens for _, question, ids in write]
        self._check_lengths(longest + [len(ids) for _, own in rows for ids, _ in own])
        yield from self._written(write)
        for start in range(0, len(rows), _CHOSEN):
            yield from self._chosen(rows[start : start + _CHOSEN])

    def _written(self, prompts: list[tuple[int, Write, list[int]]]) -> Iterator[tuple[int, Reply]]:
        groups = _grouped(
            prompts, lambda row: (_width(row[2]), row[1].max_tokens, row[1].temperature, row[1].top_p)
        )
        for batch in groups:
            start = time.perf_counter()
            found = self._generated([q for _, q, _ in batch], [ids for _, _, ids in batch])
            seconds = (time.perf_counter() - start) / len(batch)
            for (i, _, ids), (text, n_written) in zip(batch, found, strict=True):
                yield i, Reply(text, len(ids), n_written, seconds)

    def _generated(self, questions: list[Write], prompts: list[list[int]]) -> list[tuple[str, int]]:
        """Texts, and how many tokens each has, of prompts in one batch."""
        transformers, model = transformers_package(), self._model()
        first, width = questions[0], _width(prompts[0])
        filled = [*range(len(prompts)), *[0] * (ROWS - len(prompts))]
        ids = torch.full((ROWS, width), self._padding)
        mask = torch.zeros(ROWS, width, dtype=torch.int64)
        for row, place in enumerate(filled):
            own = torch.tensor(prompts[place])
            ids[row, width - len(own) :], mask[row, width - len(own) :] = own, 1
        levels = [
            torch.rand(first.max_tokens, generator=torch.Generator().manual_seed(questions[place].seed))
            for place in filled
        ]
        drawn = Drawn(torch.stack(levels).to(self._device), width, first.temperature, first.top_p)
        ended = Ended(self._tokenizer, width)
        settings = transformers.GenerationConfig(
            max_new_tokens=first.max_tokens,
            do_sample=False,  # drawn by the processor, from numbers of its own
            pad_token_id=self._padding,
            eos_token_id=model.generation_config.eos_token_id,
        )
        with silent(transformers), torch.no_grad():
            written = model.generate(
                ids.to(self._device),
                attention_mask=mask.to(self._device),
                generation_config=settings,
                logits_processor=transformers.LogitsProcessorList([drawn]),
                stopping_criteria=transformers.StoppingCriteriaList([ended]),
            )[: len(prompts), width:].cpu()
        return [self._read(row.tolist(), model.generation_config.eos_token_id) for row in written]

    def _read(self, ids: list[int], ends: int | list[int] | None) -> tuple[str, int]:
        """Text of written tokens up to where it ends, and their number."""
        last = {ends} if isinstance(ends, int) else set(ends or ())
        length = next((place for place, token in enumerate(ids) if token in last), len(ids))
        text = self._tokenizer.decode(ids[:length], skip_special_tokens=True)
        return text.partition(STOP)[0], min(length + 1, len(ids))

    def _chosen(self, questions: list[tuple[int, list[_Name]]]) -> Iterator[tuple[int, Reply]]:
        """Likelihoods of class names, normalised over the names of a question."""
        begun = time.perf_counter()
        rows = [
            _Row(place, ids, names, max(len(whole) - shared for whole, shared in own))
            for place, (_, own) in enumerate(questions)
            for ids, names in _prefixes(own)
        ]
        scores = [torch.zeros(len(own), dtype=torch.float64) for _, own in questions]
        for batch in _grouped(rows, lambda row: (_width(row.ids), row.longest)):
            found = iter(self._scored(batch, [questions[row.place][1] for row in batch]))
            for row in batch:
                for name in row.names:
                    scores[row.place][name] = next(found)
        seconds = (time.perf_counter() - begun) / len(questions)
        read = [0] * len(questions)
        for row in rows:
            read[row.place] += len(row.ids)
        for place, (i, _) in enumerate(questions):
            chances = tuple(scores[place].log_softmax(0).tolist())
            yield i, Reply("", read[place], 0, seconds, log_probabilities=chances)

    @torch.no_grad()
    def _scored(self, rows: list[_Row], questions: list[list[_Name]]) -> list[float]:
        """Log-likelihoods of the names of each row, one row after the other."""
        model, width = self._model(), _width(rows[0].ids)
        ids = torch.full((ROWS, width), self._padding)
        mask = torch.zeros(ROWS, width, dtype=torch.int64)
        mask[:, 0] = 1
        for place, row in enumerate(rows):
            ids[place, : len(row.ids)], mask[place, : len(row.ids)] = torch.tensor(row.ids), 1
        # From the end, so many columns hold all that is asked for; the question alone decides them and the width.
        asked = {"logits_to_keep": COLUMNS + rows[0].longest + 1} if self._keeps_logits else {}
        logits = model(
            input_ids=ids.to(self._device), attention_mask=mask.to(self._device), use_cache=False, **asked
        ).logits
        first = width - logits.shape[1]
        found = []
        for place, (row, own) in enumerate(zip(rows, questions, strict=True)):
            for whole, shared in (own[name] for name in row.names):
                chances = logits[place, shared - 1 - first : len(whole) - 1 - first].float().log_softmax(-1)
                wanted = torch.tensor(whole[shared:], device=self._device)
                found.append(chances.gather(1, wanted[:, None]).double().sum())
        return torch.stack(found).tolist()

    def _continued(self, prompt: str, name: str) -> _Name:
        """Tokens of a prompt and the name of a class, and how many of them are the prompt's."""
        wrapped = self._wrapped(prompt)
        before, whole = self._ids(wrapped), self._ids(wrapped + (name if self.chats else f" {name}"))
        shared = next(
            (i for i, (a, b) in enumerate(zip(before, whole, strict=False)) if a != b),
            min(len(before), len(whole)),
        )
        if not 0 < shared < len(whole):
            raise SettingsError(
                f"the class name {name!r} has no tokens in the vocabulary of {self.name}; give it another one with "
                "class_names"
            )
        return whole, shared

    def _wrapped(self, prompt: str) -> str:
        if not self.chats:
            return prompt
        says = [{"role": "user", "content": prompt}]
        return self._tokenizer.apply_chat_template(says, tokenize=False, add_generation_prompt=True)

    def _ids(self, text: str) -> list[int]:
        """Tokens; a template brings its own special ones."""
        return self._tokenizer(text, add_special_tokens=not self.chats)["input_ids"]

    def _check_lengths(self, lengths: list[int]) -> None:
        reads = getattr(self._config.get_text_config(), "max_position_embeddings", None)
        if reads is not None and 0 < reads < max(lengths, default=0):
            raise SettingsError(
                f"a prompt and its answer have {max(lengths):,} tokens, and {self.name} reads {reads:,}; lower "
                "max_chars (or examples, or max_tokens), or choose a model that reads more"
            )

    @property
    def _padding(self) -> int:
        for token in (self._tokenizer.pad_token_id, self._tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        return 0

    def _model(self) -> Any:
        if self._loaded is None:
            transformers = transformers_package()
            weight_files(self._snapshot, _WHAT, "")
            with silent(transformers):
                model, report = _had(
                    self.name,
                    lambda: transformers.AutoModelForCausalLM.from_pretrained(
                        str(self._snapshot.folder),
                        use_safetensors=True,
                        output_loading_info=True,
                        dtype=torch.float32 if self._device.type == "cpu" else "auto",
                        **self._snapshot.asked,
                    ),
                )
            if report["missing_keys"]:
                raise SettingsError(
                    f"{_WHAT} {self.name} has no weights to write with ({min(report['missing_keys'])} is missing); "
                    "choose one that was trained to write"
                )
            ends = model.generation_config.eos_token_id
            ends = self._tokenizer.eos_token_id if ends is None else ends
            # Without the checkpoint's own habits of drawing, which would stand in no setting.
            model.generation_config = transformers.GenerationConfig(eos_token_id=ends)
            self._loaded = model.eval().to(self._device)
        return self._loaded

    @property
    def _keeps_logits(self) -> bool:
        import inspect

        return "logits_to_keep" in inspect.signature(self._model().forward).parameters


class _Row(NamedTuple):
    """Tokens to read for some names of a question; ``longest`` is the most tokens that any of its names has."""

    place: int
    ids: list[int]
    names: list[int]
    longest: int


def _prefixes(own: list[_Name]) -> list[tuple[list[int], list[int]]]:
    """What must be read to have the likelihood of each name, with the names that it serves.

    The last token of a name need not be read, and a name is served by whatever begins with what it needs: a single
    reading of the prompt does for all names of one token.
    """
    found: list[tuple[list[int], list[int]]] = []
    for name in sorted(range(len(own)), key=lambda i: -len(own[i][0])):
        needed = own[name][0][:-1]
        served = next((names for ids, names in found if ids[: len(needed)] == needed), None)
        if served is None:
            found.append((needed, [name]))
        else:
            served.append(name)
    return found


def _grouped(rows: Sequence[Any], kind: Callable[[Any], tuple[Any, ...]]) -> Iterator[list[Any]]:
    """Rows of one kind together, at most :data:`ROWS` at a time, the shortest kinds first."""
    by_kind: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        by_kind.setdefault(kind(row), []).append(row)
    for key in sorted(by_kind):
        own = by_kind[key]
        yield from (own[start : start + ROWS] for start in range(0, len(own), ROWS))


def _width(ids: Sequence[int]) -> int:
    return -(-len(ids) // COLUMNS) * COLUMNS


def _had(name: str, load: Callable[[], Any]) -> Any:
    return had(name, load, _WHAT, "")


def _check_causal(name: str, config: Any) -> None:
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    kind = config.model_type
    writes = kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and not getattr(config, "is_encoder_decoder", False)
    if kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES or kind == "xlnet":
        writes &= bool(getattr(config, "is_decoder", False))  # or it would look ahead, and write nonsense
    if not writes:
        raise SettingsError(
            f"{name} is a model of kind {kind!r} and writes no texts; choose a causal language model "
            "such as GPT-2, Llama or Qwen"
        )
