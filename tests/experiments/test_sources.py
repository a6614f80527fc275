"""Digests of source: what a module's closure holds, and which edits change its digest."""

from __future__ import annotations

import importlib.util
import itertools
import re
import sys
import zipfile
from pathlib import Path

import pytest

from counterpoise.errors import SettingsError
from counterpoise.experiments import sources
from counterpoise.experiments.sources import EXECUTOR, TABLES, closure, modules_of_run, source_digest
from counterpoise.methods.registry import METHODS, make_method

FILES = {
    "__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from {name}.typed import T\n",
    "root.py": "import os\nfrom . import near\nfrom {name}.sub.deep import f\n\ndef g():\n    return near, f\n",
    "near.py": "def h():\n    from .late import x\n    return x\n",
    "late.py": "x = 1\n",
    "typed.py": "T = int\n",
    "unrelated.py": "y = 1\n",
    "sub/__init__.py": "from ..above import z\n",
    "sub/deep.py": (
        '"""Says something."""\nimport {name}.whole.part as part\n\ndef f():\n    """Do."""\n    return part\n'
    ),
    "sub/beside.py": "y = 1\n",
    "above.py": "z = 1\n",
    "whole/__init__.py": "",
    "whole/part.py": "from .. import *\nfrom ..missing import nothing\n",
}
CLOSURE = ("", ".above", ".late", ".near", ".root", ".sub", ".sub.deep", ".whole", ".whole.part")
counter = itertools.count()


class Package:
    """A package of a name of its own on the path, written from FILES."""

    def __init__(self, folder: Path) -> None:
        self.name = f"digested{next(counter)}"
        self.folder = folder / self.name
        for path, source in FILES.items():
            self.write(path, source.replace("{name}", self.name))

    def write(self, path: str, source: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source)

    def read(self, path: str) -> str:
        return (self.folder / path).read_text()

    def digest(self) -> str:
        """As another process would find it."""
        forget()
        return source_digest(f"{self.name}.root")


def forget() -> None:
    importlib.invalidate_caches()
    sources._module.cache_clear()
    sources._spec.cache_clear()


