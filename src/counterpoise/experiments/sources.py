"""Digests of source code: of modules and of all that they import inside their package, found without running it.

>>> code = closure("counterpoise.probes")
>>> code
('counterpoise', 'counterpoise.probes')
>>> source_digest("counterpoise.probes") == source_digest("counterpoise.gamma")
False

A row is the work of code, and a version number bumped by hand is forgotten sooner or later. So the key of a run holds
a digest of the code that makes its row. Imports are read off the source, those inside functions too; a package's
``__init__`` belongs to every module in it. Comments, layout, docstrings and what stands under ``if TYPE_CHECKING``
change no row, and no digest either; names, annotations and messages do. What :func:`importlib.import_module` is told
is not followed.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, cast

from counterpoise.errors import SettingsError

EXECUTOR = "counterpoise.experiments.execution"
"""The module that executes a run: splits, thins, fits, predicts and scores."""

TABLES = {
    "counterpoise.methods.registry": "METHODS",
    "counterpoise.backbones.registry": "BACKBONES",
    "counterpoise.samplers": "SAMPLERS",
}
"""Modules with a table of everything that can be named, and the table.

A run uses the entries that it names, so the table and what only it imports are left out. Otherwise each method
would depend on all others, and a new one would turn every row into one of older code.
"""


def modules_of_run(method: str, settings: dict[str, Any], backbone: str | None) -> tuple[str, ...]:
    """Modules whose closure is the code of a run: of method, sampler and backbone, and :data:`EXECUTOR`.

    Parameters
    ----------
    method : str
        A key of :data:`counterpoise.methods.registry.METHODS`.
    settings : dict
        Of the method.
    backbone : str or None
        Tells what the inputs are, too; None takes the default for texts, or none where the method uses none.

    Raises
    ------
    SettingsError
        For an unknown method, setting or backbone.
    """
    # Imported here: reading a store needs digests of nothing, and must not wait for torch.
    from counterpoise.backbones.registry import find_backbone
    from counterpoise.methods.registry import check_combination, make_method
    from counterpoise.samplers import SAMPLERS

    made = make_method(method, settings)
    made.check()
    kind = "text" if backbone is None else find_backbone(backbone).inputs
    network = check_combination(method, made, kind, backbone, {})
    own: list[Callable[..., Any]] = []
    for each in (made, *getattr(made, "made", dict)().values()):  # a blend has made its members
        own.append(type(each))
        if (sampler := getattr(each, "sampler", None)) is not None:
            # A method is made of a sampler by the registry, or told the name of one.
            own.append(SAMPLERS[sampler] if isinstance(sampler, str) else sampler)
    if made.trains_backbone(kind):
        entry = find_backbone(network)
        own += [entry.encoder, entry.network]
    return tuple(dict.fromkeys([*map(_home, own), EXECUTOR]))


def _home(owner: Callable[..., Any]) -> str:
    """Module of a function or class; of a class made at run time, said to be from ``abc``, that of its base."""
    modules = (base.__module__ for base in getattr(owner, "__mro__", (owner,)))
    return next(name for name in modules if name.partition(".")[0] not in sys.stdlib_module_names)


def source_digest(*modules: str) -> str:
    """Digest of the source of some modules and of their closure.

    Parameters
    ----------
    *modules : str
        Full names. The source of each is read once a process, so that editing a file under a running process
        does not give its rows, which the code loaded before has made, the digest of other code.

    Returns
    -------
    str
        64 hexadecimal digits; equal for a folder, a wheel and a zip archive.

    Raises
    ------
    SettingsError
        When the source of one of them cannot be found.
    """
    digest = hashlib.sha256()
    for name in closure(*modules):
        digest.update(f"{name} {_module(name).digest}\n".encode())
    return digest.hexdigest()


def closure(*modules: str) -> tuple[str, ...]:
    """Names of some modules and of all modules of the same packages that they import, sorted.

    Raises
    ------
    SettingsError
        When the source of one of them cannot be found.
    """
    inside = {name.partition(".")[0] for name in modules}
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        imported = {name.rpartition(".")[0]} | _module(name).imports
        # A name imported from a package is a module of it or something else, which the finder tells apart.
        waiting += [other for other in imported if other.partition(".")[0] in inside and _spec(other)]
    return tuple(sorted(found))


@dataclass(frozen=True)
class _Module:
    """What a module says, and the names that may be modules which it imports."""

    digest: str
    imports: frozenset[str]


@cache
def _module(name: str) -> _Module:
    spec = _spec(name)
    # Loaders of folders and of zip archives have the method, and so has any that can show its source.
    get_source = cast("Callable[[str], str | None] | None", getattr(spec and spec.loader, "get_source", None))
    source = get_source(name) if get_source is not None else None
    if spec is None or source is None:
        raise SettingsError(
            f"the source of module {name!r} cannot be found, so runs of its code have no key; "
            "put the code into a module that Python can import as source"
        )
    tree = _Bare().visit(ast.parse(source))
    if name in TABLES:
        _drop_table(tree, TABLES[name])
    package = name if spec.submodule_search_locations is not None else name.rpartition(".")[0]
    return _Module(hashlib.sha256(ast.dump(tree).encode()).hexdigest(), frozenset(_imports(tree, package)))


@cache
def _spec(name: str) -> ModuleSpec | None:
    """Where a module is, found without importing it or its parents; None when there is no such module."""
    parent = name.rpartition(".")[0]
    if not parent:
        try:
            return importlib.util.find_spec(name)
        except ValueError:  # a script that is being run has no place in the world of modules
            return None
    above = _spec(parent)
    if above is None or above.submodule_search_locations is None:
        return None
    return PathFinder.find_spec(name, above.submodule_search_locations)


def _imports(tree: ast.AST, package: str) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            home = node.module or ""
            if node.level:
                home = importlib.util.resolve_name("." * node.level + home, package)
            yield from _with_parents(home)
            yield from (f"{home}.{alias.name}" for alias in node.names)


def _with_parents(name: str) -> Iterable[str]:
    parts = name.split(".")
    return (".".join(parts[: end + 1]) for end in range(len(parts)))


class _Bare(ast.NodeTransformer):
    """Takes away what runs nothing: strings that stand alone, docstrings among them, and type checkers' imports."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        lonely = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if lonely else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        name = getattr(node.test, "id", None) or getattr(node.test, "attr", None)
        return node.orelse if name == "TYPE_CHECKING" else node


def _drop_table(tree: ast.Module, table: str) -> None:
    """Take away the table, and the imports of names that nothing else uses."""
    tree.body = [node for node in tree.body if table not in _assigned(node)]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            node.names = [
                alias for alias in node.names if (alias.asname or alias.name).partition(".")[0] in used
            ]
    tree.body = [n for n in tree.body if not isinstance(n, ast.Import | ast.ImportFrom) or n.names]


def _assigned(node: ast.stmt) -> set[str | None]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {getattr(target, "id", None) for target in targets}
