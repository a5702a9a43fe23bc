"""The README's table of fields, made from the table of fields."""

from explorer.config import FIELDS, Field


def fields_table() -> str:
    """A Markdown table: option, default, what is allowed, meaning; one row a field."""
    rows = ["| option | default | allowed | meaning |", "|---|---|---|---|"]
    rows += [f"| `{f.flag}` | {_shown(f.default)} | {_allowed(f)} | {f.help} |" for f in FIELDS.values()]
    return "\n".join(rows)


def _shown(value: object) -> str:
    return f"`{value:,}`" if isinstance(value, int) else f"`{value}`"


def _allowed(field: Field) -> str:
    if not field.choices:
        return field.allowed
    return ", ".join(f"`{c}`" + (f" ({field.title(c)})" if field.title(c) != c else "") for c in field.choices)
