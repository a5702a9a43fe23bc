"""The README says what the code does."""

import re
from pathlib import Path

import pytest

from explorer import cli
from explorer.reference import fields_table

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(next(a for a in cli._parser()._actions if isinstance(a.choices, dict)).choices)


def test_fields_are_documented_as_they_are():
    assert fields_table() in README


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_documented(command):
    assert f"python -m explorer {command}" in README


@pytest.mark.parametrize("heading", ["Run it", "Test it"])
def test_one_command_does_all_the_set_up(heading):
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    assert re.match(r"\s*```sh\n[^\n]+\n```", section)


def test_pictures_are_there():
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).stat().st_size > 10_000


def test_settings_by_environment_are_documented():
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "explorer").rglob("*.py"))
    for name in set(re.findall(r"EXPLORER_[A-Z]+", code)) - {"EXPLORER_DEBUG"}:
        assert name in README
