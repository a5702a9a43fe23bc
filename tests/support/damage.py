"""Random damage to the files of a run and of a study, seeded: what a test and a campaign do to folders."""

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from made_runs import history, signals

from explorer.config import TrainingConfig
from explorer.runs.correct_images import CORRECT
from explorer.runs.decision_boundary import BOUNDARY
from explorer.runs.fix_mark import FIX, FixMark
from explorer.runs.notes import NOTES, Annotation
from explorer.runs.run import BEST, CONFIG, HISTORY, SIGNALS, TRIAL, Run
from explorer.runs.status import COMPLETED
from explorer.runs.store import RunStore
from explorer.sweeps import study as folder
from explorer.sweeps.study import Study, StudyStore, TrialRecord
from explorer.sweeps.study_spec import StudySpec
from explorer.work_folder import REQUEST, STATUS

RUN_FILES = (CONFIG, STATUS, HISTORY, SIGNALS, CORRECT, BOUNDARY, NOTES, TRIAL, FIX, REQUEST)
STUDY_FILES = (folder.STUDY, STATUS, folder.TRIALS, REQUEST, folder.LOG)
DIGITS = TrainingConfig(dataset="digits", depth=5, width=20, epochs=3)

HUGE = 10**400
HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 0.5, -0.0, 5e-324, 1e300, -1e300, 2**31, 2**53 + 1, 2**63, 2**64, -(2**70), HUGE,
    float("nan"), float("inf"), float("-inf"), "", "x", "x" * 300, "x" * 200_000, "\0", "\x1b[31m", "../../etc/passwd",
    "/etc/passwd", "![](http://localhost/x.png)", "<script>", "=1+1", "🙂", [], {}, [[]], [None], ["x"] * 1000,
    list(range(10_000)), {"a": {}}, {str(n): n for n in range(1000)}, "running", "queued", "completed", "digits",
)  # fmt: skip
DEPTHS = (10, 500, 990, 5_000, 100_000)


# --- What is well -----------------------------------------------------------------------------------------


def good_run(store: RunStore, name: str, study: str = "s") -> Run:
    """A completed run with all its files; its model is no model."""
    run = store.create(DIGITS, name, {"study": study, "trial": 0, "seed": 0}, FixMark("another", {"depth": 5}))
    for epoch, record in enumerate(history(2.0, 1.5, 1.2)):
        if epoch == 0:
            run.append_signals(signals(0))
        run.append_correct(record.epoch, np.arange(360) % 2 == 0)
        run.append(record)
        run.append_signals(signals(epoch + 1))
    run.annotate(Annotation("a name", ("tag", "other"), "a note"))
    run.request("stop")
    run.end(COMPLETED, "all 3 epochs are trained")
    (run.path / BEST).write_bytes(b"no model")
    return run


def good_study(store: RunStore, name: str, runs: list[str]) -> Study:
    """A study of two completed trials and an open one."""
    values = {"name": name, "trials": 5, "space": {"depth": [1, 2, 4], "learning_rate": {"low": 1e-4, "high": 1e-2}}}
    study = StudyStore(store).create(StudySpec.from_dict(values))
    for number, state in enumerate((folder.TRIAL_COMPLETED, folder.TRIAL_COMPLETED, folder.TRIAL_RUNNING)):
        value = 1.0 / (number + 1) if state == folder.TRIAL_COMPLETED else None
        settings = {"depth": 2**number, "learning_rate": 1e-3}
        study.record(TrialRecord(number, state, settings, runs, value, "", 1.7e9, 1.7e9 + 60 if value else None))
    study.update(status=folder.STOPPED, reason="stopped", seconds=60.0)
    (study.path / folder.LOG).write_text("explorer: a word\n")
    return study


# --- What is done to it -----------------------------------------------------------------------------------


def damage(path: Path, names: tuple[str, ...], rng: random.Random) -> str:
    """Damages one to three files of a folder, and says how."""
    told = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        name = rng.choice(names)
        kind = rng.choice(KINDS)
        told.append(f"{name}: {kind.__name__.strip('_')}")
        file = path / name
        if file.is_file() and not file.is_symlink() and file.stat().st_size < 1 << 22:
            kind(file, file.read_bytes(), rng, path)
    return "; ".join(told)


def _flip(file: Path, content: bytes, rng: random.Random, _: Path) -> None:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 2, 8)) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    file.write_bytes(changed)


def _cut(file: Path, content: bytes, rng: random.Random, _: Path) -> None:
    file.write_bytes(content[: rng.randrange(len(content) + 1)])


def _insert(file: Path, content: bytes, rng: random.Random, _: Path) -> None:
    at = rng.randrange(len(content) + 1)
    added = rng.choice(
        (rng.randbytes(rng.randrange(1, 50)), b"\n", b"\0" * 100, b"[" * 10_000, b"}", b",", b"9" * 5000)
    )
    file.write_bytes(content[:at] + added + content[at:])


