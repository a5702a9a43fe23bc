"""The index of a folder of runs: it changes what a listing costs, and never what it says."""

import json
import os
import shutil
from dataclasses import replace

import pytest
from make_runs import make_runs

from explorer.config import TrainingConfig
from explorer.process import Process
from explorer.runs import index as run_index
from explorer.runs import store as run_store
from explorer.runs.history import CURVE_POINTS, EpochRecord, outline, read, read_outline
from explorer.runs.index import INDEX
from explorer.runs.notes import Annotation
from explorer.runs.run import HISTORY
from explorer.runs.run_summary import RunSummary
from explorer.runs.status import COMPLETED, RUNNING, UNREADABLE
from explorer.runs.store import RunStore

DIGITS = TrainingConfig(dataset="digits", depth=2, width=20)
COUNT = 130


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make_runs(COUNT, folder, epochs=4)
    for number, run in enumerate(RunStore(folder).list()):
        if number == 0:
            run.run.annotate(Annotation("named", ("a", "b"), "noted"))
        if number == 1:
            run.run.update(status=RUNNING, process=replace(Process.current(), host="another machine"))
        if number == 2:
            (run.run.path / HISTORY).unlink()
        if number == 3:
            (run.run.path / HISTORY).write_text(EpochRecord(1, 1.0, 0.5, float("nan"), 0.5, 1e-3, 1.0).to_json() + "\n")
        if number == 4:
            (run.run.path / "config.json").write_text("{")
    return folder


@pytest.fixture
def folder(made, tmp_path):
    shutil.copytree(made, tmp_path / "runs", ignore=shutil.ignore_patterns(INDEX))
    return tmp_path / "runs"


def told(folder) -> list[str]:
    """All that a fresh store's listing says."""
    return [
        repr((s.name, s.config, s.status, s.annotation, rounded(s.outline), s.problem)) for s in RunStore(folder).list()
    ]


def rounded(known):
    return replace(known, curve=tuple(round(value, 5) for value in known.curve))


def index(folder) -> dict:
    return json.loads((folder / INDEX).read_bytes().partition(b"\n")[2])


def test_a_listing_says_the_same_from_the_index(folder):
    without = told(folder)
    assert len(without) == COUNT and len(index(folder)) == COUNT - 1, "all but the unreadable one are in the index"
    assert told(folder) == without


def test_what_is_in_the_index_is_not_read_again(folder, monkeypatch):
    told(folder)
    read = []
    monkeypatch.setattr(
        run_store, "_light", lambda run, annotated: read.append(run.name) or RunSummary(run, problem="x")
    )
    found = RunStore(folder).list()
    assert len(found) == COUNT and len(read) == 1


@pytest.mark.parametrize(
    "what", ["appended", "status", "noted", "replaced by its equal in size and time", "gone", "new"]
)
def test_what_changed_after_the_index_was_written_is_seen(folder, what):
    told(folder)
    run = RunStore(folder).list()[50].run
    before = (run.path / "status.json").stat()
    if what == "appended":
        run.append(EpochRecord(5, 0.1, 0.5, 0.01, 0.5, 1e-3, 1.0))
        os.utime(run.path)  # as whoever trains it changes its status too
    if what == "noted":
        run.annotate(Annotation("later"))
    if what == "status":
        run.end("stopped", "another reason")
    if what == "replaced by its equal in size and time":
        text = (run.path / "status.json").read_text().replace('"parameters": 9999', '"parameters": 8888')
        (run.path / "status.new").write_text(text)
        (run.path / "status.new").replace(run.path / "status.json")
        os.utime(run.path / "status.json", ns=(before.st_atime_ns, before.st_mtime_ns))
    if what == "gone":
        shutil.rmtree(run.path)
    if what == "new":
        RunStore(folder).create(DIGITS)
    seen = told(folder)
    (folder / INDEX).unlink()
    assert seen == told(folder)
    assert len(seen) == COUNT + {"gone": -1, "new": 1}.get(what, 0)


