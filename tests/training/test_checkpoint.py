"""Damaged checkpoints: whatever happens to the file, it is refused with one sentence, or it is as good as before."""

import json
import random
import shutil

import numpy as np
import pytest
from damage import DIGITS, HOSTILE, damage, is_a_sentence
from made_runs import history

from explorer.errors import CheckpointError, RunError
from explorer.runs.run import CHECKPOINT
from explorer.training.checkpoint import Checkpoint

SEEDS = 2000


@pytest.fixture
def checkpoint(store):
    """A run with a checkpoint of three epochs and a part of the fourth, and what the file holds."""
    run = store.create(DIGITS)
    records = history(2.0, 1.5, 1.2)
    for record in records:
        run.append(record)
    arrays = [np.arange(12, dtype=np.float32).reshape(3, 4), np.float32(7).reshape(()), np.zeros((0, 5), np.int32)]
    kept = Checkpoint(3, 2, 1.5, 40, 0.5, arrays, 0.25, run.config.to_dict(), records[-1].to_json(), 1)
    kept.save(run.path / CHECKPOINT)
    return run, kept


def opened(run, shapes) -> Checkpoint:
    """The checkpoint as a worker reads it before it changes anything."""
    found = Checkpoint.load(run.path / CHECKPOINT)
    found.check(run.name, run.config, run.history(), shapes)
    return found


def same(one: Checkpoint, other: Checkpoint) -> bool:
    def content(checkpoint: Checkpoint) -> dict:
        return {**vars(checkpoint), "arrays": [(array.dtype, array.tobytes()) for array in checkpoint.arrays]}

    return content(one) == content(other)


def test_what_was_saved_is_read(checkpoint):
    run, kept = checkpoint
    assert same(opened(run, [array.shape for array in kept.arrays]), kept)


def test_any_damage_is_one_sentence_or_none(checkpoint, store):
    run, kept = checkpoint
    shapes, refused = [array.shape for array in kept.arrays], 0
    for seed in range(SEEDS):
        copied = store.folder / f"damaged_{seed}"
        shutil.copytree(run.path, copied)
        how = damage(copied, (CHECKPOINT,), random.Random(seed))
        try:
            found = opened(type(run)(copied), shapes)
        except RunError as error:
            refused += 1
            assert is_a_sentence(f"{error}", store), (how, error)
        else:
            assert same(found, kept), how
        shutil.rmtree(copied)
    assert refused > SEEDS // 2


def test_any_value_in_it_is_refused_with_one_sentence_or_harmless(checkpoint, store):
    run, kept = checkpoint
    with np.load(run.path / CHECKPOINT) as stored:
        position, content = json.loads(str(stored["position"])), stored["content"]
    for name in position:
        for value in HOSTILE:
            hostile = json.dumps(position | {name: value})
            np.savez(run.path / CHECKPOINT, position=np.array(hostile), content=content)
            try:
                opened(run, [array.shape for array in kept.arrays])
            except RunError as error:
                assert is_a_sentence(f"{error}", store), (name, f"{value}"[:50], error)


def test_what_is_no_file_is_refused(checkpoint):
    run, _ = checkpoint
    (run.path / CHECKPOINT).unlink()
    with pytest.raises(RunError, match="no checkpoint to resume from"):
        Checkpoint.load(run.path / CHECKPOINT)
    (run.path / CHECKPOINT).mkdir()
    with pytest.raises(CheckpointError, match="is damaged"):
        Checkpoint.load(run.path / CHECKPOINT)
