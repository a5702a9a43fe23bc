"""The worker's side of training without shared storage: it trains a copy of the run folder and sends changes back.

A run's folder stays with the run queue. A worker gets its files, trains the copy, and answers every poll with the files
that have changed since the last one; requests to the run come with the poll. A worker that is no longer polled stops
training.
"""

import hashlib
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from explorer.runs.cause import Cause
from explorer.runs.run import CHECKPOINT, HISTORY, Run
from explorer.runs.status import FAILED
from explorer.work_folder import LOCK, REQUEST

# After so many seconds without a poll the run queue is considered dead.
SILENCE_SECONDS = 60.0

Stamp = tuple[int, int]


@dataclass(frozen=True)
class Report:
    """The changed files of a run folder by relative path, and the stamps of all its files."""

    stamps: dict[str, Stamp]
    files: dict[str, bytes]


@dataclass
class _Post:
    run: Run
    heard: float = field(default_factory=time.monotonic)


class RemoteWorker:
    """The copies of runs that this process trains; the only instance is `HERE`."""

    def __init__(self) -> None:
        self._posts: dict[str, _Post] = {}
        self._watch: threading.Thread | None = None

    def execute(self, key: str, files: Mapping[str, bytes], problem: str, scratch: str | None = None) -> Report:
        """Trains a copy of a run and returns all its files at the end.

        With a `problem`, which kept its data set from this machine, the run fails with that.
        """
        from explorer.workers.worker_process import THIS

        name = hashlib.sha256(key.encode()).hexdigest()[:16]
        folder = Path(tempfile.mkdtemp(prefix=f"run-{name}-", dir=scratch))
        try:
            write_files(folder, files)
            run = Run(folder)
            if problem:
                run.end(FAILED, problem, Cause.DATA_UNAVAILABLE)
                return changes(folder, {})
            self._posts[key] = _Post(run)
            self._start_watch()
            THIS.execute(str(folder))
            return changes(folder, {})
        finally:
            self._posts.pop(key, None)
            shutil.rmtree(folder, ignore_errors=True)

    def look(self, known: Mapping[str, Mapping[str, Stamp]], requests: Mapping[str, str]) -> dict[str, Report]:
        """The changes in those of the `known` runs that are trained here; passes on the requests to them."""
        reports = {}
        for key, post in list(self._posts.items()):
            if key not in known:
                continue
            post.heard = time.monotonic()
            if key in requests and post.run.requested() is None:
                post.run.request(requests[key])
            reports[key] = changes(post.run.path, known[key])
        return reports

    def let_go(self, folder: str) -> None:
        """Stops training copies of a folder, because another run queue has taken it over."""
        for key, post in list(self._posts.items()):
            if key.startswith(f"{folder}#"):
                post.run.request("stop")

    def _start_watch(self) -> None:
        if self._watch is None:
            self._watch = threading.Thread(target=self._watch_silence, daemon=True, name="silence")
            self._watch.start()

    def _watch_silence(self) -> None:
        while True:
            time.sleep(1)
            for post in list(self._posts.values()):
                if time.monotonic() - post.heard > SILENCE_SECONDS:
                    try:
                        post.run.request("stop")
                    except OSError:  # it has just ended
                        continue


def changes(folder: Path, known: Mapping[str, Stamp]) -> Report:
    """The files of a run folder whose stamps differ from the known ones.

    The checkpoint is read before the history, which may hold more epochs than the checkpoint but never fewer.
    """
    stamps: dict[str, Stamp] = {}
    files: dict[str, bytes] = {}
    paths = [path for path in folder.rglob("*") if path.is_file() and not _private(path.relative_to(folder))]
    for path in sorted(paths, key=lambda path: path.name != CHECKPOINT):
        name = path.relative_to(folder).as_posix()
        try:
            before = path.stat()
            stamp = before.st_mtime_ns, before.st_size
            if tuple(known.get(name, ())) != stamp:
                content = path.read_bytes()
                # a line that is still being written is left for the next poll
                files[name] = content[: content.rfind(b"\n") + 1] if name == HISTORY else content
            stamps[name] = stamp
        except FileNotFoundError:  # replaced or removed meanwhile
            continue
    return Report(stamps, files)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files into a run folder, each atomically, in an order that makes a kill in between harmless.

    Raises `FileNotFoundError` if the folder does not exist: it is never created.
    """
    from explorer.files import replace_file

    order = {HISTORY: 0, CHECKPOINT: 2}
    for name in sorted(files, key=lambda name: order.get(name, 1)):
        path = folder / name
        for part in reversed(path.relative_to(folder).parents[:-1]):
            (folder / part).mkdir(exist_ok=True)
        with replace_file(path) as stream:
            stream.write(files[name])


def _private(path: Path) -> bool:
    return path.name in (LOCK, REQUEST) or any(part.startswith(".") for part in path.parts)


HERE = RemoteWorker()