@pytest.fixture
def package(tmp_path, monkeypatch):
    made = Package(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield made
    forget()


def test_closure(package) -> None:
    assert closure(f"{package.name}.root") == tuple(package.name + rest for rest in CLOSURE)
    assert closure(f"{package.name}.unrelated") == (package.name, f"{package.name}.unrelated")
    assert package.name not in sys.modules  # found, not run


@pytest.mark.parametrize(
    "path",
    [
        f"{part[1:].replace('.', '/')}.py"
        for part in CLOSURE
        if part.count(".") and part not in (".sub", ".whole")
    ],
)
def test_an_edit_in_the_closure_changes_the_digest(path, package) -> None:
    before = package.digest()
    package.write(path, package.read(path) + "\nmore = 2\n")
    assert package.digest() != before


@pytest.mark.parametrize("path", ["__init__.py", "sub/__init__.py", "whole/__init__.py"])
def test_packages_belong_to_their_modules(path, package) -> None:
    before = package.digest()
    package.write(path, package.read(path) + "\nmore = 2\n")
    assert package.digest() != before


@pytest.mark.parametrize("path", ["unrelated.py", "typed.py", "sub/beside.py", "new.py"])
def test_an_unrelated_edit_does_not(path, package) -> None:
    before = package.digest()
    package.write(path, "y = 2\n")
    assert package.digest() == before


def test_comments_docstrings_layout_and_types_do_not(package) -> None:
    before = package.digest()
    source = (
        package.read("sub/deep.py").replace("Says something", "Says more").replace('"""Do."""', "'''Does.'''")
    )
    package.write("sub/deep.py", f"# A comment.\n\n{source}")
    package.write("__init__.py", package.read("__init__.py") + f"    from {package.name}.root import g\n")
    assert package.digest() == before


@pytest.mark.parametrize(("old", "new"), [("return x", "return -x"), ("def h", "def k"), (".late", ".above")])
def test_code_does(old, new, package) -> None:
    before = package.digest()
    package.write("near.py", package.read("near.py").replace(old, new))
    assert package.digest() != before


def test_a_new_import_widens_the_closure(package) -> None:
    package.write("late.py", "from . import unrelated\nx = 1\n")
    before = package.digest()
    package.write("unrelated.py", "y = 2\n")
    assert package.digest() != before


def test_read_once_a_process(package) -> None:
    before = package.digest()
    package.write("late.py", "x = 2\n")
    assert source_digest(f"{package.name}.root") == before
    assert package.digest() != before


def test_a_zip_archive_has_the_digest_of_its_folder(package, tmp_path, monkeypatch) -> None:
    before = package.digest()
    archive = tmp_path / "package.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in FILES:
            file.write(package.folder / path, f"{package.name}/{path}")
    package.folder.rename(tmp_path / "elsewhere")
    monkeypatch.syspath_prepend(archive)
    assert package.digest() == before


@pytest.mark.parametrize("name", ["no_such_package.module", "counterpoise.no_such_module", "builtins"])
def test_a_module_without_source_is_refused(name) -> None:
    with pytest.raises(SettingsError, match=f"source of module '{name}' cannot be found"):
        source_digest(name)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_digest(method) -> None:
    modules = modules_of_run(method, {}, None)
    assert EXECUTOR in modules
    assert len(source_digest(*modules)) == 64
    assert ("counterpoise.backbones.textcnn" in closure(*modules)) == make_method(method).trains_backbone(
        "text"
    )


def test_a_run_holds_its_own_method_and_no_other() -> None:
    found = {
        name: set(closure(*modules_of_run(name, {}, None)))
        for name in ("erm", "focal", "word_swap", "miso", "cag")
    }
    assert "counterpoise.methods.focal" in found["focal"]
    assert "counterpoise.losses.focal" in found["focal"]
    assert "counterpoise.oversampling.word_swap" in found["word_swap"]
    assert "counterpoise.miso.fusion" in found["miso"]
    assert "counterpoise.miso.variants" in found["cag"]
    for name in ("erm", "word_swap"):
        assert not {m for m in found[name] if m.startswith("counterpoise.miso") or m.endswith("focal")}


def test_no_code_of_a_run_hides_its_imports() -> None:
    """But the package's own lazy names, which no module inside it uses."""
    modules = {module for method in METHODS for module in closure(*modules_of_run(method, {}, None))}
    for module in modules - {"counterpoise"}:
        source = Path(importlib.util.find_spec(module).origin).read_text()
        assert not re.search(r"import_module\(|__import__\(|from counterpoise import", source), module


def test_a_sampler_by_name_belongs_to_the_run() -> None:
    plain, sampled = ({*closure(*modules_of_run("tfidf_lr", s, None))} for s in ({}, {"sampler": "miso"}))
    assert "counterpoise.miso.oversampler" in sampled - plain


def test_a_backbone_belongs_to_the_run() -> None:
    modules = closure(*modules_of_run("erm", {}, "textrnn"))
    assert "counterpoise.backbones.textrnn" in modules
    assert "counterpoise.backbones.words" in modules
    assert "counterpoise.backbones.textcnn" not in modules


@pytest.mark.parametrize("module", TABLES)
def test_the_tables_are_there(module) -> None:
    assert getattr(importlib.import_module(module), TABLES[module])


def test_a_table_keeps_its_code(package, monkeypatch) -> None:
    monkeypatch.setitem(TABLES, f"{package.name}.root", "TABLE")
    package.write(
        "root.py", "from . import near\nfrom .late import x\nTABLE = {'a': near}\n\ndef f():\n    return x\n"
    )
    before = package.digest()
    assert f"{package.name}.near" not in closure(f"{package.name}.root")
    package.write("root.py", package.read("root.py").replace("{'a': near}", "{'a': near, 'b': near}"))
    assert package.digest() == before
    package.write("root.py", package.read("root.py").replace("return x", "return TABLE"))
    assert package.digest() != before


@pytest.mark.parametrize(
    ("method", "settings", "backbone", "message"),
    [
        ("no", {}, None, "no method 'no'"),
        ("erm", {"rate": 1}, None, "has no setting 'rate'"),
        ("erm", {}, "no", "no backbone 'no'"),
        ("tfidf_lr", {"sampler": "no"}, None, "sampler is 'no'"),
        ("tfidf_lr", {}, "textcnn", "uses no backbone"),
    ],
)
def test_what_does_not_exist_has_no_modules(method, settings, backbone, message) -> None:
    with pytest.raises(SettingsError, match=message):
        modules_of_run(method, settings, backbone)


def test_a_method_of_a_script_is_refused(monkeypatch) -> None:
    class Own(METHODS["erm"]):
        __module__ = "__main__"

    monkeypatch.setitem(METHODS, "own", Own)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    with pytest.raises(SettingsError, match="source of module '__main__' cannot be found"):
        source_digest(*modules_of_run("own", {}, None))
