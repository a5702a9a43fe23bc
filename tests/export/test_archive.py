"""Archives of runs: what comes back is the same run, and what is no archive of a run is refused with one sentence."""

import io
import json
import re
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from explorer.config import TrainingConfig
from explorer.errors import InputError
from explorer.export.archive import LIMITS, archive, at_rest
from explorer.export.archive_import import import_run
from explorer.export.unpacking import LEFT_OUT, unpack
from explorer.runs.cause import Cause
from explorer.runs.history import EpochRecord
from explorer.runs.notes import Annotation
from explorer.runs.run import Run
from explorer.runs.status import COMPLETED, INTERRUPTED, RUNNING, STOPPED, RunStatus
from explorer.runs.store import RunStore
from explorer.workers import run_control, worker
from explorer.workers.task_process import TaskProcess

CONFIG = TrainingConfig(dataset="digits", depth=1, width=8, epochs=4, learning_rate=1e-3, dropout="hidden")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> Run:
    """A run that was stopped in its third epoch, with notes, and with files that belong only where it was trained."""
    run = RunStore(tmp_path_factory.mktemp("here")).create(CONFIG, trial={"study": "s", "trial": 0, "seed": 0})

    def stop(record: EpochRecord) -> None:
        if record.epoch == 2:
            run.request("stop")

    assert worker.execute(run, worker.Watcher(on_epoch=stop)) == STOPPED
    run.annotate(Annotation("mine", ("a", "b"), "a note"))
    return run


@pytest.fixture(scope="module")
def content(stopped) -> bytes:
    return archive(stopped)


def files(run: Run) -> dict[str, bytes]:
    return {name: (run.path / name).read_bytes() for name in LIMITS if (run.path / name).exists()}


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# --- There and back ---------------------------------------------------------------------------------------


def test_an_imported_run_is_the_same_and_goes_on_as_the_original_would(stopped, content, store, tmp_path):
    tasks = TaskProcess()
    try:
        path = tmp_path / "run.zip"
        path.symlink_to(written(tmp_path / "kept.zip", content))
        run, again = (import_run(path, path.name, store, tasks) for _ in range(2))
    finally:
        tasks.close()
    assert run.name == stopped.name
    assert again.name != run.name and again.name[:-4] == run.name[:-4]
    for one in (run, again):
        same = {name: value for name, value in files(one).items() if name != "status.json"}
        assert same == {name: value for name, value in files(stopped).items() if name != "status.json"}
        assert (one.status().status, one.status().process, one.trial()) == (STOPPED, None, None)
        assert sorted(path.name for path in (one.path / "logs").iterdir()) == ["train", "validation"]
    assert {summary.name for summary in store.list()} == {run.name, again.name}
    assert not [path for path in store.folder.iterdir() if path.name.startswith(".import")]
    for one in (run, stopped):
        run_control.queue_again(one)
        assert worker.execute(one) == COMPLETED
    here, there = ([(r.loss, r.val_loss, r.val_accuracy) for r in one.history()] for one in (stopped, run))
    assert len(here) == 4 and here == there
    models = [zipfile.ZipFile(one.path / "best.keras").read("model.weights.h5") for one in (stopped, run)]
    assert models[0] == models[1]


def test_every_file_of_a_run_is_taken_along_or_left_out_on_purpose(stopped):
    there = {path.name for path in stopped.path.iterdir()}
    assert there - {*LIMITS, *LEFT_OUT, "logs"} == set()
    assert there >= {"config.json", "status.json", "history.jsonl", "signals.jsonl", "best.keras"}


def test_an_active_run_arrives_interrupted():
    status = at_rest(RunStatus(RUNNING, phase="training", epoch=3, shipped=True))
    assert (status.status, status.cause, status.phase, status.shipped) == (INTERRUPTED, Cause.PROCESS_ENDED, "", False)
    assert status.reason == "it had not ended when it was exported"
    assert at_rest(RunStatus(COMPLETED, "all 4 epochs are trained")).reason == "all 4 epochs are trained"


def test_what_is_being_written_and_links_do_not_get_into_an_archive(store, tmp_path):
    run = store.create(CONFIG)
    run.append(EpochRecord(1, 2.0, 0.3, 2.0, 0.3, 1e-3, 1.0))
    with (run.path / "history.jsonl").open("ab") as stream:
        stream.write(b'{"epoch": 2, "lo')
    for name in LEFT_OUT:
        (run.path / name).write_text("{}")
    with zipfile.ZipFile(io.BytesIO(archive(run))) as zipped:
        assert zipped.read(f"{run.name}/history.jsonl").count(b"\n") == 1
        assert {name.partition("/")[2] for name in zipped.namelist()} == {"config.json", "status.json", "history.jsonl"}
    secret = written(tmp_path / "secret", b"secret")
    (run.path / "best.keras").symlink_to(secret)
    with pytest.raises(Exception, match=r"best.keras of .* cannot be read: it is a symbolic link"):
        archive(run)


