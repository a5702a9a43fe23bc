"""Names, tags and notes of runs, and the bin that deleted runs wait in."""

import pytest

from explorer.config import TrainingConfig
from explorer.errors import FieldError, InputError, RunError
from explorer.process import Process
from explorer.runs import notes
from explorer.runs.notes import NOTES, NOTHING, Annotation
from explorer.runs.status import COMPLETED, PAUSED, RUNNING

DIGITS = TrainingConfig(dataset="digits", depth=2, width=20)


def finished(store, status=COMPLETED):
    run = store.create(DIGITS)
    run.end(status, "")
    return run


# --- What is written on a run -------------------------------------------------------------------------


def test_what_is_written_is_read_again_and_seen_in_the_list(store):
    run = finished(store)
    assert run.annotation() == NOTHING and store.list()[0].title == "Digits ELU 2×20"
    run.annotate(Annotation("deep one", ("a", "b"), "why\nit is here"))
    [summary] = store.list()
    assert summary.annotation == run.annotation() == Annotation("deep one", ("a", "b"), "why\nit is here")
    assert summary.title == "deep one"
    run.annotate(NOTHING)
    assert store.list()[0].annotation == NOTHING and not (run.path / NOTES).exists()


def test_spaces_empty_tags_and_repeated_ones_are_dropped():
    assert Annotation("  a \n b ", (" x ", "", "x", "y  z"), " n ") == Annotation("a b", ("x", "y z"), "n")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (("x" * 81, (), ""), "name: 'xxxxxxxxxxxxxxxxxxxx…' is not allowed; it must be at most 80 characters long"),
        (("", ("t" * 31,), ""), "tag: 'tttttttttttttttttttt…' is not allowed; it must be at most 30"),
        (("", (), "n" * 2001), "it must be at most 2,000 characters long, not 2,001"),
        (("", tuple(map(str, range(21))), ""), "tags: 21 is not allowed; it must be at most 20 tags"),
    ],
)
def test_what_is_too_long_is_told(values, reason):
    with pytest.raises(FieldError) as caught:
        Annotation(*values)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b'{"name": 1}', b'{"note": "x", "tags": 7}', b'{"note": "' + b"x" * 2001 + b'"}'],
)
def test_damaged_notes_hide_no_run(store, content):
    run = finished(store)
    (run.path / NOTES).write_bytes(content)
    [summary] = store.list()
    assert (summary.state, summary.annotation) == (COMPLETED, NOTHING)


def test_notes_that_cannot_be_written_are_told(store):
    run = finished(store)
    (run.path / NOTES).mkdir()
    with pytest.raises(RunError) as caught:
        run.annotate(Annotation("x"))
    assert str(caught.value).startswith(f"{NOTES} of {run.name} cannot be written (")


# --- The bin ------------------------------------------------------------------------------------------


def names(store):
    return {summary.name for summary in store.list()}


def test_a_deleted_run_waits_in_the_bin_with_all_it_has_and_comes_back(store):
    run, other = finished(store), finished(store)
    (run.path / "best.keras").write_bytes(b"a model")
    run.annotate(Annotation("kept"))
    store.bin(run)
    assert names(store) == {other.name} and notes.binned(store.folder) == [run.name]
    notes.restore(store.folder, [run.name])
    assert names(store) == {run.name, other.name} and notes.binned(store.folder) == []
    assert (run.path / "best.keras").read_bytes() == b"a model" and run.annotation().name == "kept"


def test_emptying_the_bin_deletes_what_is_in_it_and_nothing_else(store):
    runs = [finished(store) for _ in range(3)]
    for run in runs[:2]:
        store.bin(run)
    assert notes.empty_bin(store.folder) == 2
    assert notes.binned(store.folder) == [] and names(store) == {runs[2].name}
    assert [path.name for path in store.folder.iterdir()] == [runs[2].name]
    assert notes.empty_bin(store.folder) == 0


def test_the_last_one_deleted_is_listed_first(store):
    runs = [finished(store) for _ in range(3)]
    clock = store.folder / ".clock"
    for run in runs:
        store.bin(run)
        clock.touch()
        while clock.stat().st_ctime <= (store.folder / notes.BIN / run.name).stat().st_ctime:
            clock.touch()  # until the file system's clock has moved on
    assert notes.binned(store.folder) == [run.name for run in reversed(runs)]


@pytest.mark.parametrize("status", ["queued", RUNNING])
def test_an_active_run_cannot_be_deleted(store, status):
    run = store.create(DIGITS)
    run.update(status=status, process=Process.current())
    with pytest.raises(InputError) as caught:
        store.bin(run)
    assert str(caught.value) == f"run: {run.name!r} is {status}; stop it first, then it can be removed"
    assert names(store) == {run.name}


def test_a_run_in_use_cannot_be_deleted_and_a_paused_or_broken_one_can(store):
    run, broken = finished(store, PAUSED), finished(store)
    (broken.path / "status.json").write_text("{")
    with run.locked(), pytest.raises(InputError) as caught:
        store.bin(run)
    assert "is in use by another process" in str(caught.value)
    store.bin(run)
    store.bin(broken)
    assert set(notes.binned(store.folder)) == {run.name, broken.name}


def test_what_is_not_in_the_bin_or_is_there_again_cannot_be_restored(store):
    run = finished(store)
    for name in (run.name, "../runs", ""):
        with pytest.raises(InputError) as caught:
            notes.restore(store.folder, [name])
        assert str(caught.value) == f"run: {name!r} is not in the bin"
    store.bin(run)
    run.path.mkdir()
    with pytest.raises(InputError) as caught:
        notes.restore(store.folder, [run.name])
    assert "a run with this name exists" in str(caught.value)
