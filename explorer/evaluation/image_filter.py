"""Which images to look at, and in which order."""

import re
from dataclasses import dataclass

import numpy as np

from explorer.errors import InputError
from explorer.evaluation.metrics import Evaluation

MISTAKES, HITS, ALL = "mistakes", "hits", "all"
ORDERS = {
    MISTAKES: "Mistakes, most confident first",
    HITS: "Right answers, least confident first",
    ALL: "All images, in their own order",
}


@dataclass(frozen=True)
class Filter:
    """What is asked to be seen; a class is its number, `search` what was typed."""

    order: str = MISTAKES
    true: int | None = None
    predicted: int | None = None
    search: str = ""


def choose(evaluation: Evaluation, wanted: Filter) -> np.ndarray:
    """Positions in the split of the images that are wanted, in the wanted order.

    Raises `InputError` for a search that names nothing.
    """
    shown = np.ones(evaluation.images, bool)
    if wanted.order == MISTAKES:
        shown &= ~evaluation.right
    elif wanted.order == HITS:
        shown &= evaluation.right
    if wanted.true is not None:
        shown &= evaluation.labels == wanted.true
    if wanted.predicted is not None:
        shown &= evaluation.predicted == wanted.predicted
    shown &= _searched(evaluation, wanted.search)
    positions = np.flatnonzero(shown)
    if wanted.order == ALL:
        return positions
    confidence = evaluation.confidence[positions]
    return positions[np.argsort(-confidence if wanted.order == MISTAKES else confidence, kind="stable")]


def most_uncertain(spread: np.ndarray) -> np.ndarray:
    """Positions of all images, those whose samples scatter most first; `spread` is `[N]`."""
    return np.argsort(-spread, kind="stable")


def _searched(evaluation: Evaluation, text: str) -> np.ndarray:
    """Images that a search names: `#12` by number, `cat` by either class, `cat > dog` by true and predicted class."""
    text = text.strip().lower()
    if not text:
        return np.ones(evaluation.images, bool)
    if number := re.fullmatch(r"#\s*(\d{1,9})", text):
        if int(number[1]) >= evaluation.images:
            raise InputError(f"search: there is no image {number[1]}; they are numbered 0 to {evaluation.images - 1:,}")
        return np.arange(evaluation.images) == int(number[1])
    classes = [_class(evaluation, part) for part in re.split(r"\s*(?:->|→|>)\s*", text)]
    if len(classes) == 1:
        return np.isin(evaluation.labels, classes[0]) | np.isin(evaluation.predicted, classes[0])
    if len(classes) == 2:
        return np.isin(evaluation.labels, classes[0]) & np.isin(evaluation.predicted, classes[1])
    raise InputError(f"search: {text!r} names more than two classes; write true > predicted, such as cat > dog")


def _class(evaluation: Evaluation, text: str) -> list[int]:
    names = evaluation.class_names
    found = [number for number, name in enumerate(names) if name == text] or [
        number for number, name in enumerate(names) if text and name.startswith(text)
    ]
    if not found:
        raise InputError(f"search: {text!r} is no class; it must be #number or one of {', '.join(names)}")
    return found