def _repeat(file: Path, content: bytes, rng: random.Random, _: Path) -> None:
    lines = content.splitlines(keepends=True)
    rng.shuffle(lines)
    file.write_bytes(b"".join(lines * rng.choice((1, 2))))


def _value(file: Path, content: bytes, rng: random.Random, _: Path) -> None:
    """A hostile value at a random place of the parsed structure."""
    text = content.decode(errors="replace")
    lines = text.splitlines() if file.suffix == ".jsonl" else [text]
    at = rng.randrange(len(lines)) if lines else 0
    try:
        parsed = json.loads(lines[at])
    except (ValueError, IndexError, RecursionError):
        parsed = None
    places = list(_places(parsed))
    if not places:
        return file.write_text(json.dumps(rng.choice(HOSTILE[:16])))
    for _ in range(rng.choice((1, 1, 2, 5))):
        holder, key = rng.choice(places)
        if rng.random() < 0.1 and isinstance(holder, dict):
            holder.pop(key, None)
        else:
            holder[key] = "DEEP" if rng.random() < 0.1 else rng.choice(HOSTILE)
    depth = rng.choice(DEPTHS)
    lines[at] = json.dumps(parsed).replace('"DEEP"', "[" * depth + "]" * depth)
    return file.write_text("\n".join(lines) + "\n")


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)


def _swap(file: Path, content: bytes, rng: random.Random, path: Path) -> None:
    other = rng.choice([each for each in path.iterdir() if each.is_file() and not each.is_symlink()])
    replaced = other.read_bytes() if other.stat().st_size < 1 << 20 else b""
    other.write_bytes(content)
    file.write_bytes(replaced)


def _folder(file: Path, content: bytes, rng: random.Random, _: Path) -> None:
    file.unlink()
    file.mkdir()
    if rng.random() < 0.5:
        (file / "inside").write_bytes(content)


def _pipe(file: Path, *_: Any) -> None:
    file.unlink()
    os.mkfifo(file)


def _link(file: Path, content: bytes, rng: random.Random, path: Path) -> None:
    file.unlink()
    file.symlink_to(rng.choice(("/etc/passwd", "/dev/zero", "/proc/self/environ", file.name, "nowhere", path)))


def _sparse(file: Path, content: bytes, rng: random.Random, _: Path) -> None:
    with file.open("r+b") as stream:
        stream.truncate(rng.choice((1 << 21, 20 << 30)))


def _gone(file: Path, *_: Any) -> None:
    file.unlink()


def _closed(file: Path, *_: Any) -> None:
    file.chmod(0)


# values most often: they are what a reader has to look at
KINDS = (*(_value,) * 8, _flip, _flip, _cut, _insert, _repeat, _swap, _folder, _pipe, _link, _sparse, _gone, _closed)


def damaged_runs(store: RunStore, seeds: range) -> dict[str, str]:
    """A damaged copy of a good run for each seed, and what was done to it by its name."""
    good = good_run(store, "good")
    told = {}
    for seed in seeds:
        name = f"damaged_{seed}"
        shutil.copytree(good.path, store.folder / name)
        told[name] = damage(store.folder / name, RUN_FILES, random.Random(seed))
    return told


def damaged_studies(store: RunStore, seeds: range, runs: list[str]) -> dict[str, str]:
    """A damaged copy of a good study for each seed, and what was done to it by its name."""
    good = good_study(store, "good study", runs)
    told = {}
    for seed in seeds:
        name = f"broken {seed}"
        shutil.copytree(good.path, good.path.parent / name)
        told[name] = damage(good.path.parent / name, STUDY_FILES, random.Random(f"study {seed}"))
    return told


# --- What must hold ---------------------------------------------------------------------------------------


def read_run(run: Run) -> list[str]:
    """Reads all that there is to read of a run; only `RunError` may come of it. Returns what was said."""
    from explorer.errors import RunError
    from explorer.runs.run_summary import summarize

    said = [summarize(run).problem]
    for read in (lambda: Run(run.path).config, run.status, run.history, run.outline):
        try:
            read()
        except RunError as error:
            said.append(str(error))
    run.annotation(), run.signals(), run.trial(), run.requested()
    return [text for text in said if text]


def read_study(study: Study) -> list[str]:
    """Reads all that there is to read of a study; only `RunError` may come of it. Returns what was said."""
    from explorer.errors import RunError
    from explorer.sweeps import summary
    from explorer.sweeps.launch import last_words

    said = []
    for read in (lambda: study.spec, study.status, study.trials):
        try:
            read()
        except RunError as error:
            said.append(str(error))
    json.dumps(summary.row(study), allow_nan=False)
    last_words(study)
    study.stop_requested()
    return said


def is_a_sentence(text: str, store: RunStore) -> bool:
    """One line, not long, without a place on this machine."""
    return "\n" not in text and len(text) < 800 and str(store.folder) not in text