# --- Archives that come from anywhere ---------------------------------------------------------------------

Entries = dict[str, bytes | tuple[zipfile.ZipInfo, bytes]]


def rezipped(content: bytes, change: Callable[[Entries], Entries | None], packing=zipfile.ZIP_DEFLATED) -> bytes:
    """The archive with entries changed; names are those within the run's folder."""
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        folder = zipped.namelist()[0].partition("/")[0]
        entries: Entries = {name.partition("/")[2]: zipped.read(name) for name in zipped.namelist()}
    entries = change(entries) or entries
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as zipped:
        for name, value in entries.items():
            info, data = value if isinstance(value, tuple) else (f"{folder}/{name}", value)
            zipped.writestr(info, data)
    return stream.getvalue()


def entry(name: str, mode: int = 0, data: bytes = b"") -> dict:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return {name: (info, data)}


def damaged_json(name: str, **values) -> Callable[[Entries], None]:
    def change(entries: Entries) -> None:
        entries[name] = json.dumps({**json.loads(entries[name]), **values}).encode()

    return change


def with_checkpoint(**arrays) -> Callable[[Entries], None]:
    def change(entries: Entries) -> None:
        stream = io.BytesIO()
        np.savez_compressed(stream, **arrays)
        entries["checkpoint.npz"] = stream.getvalue()

    return change


def other_model(entries: Entries) -> None:
    """A model file whose configuration holds a layer that runs code."""
    source = zipfile.ZipFile(io.BytesIO(entries["best.keras"]))
    members = {name: source.read(name) for name in source.namelist()}
    members["config.json"] = members["config.json"].replace(b'"class_name": "Dense"', b'"class_name": "Lambda"', 1)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as zipped:
        for name, data in members.items():
            zipped.writestr(name, data)
    entries["best.keras"] = stream.getvalue()


def checkpoint_of_another(entries: Entries) -> None:
    lines = entries["history.jsonl"].splitlines()
    entries["history.jsonl"] = lines[0] + b"\n"


DAMAGES = {
    "path above": (lambda e: e | entry("../../evil.json"), "contains the path '../../evil.json', which is not allowed"),
    "absolute path": (lambda e: e | entry("/etc/cron.d/x"), "contains the path '/etc/cron.d/x', which is not allowed"),
    "drive": (lambda e: e | entry("C:/x"), "contains the path 'C:/x', which is not allowed"),
    "backslash": (lambda e: e | entry("a\\..\\x"), r"contains the path .*, which is not allowed"),
    "link": (lambda e: e | entry("run/best.keras", stat.S_IFLNK | 0o777, b"/etc/passwd"), "is a link or a device"),
    "pipe": (lambda e: e | entry("run/notes.json", stat.S_IFIFO | 0o600), "is a link or a device"),
    "stranger": (lambda e: e | {"run.py": b"import os"}, r"contains '.*run.py', which is not a file of a run"),
    "log of another name": (lambda e: e | {"logs/train/x": b""}, r"contains '.*logs/train/x', which is not a file"),
    "nested": (lambda e: e | {"a/config.json": b"{}"}, r"contains '.*a/config.json', which is not a file of a run"),
    "two runs": (lambda e: e | entry("other/config.json", data=b"{}"), "contains 'config.json' twice"),
    "two folders": (lambda e: e | entry("other/logs/train/events.out.tfevents.1"), "holds 2 folders"),
    "hidden name": (lambda e: {f".x/{n}": (f".x/{n}", d) for n, d in e.items()}, "holds a run named '.x', which"),
    "no settings": (lambda e: e.pop("config.json") and None, "is not the archive of a run: it has no config.json"),
    "no status": (lambda e: e.pop("status.json") and None, "is not the archive of a run: it has no status.json"),
    "many": (lambda e: e | {f"logs/train/events.out.tfevents.{n}": b"" for n in range(300)}, "entries, more than any"),
    "large settings": (lambda e: e | {"config.json": bytes(2**21)}, "contains config.json with more than 1 MiB"),
    "bomb": (lambda e: e | {"signals.jsonl": bytes(2**25)}, "would grow from .* to 3. MiB when unpacked"),
    "bad settings": (damaged_json("config.json", depth="many"), "imported: config.json cannot be read: depth: 'many'"),
    "newer": (
        damaged_json("config.json", schema_version=99),
        "imported: config.json cannot be read: schema_version: 99",
    ),
    "bad status": (
        damaged_json("status.json", status="happy"),
        "imported: status.json cannot be read: status: 'happy'",
    ),
    "bad history": (lambda e: e | {"history.jsonl": b"{}\n"}, "imported: history.jsonl cannot be read: line 1"),
    "no model": (lambda e: e | {"best.keras": b"PK nothing"}, "imported: model: 'best.keras' is truncated or damaged"),
    "code": (other_model, "imported: model: 'best.keras' .*Lambda"),
    "compressed checkpoint": (with_checkpoint(position=np.zeros(9)), "the checkpoint is packed in a way"),
    "no checkpoint": (lambda e: e | {"checkpoint.npz": b"nothing"}, "the checkpoint is damaged"),
    "other checkpoint": (
        checkpoint_of_another,
        "imported: the run has a checkpoint of epoch 2 but a history of 1 epoch",
    ),
}


