"""Text from elsewhere, an address, a file or another program, as a page may draw it: never as markup.

Streamlit reads most of what it draws as Markdown, labels, tooltips and tables too, and a picture in it makes the
reader's browser call the picture's server. `tests/pages/test_foreign_text.py` holds every page to the functions here.
"""

import re
import unicodedata
from pathlib import Path

from explorer.runs.store import RunStore
from explorer.runs.table_export import FORMULA_STARTS

LONGEST = 80  # characters of a name
LONGEST_SENTENCE = 600
_LONGEST_READ = 10_000  # of a sentence that will be shortened
ELLIPSIS = "…"
WORD_JOINER = "\u2060"  # is not drawn

# characters of the category Cf that scripts and emoji need: joiners, and tags of flags
_DRAWN_FORMATS = {"\u00ad", "\u200c", "\u200d", *map(chr, range(0xE0020, 0xE0080))}
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn")


def plain(text: object, longest: int = LONGEST) -> str:
    """Foreign text in one line for what draws no Markdown, such as cells and options.

    Control characters, those that change the direction of writing and halves of pairs are written out (`\\x1b`,
    `\\u202e`); of a longer text the middle is left out.
    """
    words = str(text)
    if len(words) > 4 * longest:  # not every character of millions is looked at
        words = words[: 2 * longest] + ELLIPSIS + words[-2 * longest :]
    if not words.isprintable():
        words = "".join(map(_visible, " ".join(words.split())))
    return _shortened(words.strip(), longest)


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _INVISIBLE or character in _DRAWN_FORMATS:
        return character
    return character.encode("unicode_escape").decode()


def _shortened(words: str, longest: int) -> str:
    if len(words) <= longest:
        return words
    tail = longest // 3
    return words[: longest - tail - 1] + ELLIPSIS + words[-tail:]


def cell(text: object, longest: int = LONGEST) -> str:
    """Foreign text for a cell of a table that its reader may save as CSV: no spreadsheet calculates it."""
    words = plain(text, longest)
    return WORD_JOINER + words if words.startswith(FORMULA_STARTS) else words


# What Markdown reads wherever it stands; an underscore between letters is none.
_MARKS = re.compile(r"[\\`*\[\]<$~&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_AT_START = re.compile(r"^(?=[#>+=-])|^(\d+)(?=[.)])")
# Icons, emoji and addresses are looked for after backslashes are gone: only another character parts them.
_JOINED = re.compile(r"(?<=:)(?=\S)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)


def foreign(text: object, longest: int = LONGEST) -> str:
    """Foreign text in one line as Markdown that draws it as it is, as `plain` writes it."""
    words = _MARKS.sub(r"\\\g<0>", plain(text, longest))
    return _JOINED.sub(WORD_JOINER, _AT_START.sub(r"\1\\", words))


def sentence(text: object) -> str:
    """An error, a reason or another foreign sentence as Markdown, ended as one and without the server's paths."""
    words = without_paths(plain(text, _LONGEST_READ)).rstrip(".")
    return foreign(f"{_shortened(words, LONGEST_SENTENCE)}.", LONGEST_SENTENCE + 1)


def capitalized(words: str) -> str:
    """A sentence that begins with a capital letter."""
    return words[:1].upper() + words[1:]


_QUOTED_PATH = re.compile(r"(['\"])(~?/[^'\"]*)\1")
_PATH = re.compile(r"(?<![\w.:/…-])~?/(?:[^\s/'\",;:()]+/)+([^\s/'\",;:()]*)")


def without_paths(words: str) -> str:
    """A sentence without the folders of the server: of a path stays what is below the models folder, else its end."""
    folder = str(RunStore().folder)
    words = re.sub(rf"(['\"]){re.escape(folder)}/?\1|{re.escape(folder)}(?![\w/.-])", "the models folder", words)
    words = re.sub(rf"{re.escape(folder)}/(?=\w)", "", words)
    words = _QUOTED_PATH.sub(lambda found: f"{found[1]}{ELLIPSIS}/{Path(found[2]).name}{found[1]}", words)
    return _PATH.sub(rf"{ELLIPSIS}/\1", words)


def encodable(words: str) -> str:
    """A text of several lines whose halves of pairs are written out, as a browser is sent no others."""
    return words.encode("utf-8", "backslashreplace").decode()


def file_name(text: str, suffix: str) -> str:
    """A name for a file to download, of letters, digits, dots and dashes alone."""
    stem = re.sub(r"[^\w.-]+", "-", Path(plain(text).replace("/", "-")).name).strip(".-")
    return f"{stem or 'file'}.{suffix}"
