"""Accuracies are written with two decimals wherever a person reads them, by one function."""

import ast
from pathlib import Path

import pytest

from explorer.plain_text import percent

PACKAGE = Path(__file__).parents[1] / "explorer"
ROOMS = ("charts", "cli", "diagnosis", "evaluation", "export", "fixes", "pages", "runs", "sweeps")
MODULES = [path for room in ROOMS for path in sorted((PACKAGE / room).rglob("*.py"))]


def formatted_accuracies(source: str) -> list[str]:
    """The expressions of a module that format an accuracy by themselves, such as `{last.accuracy:.1%}`."""
    return [
        ast.unparse(node.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FormattedValue)
        and node.format_spec
        and ast.unparse(node.format_spec).rstrip("'\"").endswith("%")
        and any(word in ast.unparse(node.value) for word in ("accuracy", "accuracies", "chance"))
    ]


def test_an_accuracy_has_two_decimals():
    assert [percent(0.51834), percent(0.1), percent(1.0), percent(None)] == ["51.83%", "10.00%", "100.00%", "-"]


def test_an_accuracy_that_is_formatted_elsewhere_is_found():
    assert formatted_accuracies('f"{last.accuracy:.1%} {loss:.1%} {x:.2f}"') == ["last.accuracy"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_module_formats_an_accuracy_by_itself(path):
    assert formatted_accuracies(path.read_text()) == []
