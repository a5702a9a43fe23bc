"""The file of a run's decision boundary: what is read back, and what damage and resuming do."""

import numpy as np
import pytest
from made_runs import DIGITS, history

from explorer.runs.decision_boundary import BOUNDARY, SIDE, grid

MOONS = DIGITS.with_(dataset="moons")


def boundary(epoch: int) -> np.ndarray:
    return np.linspace(0, 1, SIDE * SIDE) ** (epoch + 1)


@pytest.fixture
def written(store):
    run = store.create(MOONS)
    run.append_boundary(0, boundary(0))
    for record in history(2.0, 1.5, 1.2):
        run.append_boundary(record.epoch, boundary(record.epoch))
        run.append(record)
    return run


def assert_is(found, epoch: int) -> None:
    assert found[0] == epoch
    np.testing.assert_allclose(found[1], boundary(epoch), atol=0.002)


def test_the_grid_covers_the_plane_evenly():
    points = grid(6)
    assert points.shape == (SIDE * SIDE, 2)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-5)
    assert points[1, 0] > points[0, 0] and points[1, 1] == points[0, 1]
    cell = 12 / SIDE
    np.testing.assert_allclose([points.min(), points.max()], [-6 + cell / 2, 6 - cell / 2], atol=1e-5)


def test_every_epoch_is_read_back_and_the_last_is_found(written):
    assert_is(written.boundary(), 3)
    for epoch in range(4):
        assert_is(written.boundary(epoch), epoch)
    assert written.boundary(4) is None


def test_a_run_without_one_has_none(store):
    assert store.create(DIGITS).boundary() is None


def test_what_follows_the_checkpoint_is_removed_with_its_epochs(written):
    written.keep_epochs(2)
    assert_is(written.boundary(), 2)
    written.keep_epochs(0)
    assert_is(written.boundary(), 0)
    written.keep_epochs(0, fresh=True)
    assert written.boundary() is None


def test_probabilities_that_are_no_numbers_are_undecided(store):
    run = store.create(MOONS)
    run.append_boundary(1, np.full(SIDE * SIDE, np.nan))
    np.testing.assert_allclose(run.boundary()[1], 0.5, atol=0.01)


@pytest.mark.parametrize(
    "damage",
    [b"", b"[]", b"{}", b'{"epoch": 3}', b'{"epoch": true, "boundary": ""}', b'{"epoch": 3, "boundary": "AAAA"}',
     b'{"epoch": -1, "boundary": "%"}', b"\xff", b'{"epoch": 3, "boundary": 7}', b'{"epoch": 3, "bound'],
)  # fmt: skip
def test_a_damaged_epoch_is_unknown_and_the_others_are_not(written, damage):
    path = written.path / BOUNDARY
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:3], damage, b""]))
    assert written.boundary(3) is None
    assert_is(written.boundary(), 2)
    written.keep_epochs(3)
    assert_is(written.boundary(), 2)
