"""Division of the labelled images into training and validation images, as in the notebook or as in the book."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SPLITS = ("train", "validation", "test")
VALIDATION_SHARE = 0.2
SPLIT_SEED = 42
# how the labelled images are divided: as in the notebook, or as in the book whose exercise the notebook solves
NOTEBOOK, BOOK = "notebook", "book"
BOOK_SHARE = 0.1


def split_counts(images: int, division: str = NOTEBOOK) -> tuple[int, int]:
    """The numbers of training and validation images among labelled ones."""
    validation = int(BOOK_SHARE * images) if division == BOOK else math.ceil(VALIDATION_SHARE * images)
    return images - validation, validation


def split_indices(images: int, division: str = NOTEBOOK) -> "tuple[np.ndarray, np.ndarray]":
    """Indices of the training and validation images; in the book's division, validation is the first tenth in order.

    The notebook's division is scikit-learn's `train_test_split(test_size=0.2, random_state=42)`. Its rule is written
    out here because importing scikit-learn takes over a second; a test compares the two.
    """
    import numpy as np

    _, validation = split_counts(images, division)
    if division == BOOK:
        return np.arange(validation, images), np.arange(validation)
    order = np.random.RandomState(SPLIT_SEED).permutation(images)
    return order[validation:], order[:validation]
