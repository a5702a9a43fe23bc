"""The README and the guides say what the code does."""

import argparse
import re
from pathlib import Path

import pytest
from datasets_table import PAGE as DATA_PAGE
from datasets_table import datasets_page
from settings_table import PAGE, settings_page

from explorer.cli.main import COMMANDS, _parser
from explorer.cli.own_data import joined

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = [ROOT / "README.md", ROOT / "models/README.md", *sorted((ROOT / "explorer").rglob("*.md"))]
ARCHITECTURE = (ROOT / "explorer" / "README.md").read_text(encoding="utf-8")


def test_settings_are_documented_as_they_are():
    assert PAGE.read_text(encoding="utf-8") == settings_page()


def test_data_sets_are_documented_as_they_are():
    assert DATA_PAGE.read_text(encoding="utf-8") == datasets_page()


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_documented(command):
    assert f"python -m explorer {command}" in README


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """The options of a command and of the commands below it."""
    found = {option for action in parser._actions for option in action.option_strings}
    below = [action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return found.union(*(options_of(inner) for choices in below for inner in choices.values()))


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: str(doc.relative_to(ROOT)))
def test_the_options_of_commands_in_a_guide_are_there(doc):
    (commands,) = [action.choices for action in _parser()._actions if isinstance(action, argparse._SubParsersAction)]
    for line in doc.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        for words in re.findall(r"python -m explorer ([a-z-]+[^`]*)", line):
            told = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", words))
            assert told <= options_of(commands[joined(words.split())[0]]), line


@pytest.mark.parametrize("heading", ["Run it", "Test it"])
def test_one_command_does_all_the_set_up(heading):
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    assert re.match(r"\s*```sh\n[^\n]+\n```", section)


def test_the_readme_is_read_in_minutes():
    assert len(README.splitlines()) < 200


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: str(doc.relative_to(ROOT)))
def test_links_and_pictures_of_a_guide_are_there(doc):
    text = doc.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text):
        assert (doc.parent / target).exists(), target
        assert not target.endswith(".png") or (doc.parent / target).stat().st_size > 10_000


def test_every_picture_is_in_a_guide():
    drawn = {name for doc in DOCS for name in re.findall(r"screenshots/([\w-]+\.png)", doc.read_text(encoding="utf-8"))}
    assert drawn == {path.name for path in (ROOT / "tests/screenshots").iterdir()}


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: str(doc.relative_to(ROOT)))
def test_paths_that_a_guide_names_are_there(doc):
    text = doc.read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:explorer|tests)/[\w/]+(?:\.(?:py|md|sh|png|toml))?", text)) - {"explorer/README"}
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_architecture_names_every_package_and_module_at_the_top():
    inside = (ROOT / "explorer").iterdir()
    names = {f"{path.name}/" if path.is_dir() else path.name for path in inside if not path.name.startswith(("_", "."))}
    known = {"set_up.sh"}  # the set-up command
    missing = {name for name in names - known if f"`{name}`" not in ARCHITECTURE and not name.endswith(".md")}
    assert missing == set()


def test_settings_by_environment_are_documented():
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "explorer").rglob("*.py"))
    for name in set(re.findall(r"EXPLORER_[A-Z]+", code)) - {"EXPLORER_DEBUG"}:
        assert name in README


def test_the_readme_counts_the_cases_of_the_gallery():
    from explorer.diagnosis.fault_cases import CASES

    assert f"**Fault gallery.** {len(CASES)} networks" in README
