"""The filter of the image browser: which images to show, and in which order."""

import re
from dataclasses import dataclass

import numpy as np

from explorer.errors import InputError
from explorer.evaluation.metrics import Evaluation

MISTAKES, HITS, ALL = "mistakes", "hits", "all"
ORDERS = {
    MISTAKES: "Mistakes, most confident first",
    HITS: "Correct predictions, least confident first",
    ALL: "All images, in data set order",
}


@dataclass(frozen=True)
class Filter:
    """The wanted images; a class is its index, `search` is the text typed."""

    order: str = MISTAKES
    true: int | None = None
    predicted: int | None = None
    search: str = ""


def choose(evaluation: Evaluation, wanted: Filter) -> np.ndarray:
    """Positions in the split of the wanted images, in the wanted order.

    Raises `InputError` for a search that matches no image or class.
    """
    mask = np.ones(evaluation.images, bool)
    if wanted.order == MISTAKES:
        mask &= ~evaluation.right
    elif wanted.order == HITS:
        mask &= evaluation.right
    if wanted.true is not None:
        mask &= evaluation.labels == wanted.true
    if wanted.predicted is not None:
        mask &= evaluation.predicted == wanted.predicted
    mask &= _searched(evaluation, wanted.search)
    positions = np.flatnonzero(mask)
    if wanted.order == ALL:
        return positions
    confidence = evaluation.confidence[positions]
    return positions[np.argsort(-confidence if wanted.order == MISTAKES else confidence, kind="stable")]


def most_uncertain(spread: np.ndarray) -> np.ndarray:
    """Positions of all images, the largest spread between samples first; `spread` is `[N]`."""
    return np.argsort(-spread, kind="stable")


def _searched(evaluation: Evaluation, text: str) -> np.ndarray:
    """A mask of the matches: `#12` by index, `cat` by either class, `cat > dog` by true and predicted class."""
    text = text.strip().lower()
    if not text:
        return np.ones(evaluation.images, bool)
    if number := re.fullmatch(r"#\s*(\d{1,9})", text):
        if int(number[1]) >= evaluation.images:
            raise InputError(
                f"search: there is no image {number[1]}; images are numbered 0 to {evaluation.images - 1:,}"
            )
        return np.arange(evaluation.images) == int(number[1])
    classes = [_class(evaluation, part) for part in re.split(r"\s*(?:->|→|>)\s*", text)]
    if len(classes) == 1:
        return np.isin(evaluation.labels, classes[0]) | np.isin(evaluation.predicted, classes[0])
    if len(classes) == 2:
        return np.isin(evaluation.labels, classes[0]) & np.isin(evaluation.predicted, classes[1])
    raise InputError(f"search: {text!r} names more than two classes; write true > predicted, such as cat > dog")


def _class(evaluation: Evaluation, text: str) -> list[int]:
    names = evaluation.class_names
    matches = [number for number, name in enumerate(names) if name == text] or [
        number for number, name in enumerate(names) if text and name.startswith(text)
    ]
    if not matches:
        raise InputError(f"search: {text!r} is not a class; enter #number or one of {', '.join(names)}")
    return matches
