"""Escapes text from URLs, files and other programs, so that a page never draws it as markup.

Streamlit renders most text as Markdown, including labels, tooltips and tables, and an image in it makes the reader's
browser call the image's server. `tests/pages/test_foreign_text.py` checks that every page uses these functions.
"""

import re
from pathlib import Path

from explorer.plain_text import ELLIPSIS, LONGEST, plain, shortened
from explorer.runs.store import RunStore
from explorer.runs.table_export import FORMULA_STARTS

LONGEST_SENTENCE = 600
_LONGEST_READ = 10_000  # characters that are read of a sentence before it is shortened
_MOST_LINES = 30
_ADDRESS = re.compile(r"https?://[\w./~%+-]+")
WORD_JOINER = "\u2060"  # invisible


def cell(text: object, longest: int = LONGEST) -> str:
    """Foreign text for a table cell that may be saved as CSV, so that no spreadsheet runs it as a formula."""
    line = plain(text, longest)
    return WORD_JOINER + line if line.startswith(FORMULA_STARTS) else line


# Characters with a meaning anywhere in Markdown; an underscore between letters has none.
_MARKS = re.compile(r"[\\`*\[\]<$~&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_AT_START = re.compile(r"^(?=[#>+=-])|^(\d+)(?=[.)])")
# Icons, emoji and URLs are matched after backslashes are removed, so only a character in between prevents them.
_JOINED = re.compile(r"(?<=:)(?=\S)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)


def foreign(text: object, longest: int = LONGEST) -> str:
    """Foreign text in one line, as `plain` writes it, escaped so that Markdown draws it literally."""
    escaped = _MARKS.sub(r"\\\g<0>", plain(text, longest))
    return _JOINED.sub(WORD_JOINER, _AT_START.sub(r"\1\\", escaped))


def sentence(text: object) -> str:
    """An error, a reason or another foreign sentence as Markdown, with a final period but without server paths."""
    line = without_paths(plain(text, _LONGEST_READ)).rstrip(".")
    return foreign(f"{shortened(line, LONGEST_SENTENCE)}.", LONGEST_SENTENCE + 1)


def lines(text: object) -> str:
    """A foreign message of several lines as Markdown, without server paths.

    Lines that begin with "- " and addresses are items; addresses and lines in backquotes can be copied as they are.
    """
    made = []
    for line in map(str.strip, f"{text}"[:_LONGEST_READ].splitlines()[:_MOST_LINES]):
        literal = plain(line.strip("`"), LONGEST_SENTENCE)
        if _ADDRESS.fullmatch(line):
            made.append(f"- `{literal}`")
        elif line == f"`{literal}`" and "`" not in literal:
            made.append(f"\n{line}\n")
        else:
            escaped = foreign(without_paths(plain(line.removeprefix("- "), _LONGEST_READ)), LONGEST_SENTENCE)
            made.append(f"- {escaped}" if line.startswith("- ") else f"\n{escaped}\n")
    return "\n".join(made).strip()


def capitalized(text: str) -> str:
    """The sentence with a capital first letter."""
    return text[:1].upper() + text[1:]


_QUOTED_PATH = re.compile(r"(['\"])(~?/[^'\"]*)\1")
_PATH = re.compile(r"(?<![\w.:/…-])~?/(?:[^\s/'\",;:()]+/)+([^\s/'\",;:()]*)")


def without_paths(text: str) -> str:
    """A sentence without the server's folders: paths become relative to the models folder, or just a file's name."""
    folder = str(RunStore().folder)
    text = re.sub(rf"(['\"]){re.escape(folder)}/?\1|{re.escape(folder)}(?![\w/.-])", "the models folder", text)
    text = re.sub(rf"{re.escape(folder)}/(?=\w)", "", text)
    text = _QUOTED_PATH.sub(lambda match: f"{match[1]}{ELLIPSIS}/{Path(match[2]).name}{match[1]}", text)
    return _PATH.sub(rf"{ELLIPSIS}/\1", text)


def encodable(text: str) -> str:
    """A text of several lines with lone surrogates written as escapes, since they cannot be sent to a browser."""
    return text.encode("utf-8", "backslashreplace").decode()


def file_name(text: str, suffix: str) -> str:
    """A name for a file to download, with only letters, digits, dots and dashes."""
    stem = re.sub(r"[^\w.-]+", "-", Path(plain(text).replace("/", "-")).name).strip(".-")
    return f"{stem or 'file'}.{suffix}"
