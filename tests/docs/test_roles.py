"""Roles in docstrings as the pages show them; needs what ``make docs`` installs."""

from __future__ import annotations

from pathlib import Path

import pytest

griffe = pytest.importorskip("griffe", reason="griffe comes with the extra docs")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def package():
    roles = griffe.load_extensions(ROOT / "docs" / "roles.py")
    return griffe.load("counterpoise", search_paths=[ROOT / "src"], extensions=roles)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        # By the whole name, followed to where it is defined.
        (
            "estimators.array.ArrayClassifier",
            ("counterpoise.estimators.text.TextClassifier", "counterpoise.TextClassifier"),
        ),
        # By the short one: of the same module, of a class.
        ("data.readers.stream", ("counterpoise.data.readers.read", "read")),
        ("experiments.store", ("counterpoise.experiments.store.Store.write", "Store.write")),
    ],
)
def test_a_role_is_a_reference(package, where, expected) -> None:
    path, shown = expected
    said = package[where].docstring.value
    assert f'<autoref identifier="{path}" optional><code>{shown}</code></autoref>' in said


def test_what_is_not_ours_is_code(package) -> None:
    assert (
        "`sklearn.metrics.average_precision_score`" in package["methods.subset_choice.ranked"].docstring.value
    )


def test_no_role_is_left(package) -> None:
    def docstrings(one):
        if one.docstring is not None:
            yield one.docstring.value
        for member in one.members.values():
            if not member.is_alias:
                yield from docstrings(member)

    assert not [said for said in docstrings(package) if ":`" in said.replace("``", "")]
