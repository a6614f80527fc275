"""The prompt by which a language model is asked for a further text of a class, and its reply as a text."""

from __future__ import annotations

import re

from counterpoise.text.language_models import STOP


def few_shot_prompt(name: str, quoted: tuple[str, ...]) -> str:
    """A prompt that asks for one more text of a class; a model of dialogues and one that only goes on both see how.

    Parameters
    ----------
    name : str
        Of the class.
    quoted : tuple of str
        Texts of it, each on one line; what is asked for stands nearest to the last one.
    """
    shown = "\n".join(f"Text: {text}" for text in quoted)
    return (
        f'Each line below that begins with "Text:" is a text of the class "{name}". Write the next one: of the '
        "same class, in the same language and manner, but new in what it says. Answer with that text alone, on one "
        "line.\n\n"
        f"{shown}\nText:"
    )


def cleaned(written: str) -> str:
    """A reply as a text: the first one where there are several, on one line, without quotes around the whole."""
    parts = re.split(rf"(?m)^\s*{re.escape(STOP.strip())}", written)
    text = next((" ".join(part.split()) for part in parts if part.strip()), "")
    for first, last in ('""', "''", "“”", "«»", "「」"):
        if len(text) > 1 and text[0] == first and text[-1] == last and first not in text[1:-1]:
            text = text[1:-1].strip()
    return text
