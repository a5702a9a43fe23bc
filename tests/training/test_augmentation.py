"""Augmentation: what is drawn for an epoch, where a move puts each pixel, and who is mixed with whom."""

import numpy as np
import pytest
import tensorflow as tf

from explorer.config import FIELDS, HORIZONTAL, TrainingConfig
from explorer.training.augmentation import Draws, draws, mixed, moved, unchanged
from explorer.training.program_shape import Shape

CONFIG = TrainingConfig(flip=HORIZONTAL, shift=2, mixup=0.4)


def same(one: Draws, other: Draws) -> tuple[bool, ...]:
    """Whether flips, shifts and shares are equal."""
    pairs = [(one.moves[:, 0], other.moves[:, 0]), (one.moves[:, 1:], other.moves[:, 1:]), (one.shares, other.shares)]
    return tuple(np.array_equal(*pair) for pair in pairs)


def test_draws_follow_from_seed_and_epoch_alone():
    first = draws(CONFIG, 3, 500, 9)
    assert same(first, draws(CONFIG.with_(learning_rate=0.1, width=7), 3, 500, 9)) == (True, True, True)
    assert same(first, draws(CONFIG, 4, 500, 9)) == (False, False, False)
    assert same(first, draws(CONFIG.with_(seed=2), 3, 500, 9)) == (False, False, False)


@pytest.mark.parametrize("name", ["flip", "shift", "mixup"])
def test_a_kind_that_is_off_changes_nothing_of_the_others(name):
    kinds = ("flip", "shift", "mixup")
    without = draws(CONFIG.with_(**{name: FIELDS[name].default}), 3, 500, 9)
    assert same(without, draws(CONFIG, 3, 500, 9)) == tuple(kind != name for kind in kinds)
    assert same(without, unchanged(500, 9)) == tuple(kind == name for kind in kinds)


def test_flips_are_half_shifts_are_uniform_and_shares_are_beta_distributed():
    drawn = draws(CONFIG, 1, 50_000, 50_000)
    # four standard deviations of 50,000 draws
    assert drawn.moves[:, 0].mean() == pytest.approx(0.5, abs=0.009)
    values, counts = np.unique(drawn.moves[:, 1:], return_counts=True)
    assert values.tolist() == [-2, -1, 0, 1, 2] and counts / 100_000 == pytest.approx([0.2] * 5, abs=0.006)
    assert drawn.shares.mean() == pytest.approx(0.5, abs=0.007)
    assert drawn.shares.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.02)


@pytest.mark.parametrize("shape", [(3, 5), (4, 3, 1), (5, 4, 3)])
def test_every_pixel_is_where_its_flip_and_shift_put_it(shape):
    height, width = shape[:2]
    images = np.random.default_rng(1).integers(1, 256, (2 * 15 * 15, *shape), np.uint8)
    moves = [(flip, down, right) for flip in (0, 1) for down in range(-7, 8) for right in range(-7, 8)]
    expected = np.zeros_like(images)
    for image, target, (flip, down, right) in zip(images, expected, moves, strict=True):
        for row in range(height):
            for column in range(width):
                to = row + down, (width - 1 - column if flip else column) + right
                if 0 <= to[0] < height and 0 <= to[1] < width:
                    target[to] = image[row, column]
    found = moved(tf.constant(images.reshape(len(images), -1)), tf.constant(moves), shape)
    assert found.dtype == tf.uint8
    np.testing.assert_array_equal(found.numpy().reshape(images.shape), expected)


@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_images_are_mixed_with_those_that_are_present(count):
    values = np.random.default_rng(2).normal(size=(6, 4)).astype("float32")
    present = None if count == 6 else tf.constant([1.0] * count + [0.0] * (6 - count))
    found = mixed(tf.constant(values), tf.constant(0.3), present).numpy()[:count]
    np.testing.assert_allclose(found, 0.3 * values[:count] + 0.7 * values[:count][::-1], rtol=1e-5)


def test_points_are_neither_flipped_nor_shifted():
    for dataset, pictures in (("digits", True), ("moons", False)):
        config = CONFIG.with_(dataset=dataset)
        assert [FIELDS[name].matters(vars(config)) for name in ("flip", "shift", "mixup")] == [pictures, pictures, True]
        assert (Shape.of(config).moved, Shape.of(config).mixed) == (pictures, True)