@pytest.mark.parametrize("damage", ["empty", "cut", "one byte", "another form", "no JSON", "a folder"])
def test_a_damaged_or_foreign_index_is_not_used(folder, damage, monkeypatch):
    without = told(folder)
    path = folder / INDEX
    content = path.read_bytes()
    if damage == "another form":
        monkeypatch.setattr(run_index, "_VERSION", run_index._VERSION + 1)
    elif damage == "a folder":
        path.unlink()
        path.mkdir()
    else:
        middle = len(content) // 2
        path.write_bytes(
            {
                "empty": b"",
                "cut": content[:middle],
                "one byte": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
                "no JSON": b"\n" + content,
            }[damage]
        )
    assert run_index.load(folder, run_store._STATUS_FIELDS) == {}
    assert told(folder) == without


def test_a_folder_that_cannot_be_written_to_is_listed_all_the_same(folder, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError("read-only file system")

    monkeypatch.setattr(run_index, "replace_file", refuse)
    assert len(RunStore(folder).list()) == COUNT and not (folder / INDEX).exists()


def test_few_runs_make_no_index(store):
    for _ in range(3):
        store.create(DIGITS)
    assert len(store.list()) == 3 and not (store.folder / INDEX).exists()


def test_a_run_that_rests_is_seen_again_when_one_of_its_files_is_replaced(store):
    """A folder at rest is known by its own time alone; whatever this program does to it changes that."""
    run = store.create(DIGITS)
    run.append(EpochRecord(1, 1.0, 0.5, 1.0, 0.5, 1e-3, 1.0))
    run.end(COMPLETED, "")
    long_ago = run.path.stat().st_mtime_ns - 10_000_000_000
    os.utime(run.path, ns=(long_ago, long_ago))
    assert store.list()[0].state == COMPLETED
    run.annotate(Annotation("x"))
    assert store.list()[0].annotation.name == "x"
    os.utime(run.path, ns=(long_ago, long_ago))
    assert store.list()[0].title == "x"
    run.update(status="paused")
    assert store.list()[0].state == "paused"
    os.utime(run.path, ns=(long_ago, long_ago))
    store.list()
    (run.path / "config.json").unlink()
    assert store.list()[0].state == UNREADABLE


# --- Outlines -----------------------------------------------------------------------------------------


def records(count: int, best: int = 1, nan: int = 0) -> list[EpochRecord]:
    losses = [float("nan") if n == nan else 1.0 + abs(n - best) for n in range(1, count + 1)]
    return [EpochRecord(n, 0.1 * n, 0.5, loss, 0.25, 1e-3, float(n)) for n, loss in enumerate(losses, 1)]


@pytest.mark.parametrize(
    "history",
    [records(0), records(1), records(24, 7), records(25, 25), records(1000, 333), records(3, nan=1), records(1, nan=1)],
)
def test_an_outline_from_lines_is_that_of_the_records(history):
    lines = "".join(record.to_json() + "\n" for record in history)
    fast = read_outline(lines.encode())
    assert repr(fast) == repr(outline(history))
    # earlier versions recorded neither penalty nor clipping
    earlier = lines.replace(', "penalty": 0.0, "val_penalty": 0.0, "clipped": 0.0', "").encode()
    assert repr(read_outline(earlier)) == repr(outline(read(earlier)))
    assert len(fast.curve) <= CURVE_POINTS and fast.epochs == len(history)
    if history:
        assert repr(fast.curve[-1]) == repr(history[-1].val_loss)


GOOD = EpochRecord(1, 1.0, 0.5, 1.0, 0.5, 1e-3, 1.0).to_json()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        "[]",
        "7",
        GOOD + "," + GOOD,
        GOOD.replace('"epoch": 1', '"epoch": 1.0'),
        GOOD.replace('"epoch": 1', '"epoch": true'),
        GOOD.replace('"loss": 1.0', '"loss": "1"', 1),
        GOOD.replace('"seconds": 1.0', '"seconds": false'),
        GOOD.replace('"seconds"', '"minutes"'),
        GOOD[:-1],
    ],
)
def test_lines_that_are_no_records_are_refused(line):
    with pytest.raises(ValueError):
        read_outline(f"{GOOD}\n{line}\n".encode())
    with pytest.raises(ValueError, match=r"^line 2: "):
        read(f"{GOOD}\n{line}\n".encode())
