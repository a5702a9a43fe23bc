"""The name of a run, the same wherever it is shown: the one that it was given, else its settings in short."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from explorer.plain_text import ELLIPSIS, plain
from explorer.runs.settings_text import settings_in_short

if TYPE_CHECKING:
    from explorer.runs.run_summary import RunSummary

LONGEST = 60  # characters, which fit a chart's legend on a phone
_FEWEST = 4  # letters at the end of a folder's name, which tell runs of one second apart


def own_name(summary: "RunSummary") -> str:
    """The name of one run, without regard to others; that of its folder if it cannot be read."""
    if summary.annotation.name:
        return summary.annotation.name
    return settings_in_short(summary.config) if summary.config else summary.name


def run_names(summaries: Sequence["RunSummary"], longest: int = LONGEST) -> dict[str, str]:
    """The names of runs by those of their folders: each at most so long, cut in its middle, and no two equal.

    Settings are left out as a whole. Where two names would be equal, both have the end of their folder's name behind
    them.
    """
    of_folder = {summary.name: summary for summary in summaries}
    names = {folder: _cut(summary, longest) for folder, summary in of_folder.items()}
    letters = _FEWEST
    while alike := _alike(names):
        for folder in alike:
            end = f" ({folder[-letters:]})"
            names[folder] = _cut(of_folder[folder], max(longest - len(end), 2)) + end
        letters += 1
    return names


def _cut(summary: "RunSummary", longest: int) -> str:
    text = own_name(summary)
    if len(text) > longest and summary.config and not summary.annotation.name:
        text = _fewer(text.split(", "), longest)
    return plain(text, longest)


def _fewer(settings: list[str], longest: int) -> str:
    """As many settings as fit, without those in the middle; all of them if not even the first and the last one fit."""
    for kept in range(len(settings) - 1, 1, -1):
        last = max(kept // 3, 1)
        text = ", ".join([*settings[: kept - last], ELLIPSIS, *settings[-last:]])
        if len(text) <= longest:
            return text
    return ", ".join(settings)


def _alike(names: dict[str, str]) -> list[str]:
    """The folders whose names are not theirs alone."""
    count = Counter(names.values())
    return [folder for folder, name in names.items() if count[name] > 1] if len(count) < len(names) else []
