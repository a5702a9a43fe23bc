"""Arrays that are equal to the last bit."""

from collections.abc import Iterable

import numpy as np


def assert_same_bits(one: Iterable[np.ndarray], other: Iterable[np.ndarray]) -> None:
    """Fails unless both have the same arrays in the same order, with the same shapes and types."""
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
