"""The order of the images of an own data set: the same for the same images, and fair to each class."""

import numpy as np
import pytest

from explorer.data.own.dividing import shares, stratified_order
from explorer.data.split import BOOK, NOTEBOOK, split_indices


def labelled(numbers: list[int], seed: int = 0) -> tuple[np.ndarray, list[bytes]]:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(numbers)), numbers))
    return labels, [f"{label}-{place}".encode() for place, label in enumerate(labels)]


@pytest.mark.parametrize("numbers", [[5, 5], [5, 7, 500], [100] * 10, [6, 13, 29, 31], [5] * 200])
@pytest.mark.parametrize("seed", [1, 2])
def test_each_class_has_its_share_of_the_validation_images(numbers, seed):
    labels, digests = labelled(numbers)
    order = stratified_order(labels, digests, seed)
    assert sorted(order) == list(range(len(labels)))
    for division, share, slack in ((NOTEBOOK, 0.2, 1), (BOOK, 0.1, 2)):
        _, validation = split_indices(len(labels), division)
        held_out = np.bincount(labels[order][validation], minlength=len(numbers))
        assert (abs(held_out - share * np.array(numbers)) <= slack).all(), division
    _, validation = split_indices(len(labels))
    assert (np.bincount(labels[order][validation], minlength=len(numbers)) >= 1).all()


def test_the_order_in_which_images_were_read_makes_no_difference():
    labels, digests = labelled([20, 30, 40])
    again = np.random.default_rng(5).permutation(len(labels))
    one = stratified_order(labels, digests, 3)
    other = stratified_order(labels[again], [digests[place] for place in again], 3)
    assert [digests[place] for place in one] == [digests[again[place]] for place in other]


def test_another_seed_holds_out_other_images():
    labels, digests = labelled([50, 50])
    _, validation = split_indices(100)
    first, second = (set(stratified_order(labels, digests, seed)[validation]) for seed in (1, 2))
    assert first != second


@pytest.mark.parametrize(
    ("total", "sizes", "expected"),
    [(3, [1, 1, 1], [1, 1, 1]), (2, [1, 1, 1], [1, 1, 0]), (4, [5, 15], [1, 3]), (0, [3, 4], [0, 0]), (0, [], [])],
)
def test_shares_add_up_and_go_by_size(total, sizes, expected):
    assert shares(total, sizes) == expected
