"""The name of a run, the same wherever it is shown: the one that it was given, else its settings in short."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
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

    Settings are left out as a whole. Where names would be equal for what is left out, the settings in which their runs
    differ come first; if that does not tell them apart, all have the end of their folder's name behind them.
    """
    parts = {summary.name: _parts(summary) for summary in summaries}
    names = {folder: _cut(each, longest) for folder, each in parts.items()}
    for folders in _alike(names):
        parts |= _differing_first({folder: parts[folder] for folder in folders})
        names |= {folder: _cut(parts[folder], longest) for folder in folders}
    letters = _FEWEST
    while alike := _alike(names):
        for folder in chain.from_iterable(alike):
            end = f" ({folder[-letters:]})"
            names[folder] = _cut(parts[folder], max(longest - len(end), 2)) + end
        letters += 1
    return names


def _parts(summary: "RunSummary") -> list[str]:
    """What may be left out as a whole: each setting; a name that was given is one part."""
    name = own_name(summary)
    return name.split(", ") if summary.config and not summary.annotation.name else [name]


def _differing_first(alike: dict[str, list[str]]) -> dict[str, list[str]]:
    """The parts of some runs, in each behind the network those that not all of them have."""
    shared = set.intersection(*map(set, alike.values()))
    # the first part is the network; sorting keeps the order of what differs and of what does not
    return {folder: [parts[0], *sorted(parts[1:], key=shared.__contains__)] for folder, parts in alike.items()}


def _cut(parts: list[str], longest: int) -> str:
    text = ", ".join(parts)
    return plain(_fewer(parts, longest) if len(text) > longest else text, longest)


def _fewer(settings: list[str], longest: int) -> str:
    """As many settings as fit, without those in the middle; all of them if not even the first and the last one fit."""
    for kept in range(len(settings) - 1, 1, -1):
        last = max(kept // 3, 1)
        text = ", ".join([*settings[: kept - last], ELLIPSIS, *settings[-last:]])
        if len(text) <= longest:
            return text
    return ", ".join(settings)


def _alike(names: dict[str, str]) -> list[list[str]]:
    """The folders whose names are not theirs alone, those of one name together."""
    if len(set(names.values())) == len(names):
        return []
    folders = defaultdict(list)
    for folder, name in names.items():
        folders[name].append(folder)
    return [of_one_name for of_one_name in folders.values() if len(of_one_name) > 1]
