"""The order of the images of a data set that a person adds: the same images always have the same, in both divisions.

The divisions take images by their places (`explorer.data.split`). So the images are put in an order in which each class
has its share of the validation images, in either division; what trains, exports and compares needs no rule of its own.
"""

from typing import TYPE_CHECKING

from explorer.data.split import BOOK, split_indices

if TYPE_CHECKING:
    import numpy as np


def stratified_order(labels: "np.ndarray", digests: list[bytes], seed: int) -> "np.ndarray":
    """The indices of labelled images, int64 `[N]`, in their new order.

    `digests` are hashes of the images, so that the order in which they were read makes no difference.
    """
    import numpy as np

    random = np.random.RandomState(seed)
    waiting = [list(random.permutation(members)) for members in _members(labels, digests)]
    _, validation = split_indices(len(labels))
    _, first = split_indices(len(labels), BOOK)
    both = np.intersect1d(validation, first)
    rest = np.setdiff1d(np.arange(len(labels)), np.union1d(validation, first))
    order = np.empty(len(labels), np.int64)
    # the shares of the notebook's validation images first, so that they are exact
    held_out = shares(len(validation), [len(members) for members in waiting])
    in_both = shares(len(both), held_out)
    in_first = shares(len(first) - len(both), [len(m) - held for m, held in zip(waiting, held_out, strict=True)])
    for places, numbers in (
        (both, in_both),
        (np.setdiff1d(validation, both), [held - two for held, two in zip(held_out, in_both, strict=True)]),
        (np.setdiff1d(first, both), in_first),
        (rest, None),
    ):
        taken = [
            members.pop() for members, n in zip(waiting, numbers or map(len, waiting), strict=True) for _ in range(n)
        ]
        order[places] = random.permutation(np.array(taken, np.int64))
    return order


def shuffled_order(labels: "np.ndarray", digests: list[bytes], seed: int) -> "np.ndarray":
    """The indices of test images, int64 `[N]`, in their new order."""
    import numpy as np

    sorted_ = [index for members in _members(labels, digests) for index in members]
    return np.random.RandomState(seed).permutation(np.array(sorted_, np.int64))


def _members(labels: "np.ndarray", digests: list[bytes]) -> "list[np.ndarray]":
    """The indices of each class's images, sorted by their hashes."""
    import numpy as np

    return [
        np.array(sorted(np.flatnonzero(labels == label), key=lambda index: digests[index]), np.int64)
        for label in range(int(labels.max(initial=-1)) + 1)
    ]


def shares(total: int, sizes: list[int]) -> list[int]:
    """Whole numbers that add up to a total, in proportion to some sizes, none larger than its size.

    What is left after rounding down goes to the largest remainders, the first of equal ones.
    """
    whole = max(1, sum(sizes))
    exact = [total * size / whole for size in sizes]
    numbers = [int(number) for number in exact]
    order = sorted(range(len(sizes)), key=lambda place: numbers[place] - exact[place])
    for place in order[: total - sum(numbers)]:
        numbers[place] += 1
    return numbers