def refused(path: Path, folder: Path) -> str:
    folder.mkdir()
    with pytest.raises(InputError) as caught:
        unpack(str(path), path.name, str(folder))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_or_hostile_archive_is_refused_with_one_sentence(name, content, tmp_path):
    change, sentence = DAMAGES[name]
    path = written(tmp_path / "run.zip", rezipped(content, change))
    assert re.search(sentence, refused(path, tmp_path / "folder"))
    assert {path.name for path in tmp_path.iterdir()} == {"run.zip", "folder"}


@pytest.mark.parametrize("damage", [b"", b"no zip", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_zip_is_refused(damage, tmp_path):
    path = written(tmp_path / "run.zip", damage)
    assert "'run.zip' is not a complete zip file, or it is damaged" in refused(path, tmp_path / "folder")


def test_every_truncation_and_many_flipped_bytes_end_in_a_sentence_or_the_same_run(content, tmp_path):
    """Wherever it is damaged, an archive is refused with a sentence or holds the same bytes as before."""
    rng = np.random.default_rng(1)
    for number, at in enumerate(rng.integers(0, len(content), 60)):
        damaged = bytearray(content)
        if number % 3 == 0:
            del damaged[at:]
        else:
            damaged[at] ^= 1 << int(rng.integers(8))
        folder = tmp_path / str(number)
        folder.mkdir()
        path = written(tmp_path / "run.zip", bytes(damaged))
        try:
            unpack(str(path), "run.zip", str(folder))
        except InputError as error:
            assert "\n" not in str(error) and str(error).startswith("archive: 'run.zip' ")
            continue
        original = zipfile.ZipFile(io.BytesIO(content))
        for name in original.namelist():
            relative = name.partition("/")[2]
            if relative != "status.json":
                assert (folder / relative).read_bytes() == original.read(name)


def test_an_archive_zipped_by_hand_is_taken_without_what_belongs_elsewhere(content, tmp_path):
    def change(entries: Entries) -> Entries:
        folders = entry("my run/", stat.S_IFDIR | 0o755) | entry("my run/logs/", stat.S_IFDIR | 0o755)
        more = dict.fromkeys(LEFT_OUT, b"{}")
        return folders | {name: (f"my run/{name}", data) for name, data in {**entries, **more}.items()}

    path = written(tmp_path / "run.zip", rezipped(content, change, zipfile.ZIP_STORED))
    (tmp_path / "folder").mkdir()
    assert unpack(str(path), path.name, str(tmp_path / "folder")) == "my run"
    assert not {path.name for path in (tmp_path / "folder").iterdir()} & LEFT_OUT


def test_files_without_a_folder_get_the_name_of_the_archive(content, tmp_path):
    change = lambda entries: {name: (name, data) for name, data in entries.items()}  # noqa: E731
    path = written(tmp_path / "own name.zip", rezipped(content, change))
    (tmp_path / "folder").mkdir()
    assert unpack(str(path), path.name, str(tmp_path / "folder")) == "own name"


def test_a_refused_archive_leaves_nothing_in_the_store(content, store, tmp_path):
    tasks = TaskProcess()
    try:
        path = written(tmp_path / "run.zip", rezipped(content, DAMAGES["bad history"][0]))
        with pytest.raises(InputError, match=r"history.jsonl cannot be read"):
            import_run(path, path.name, store, tasks)
    finally:
        tasks.close()
    assert list(store.folder.iterdir()) == []
