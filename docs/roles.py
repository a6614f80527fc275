"""Roles of reStructuredText in docstrings, such as ``:func:``, as what Markdown has for them.

A reference where a page has the object, else plain code. ``mkdocs.yml`` names this extension of Griffe, which reads the
docstrings for the pages.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc|obj):`~?([\w.]+)`")
_PACKAGE = "counterpoise"


class Roles(griffe.Extension):
    """Rewrites all docstrings of a package when it has been read."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Rewrite those of the package and of everything in it."""
        _rewrite(pkg)


def _rewrite(one: griffe.Object) -> None:
    if one.docstring is not None:
        one.docstring.value = _ROLE.sub(lambda found: _reference(found[1], one), one.docstring.value)
    for member in one.members.values():
        if not member.is_alias:
            _rewrite(member)


def _reference(name: str, within: griffe.Object) -> str:
    first, dot, rest = name.partition(".")
    try:
        path = name if first == _PACKAGE else within.resolve(first) + dot + rest
        # Where it is defined, which is where pages show it.
        path = within.modules_collection[path].canonical_path
    except (KeyError, griffe.GriffeError):
        return f"`{name}`"
    shown = name if name.count(".") == 1 else name.rpartition(".")[2]
    # An optional reference to what no page has is plain code, and no warning.
    return f'<autoref identifier="{path}" optional><code>{shown}</code></autoref>'
