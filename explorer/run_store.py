"""All run folders below one folder: made, found, listed without reading again what has not changed, and deleted."""

import os
import random
import shutil
import string
import threading
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from explorer import annotations, run_index
from explorer.annotations import NOTES, NOTHING
from explorer.config import TrainingConfig
from explorer.errors import InputError, RunError
from explorer.files import write_json
from explorer.runs import (
    ACTIVE,
    COMPLETED,
    CONFIG,
    HISTORY,
    QUEUED,
    STATUS,
    TRIAL,
    Process,
    Run,
    RunStatus,
    RunSummary,
    summarize,
    versions,
)


class RunStore:
    """All run folders below one folder."""

    def __init__(self, folder: Path | None = None):
        self.folder = Path(folder or os.environ.get("EXPLORER_RUNS") or "models").absolute()
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] | None = None
        self._listed: list[RunSummary] = []
        self._index: dict[str, list] = {}
        self._unindexed = 0

    def create(self, config: TrainingConfig, name: str | None = None, trial: dict[str, Any] | None = None) -> Run:
        """A new run folder, queued; raises `RunError` when it cannot be written.

        `trial` says which trial of a sweep the run belongs to: it is in the folder from its first moment.
        """
        now = time.time()
        base = name or f"{config.dataset}_{config.activation}_{config.depth}x{config.width}"
        stamp = time.strftime("%Y_%m_%d-%H_%M_%S", time.localtime(now))
        status = RunStatus(QUEUED, created=now, queued=now, process=Process.current())
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            while True:
                letters = "".join(random.SystemRandom().choices(string.ascii_lowercase, k=4))
                path = self.folder / f"{base}_{stamp}_{letters}"
                building = self.folder / f".{path.name}"
                try:
                    building.mkdir()
                except FileExistsError:
                    continue
                try:
                    write_json(building / CONFIG, {**config.to_dict(), "versions": versions()})
                    write_json(building / STATUS, status.to_dict())
                    if trial is not None:
                        write_json(building / TRIAL, trial)
                    building.rename(path)  # a reader sees the whole folder or none
                except OSError:
                    shutil.rmtree(building, ignore_errors=True)
                    if path.exists():
                        continue
                    raise
                return Run(path)
        except OSError as error:
            raise RunError(f"runs: {str(self.folder)!r} cannot be written ({error.strerror})") from error

    def get(self, name: str) -> Run:
        """The run of a name or a path; raises `InputError` when there is none."""
        for path in (self.folder / name, Path(name)):
            if name and (path / CONFIG).exists():
                return Run(path.absolute())
        raise InputError(f"run: {name!r} is not there; it must be the name of a run in {self.folder} or its path")

    def list(self) -> list[RunSummary]:
        """Every run, newest first; what has not changed since the last call is not read again.

        While nothing at all changes it is the same list, which nobody may change. Raises `RunError` when the folder is
        there and cannot be read.
        """
        try:
            entries = [entry for entry in os.scandir(self.folder) if not entry.name.startswith(".")]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunError(f"runs: {str(self.folder)!r} cannot be read ({error.strerror})") from error
        with self._lock:
            if self._seen is None:
                self._seen = {}
                self._index = run_index.load(self.folder, _STATUS_FIELDS)
            found = {entry.name: seen for entry in entries if (seen := self._look(entry.name, entry.path))}
            # a run that is not at rest may have been interrupted without a change to its files
            if found != self._seen or not all(seen.settled for seen in found.values()):
                self._seen = found
                self._keep_index()
                summaries = [_as_seen_now(seen.summary) for seen in found.values()]
                self._listed = sorted(summaries, key=lambda s: (s.created, s.name), reverse=True)
            return self._listed

    def _look(self, name: str, path: str) -> "_Seen | None":
        """What is known of a folder, read again where it has changed; None when it is no run's."""
        known, folder = self._seen.get(name), run_index.stamp(path, "")
        if known and known.settled and known.folder == folder:
            return known
        entry = self._index.pop(name, None) if known is None else None
        if entry and folder and entry[0] == folder:
            return _Seen(folder, entry[1], _from_index(Run(path), entry), settled=True)
        stamps = [run_index.stamp(path, file) for file in _FILES]
        if not any(stamps):
            return None
        if entry and entry[1] == stamps:
            summary = _from_index(Run(path), entry)
        elif known is None or known.stamps != stamps:
            summary = _light(Run(path), annotated=stamps[-1] is not None)
            self._unindexed += 1
        else:
            summary = known.summary
        # a change to a folder that is younger than the clock's tick may have come after it was read
        settled = summary.state not in ACTIVE and bool(folder) and time.time_ns() - folder[0] > _TICK
        return _Seen(folder, stamps, summary, settled)

    def _keep_index(self) -> None:
        """Writes the index once enough of it is new that reading that again would be felt."""
        self._index = {}
        if self._unindexed < max(_FEWEST_INDEXED, len(self._seen) // 20):
            return
        entries = {name: _to_index(seen) for name, seen in self._seen.items() if not seen.summary.problem}
        run_index.save(self.folder, entries, _STATUS_FIELDS)
        self._unindexed = 0

    def bin(self, run: Run) -> None:
        """Moves a run to the bin; raises `InputError` for one that is queued or running, or in use."""
        state = summarize(run).state
        if state in ACTIVE:
            raise InputError(f"run: {run.name!r} is {state}; stop it first, then it can be deleted")
        with run.locked():
            annotations.bin_run(self.folder, run.name)

    def trained_before(self, config: TrainingConfig) -> Run | None:
        """The newest run of exactly this configuration that was trained to its end.

        A shipped one does not count: who presses Train on a preset wants to see it learn.
        """
        found = (s for s in self.list() if s.state == COMPLETED and not s.status.shipped)
        return next((s.run for s in found if s.config == config), None)


def _light(run: Run, annotated: bool) -> RunSummary:
    try:
        annotation = run.annotation() if annotated else NOTHING
        return RunSummary(run, run.config, run.status(), run.outline(), annotation)
    except RunError as error:
        return RunSummary(run, problem=str(error))


# --- The store's memory -----------------------------------------------------------------------------------

_FILES = (CONFIG, STATUS, HISTORY, NOTES)
_STATUS_FIELDS = tuple(f.name for f in fields(RunStatus))
_TICK = 2_000_000_000  # ns: no file system's clock is coarser
_FEWEST_INDEXED = 100


@dataclass(frozen=True, slots=True)
class _Seen:
    """A folder as it was read; a settled one can only change by a file that comes, goes or is replaced."""

    folder: list[int] | None
    stamps: list[list[int] | None]
    summary: RunSummary
    settled: bool


def _to_index(seen: _Seen) -> list:
    summary = seen.summary
    process = summary.status.process
    values = {**vars(summary.status), "process": vars(process) if process else None}  # asdict takes ten times as long
    return [
        seen.folder if seen.settled else None,
        seen.stamps,
        values,
        *run_index.pack(summary.config, summary.outline, summary.annotation),
    ]


def _from_index(run: Run, entry: list) -> RunSummary:
    values = entry[2]
    process = Process(**values["process"]) if values["process"] else None
    config, outlined, annotation = run_index.unpack(entry[3:])
    run.__dict__["config"] = config
    return RunSummary(run, config, RunStatus(**{**values, "process": process}), outlined, annotation)


def _as_seen_now(summary: RunSummary) -> RunSummary:
    status = summary.status.seen_now() if summary.status else None
    return summary if status is summary.status else replace(summary, status=status)
