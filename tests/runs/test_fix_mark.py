"""The mark of a run that tries a fix: written with the folder, read back, and ignored where it is damaged."""

import pytest
from made_runs import DIGITS

from explorer.runs.fix_mark import FIX, FixMark, read_fix_mark
from explorer.runs.store import RunStore

MARK = FixMark("digits_elu_5x100_2026_01_01-00_00_00_abcd", {"learning_rate": 1e-4, "batch_norm": "off"}, True)


def test_a_mark_is_in_the_folder_from_the_start_and_names_origin_and_fix(store):
    run = store.create(DIGITS, fix=MARK)
    assert read_fix_mark(str(run.path)) == MARK
    assert "_fix_" in run.name


def test_a_run_without_a_mark_has_none(store):
    run = store.create(DIGITS)
    assert read_fix_mark(str(run.path)) is None
    assert "_fix_" not in run.name and not (run.path / FIX).exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"origin": "", "fix": {}}',
        '{"origin": 3, "fix": {}}',
        '{"origin": "a", "fix": {"rate": 1}}',
        '{"origin": "a", "fix": {"depth": 101}}',
        '{"origin": "a", "fix": {"depth": [1]}}',
        '{"origin": "a", "fix": []}',
        "[" * 5000,
    ],
)
def test_a_damaged_mark_is_none_and_the_run_is_listed(store, content):
    run = store.create(DIGITS)
    (run.path / FIX).write_text(content)
    assert read_fix_mark(str(run.path)) is None
    assert [summary.problem for summary in RunStore(store.folder).list()] == [""]
