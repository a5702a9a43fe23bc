"""The reference of all settings, made from the table of fields: `python tests/support/settings_table.py` writes it."""

from pathlib import Path

from explorer.config import FIELDS, Field

PAGE = Path(__file__).parents[2] / "explorer" / "SETTINGS.md"
HEAD = """# Settings

Every setting of a run: an option of `python -m explorer train`, a widget of the Train page. A study's `[settings]` and
`[space]` and the page's address write it with `_` for `-`, and the initializer as `kernel_initializer`. `--batch-norm`
alone means `after_activation`, and `--no-batch-norm` means `off`.

"""


def settings_page() -> str:
    """The page in Markdown: a table of option, default, what is allowed, and meaning, one row per field."""
    rows = ["| option | default | allowed | meaning |", "|---|---|---|---|"]
    rows += [f"| `{f.flag}` | {_shown(f.default)} | {_allowed(f)} | {f.help} |" for f in FIELDS.values()]
    return HEAD + "\n".join(rows) + "\n"


def _shown(value: object) -> str:
    return f"`{value:,}`" if isinstance(value, int) else f"`{value}`"


def _allowed(field: Field) -> str:
    if not field.choices:
        return field.allowed
    # those that a person has added on this machine have a hash in their name
    choices = [choice for choice in field.choices if "@" not in choice]
    shown = ", ".join(f"`{c}`" + (f" ({field.title(c)})" if field.title(c) != c else "") for c in choices)
    return f"{shown}, or one of your own" if field.name == "dataset" else shown


if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8")
