r"""What docstrings say of parameters, read again: to complete the docstring of a class, or to show it in a terminal.

>>> parameters_of(with_parameters_of.__doc__)
{'other': 'other : class\n    Which describes the parameters that it shares with the class.'}
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TypeVar

_Class = TypeVar("_Class", bound=type)
_TITLE = "Parameters"


def parameters_of(docstring: str | None) -> dict[str, str]:
    """Entries of the Parameters section of a docstring in numpydoc's style, by the name of the parameter.

    Parameters
    ----------
    docstring : str or None

    Returns
    -------
    dict of str to str
        The whole entry, not indented, under each of the names that it is about; ``**settings`` under ``settings``.
        Empty without such a section, as under ``python -OO``.
    """
    _, section, _ = _parted(docstring)
    entries: list[list[str]] = []
    for line in section:
        if line and not line[0].isspace():
            entries.append([])
        entries[-1].append(line)
    found = {}
    for entry in entries:
        for name in entry[0].partition(" : ")[0].split(","):
            found[name.strip().lstrip("*")] = "\n".join(entry).rstrip()
    return found


def with_parameters_of(other: type) -> Callable[[_Class], _Class]:
    """Complete the Parameters section of a class, in the order of its signature; what it says itself stays.

    Parameters
    ----------
    other : class
        Which describes the parameters that it shares with the class.
    """

    def complete(cls: _Class) -> _Class:
        if cls.__doc__ and other.__doc__:  # neither is there under python -OO
            said = parameters_of(other.__doc__) | parameters_of(cls.__doc__)
            before, _, after = _parted(cls.__doc__)
            # Parameters that share an entry have it once.
            entries = dict.fromkeys(said[name] for name in inspect.signature(cls).parameters if name in said)
            section = [_TITLE, "-" * len(_TITLE), *entries]
            cls.__doc__ = "\n".join([*before, *section, "", *after]).rstrip() + "\n"
        return cls

    return complete


def _parted(docstring: str | None) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """Lines before the Parameters section, of it without its title, and behind it."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    titles = [at for at, line in enumerate(lines[1:]) if line and set(line) == {"-"}]
    start = next((at for at in titles if lines[at] == _TITLE), None)
    if start is None:
        end = titles[0] if titles else len(lines)
        # A blank line parts what comes before from the section that is put there.
        return [*lines[:end], *([] if titles else [""])], [], lines[end:]
    end = next((at for at in titles if at > start), len(lines))
    return lines[:start], lines[start + 2 : end], lines[end:]
