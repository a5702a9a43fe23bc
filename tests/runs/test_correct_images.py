"""The file of the images that a run classifies correctly: what is read back, and what damage does."""

import numpy as np
import pytest
from made_runs import DIGITS, history

from explorer.runs.correct_images import CORRECT

IMAGES = 360


def images(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(IMAGES) < 0.7


def written(store):
    run = store.create(DIGITS)
    for record in history(2.0, 1.5, 1.2):
        run.append_correct(record.epoch, images(record.epoch))
        run.append(record)
    return run


def test_every_epoch_is_read_back(store):
    run = written(store)
    for epoch in (1, 2, 3):
        assert np.array_equal(run.correct(epoch), images(epoch))
    assert run.correct(4) is None and run.correct(0) is None


def test_a_run_of_an_earlier_version_has_none(store):
    assert store.create(DIGITS).correct(1) is None


def test_what_follows_the_checkpoint_is_removed_with_its_epochs(store):
    run = written(store)
    run.keep_epochs(2)
    assert run.correct(3) is None
    run.append_correct(3, images(7))
    assert np.array_equal(run.correct(3), images(7)) and np.array_equal(run.correct(2), images(2))
    run.keep_epochs(0, fresh=True)
    assert run.correct(1) is None


@pytest.mark.parametrize(
    "damage",
    [b"", b"[]", b"{}", b'{"epoch": 2, "correct": "%"}', b'{"epoch": 2, "correct": "AAAA"}', b"\xff", b'{"epoch": 0}'],
)
def test_a_damaged_epoch_is_unknown_and_the_others_are_not(store, damage):
    run = written(store)
    lines = (run.path / CORRECT).read_bytes().split(b"\n")
    (run.path / CORRECT).write_bytes(b"\n".join([lines[0], damage, lines[2], b'{"epoch": 4, "corr']))
    assert run.correct(2) is None and run.correct(4) is None
    assert np.array_equal(run.correct(3), images(3))


def test_a_line_in_writing_is_not_read(store):
    run = written(store)
    with (run.path / CORRECT).open("ab") as stream:
        stream.write(b'{"epoch": 4, "correct": ""}')
    assert run.correct(4) is None
