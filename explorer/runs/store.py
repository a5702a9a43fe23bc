"""The run folders below one folder: creating, finding, listing (reading only what has changed) and deleting them."""

import os
import random
import string
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from explorer.config import TrainingConfig
from explorer.data.own import registry
from explorer.errors import InputError, RunError, quoted
from explorer.files import is_name, write_json
from explorer.machine import versions
from explorer.process import Process
from explorer.runs import index, leftovers, notes
from explorer.runs.cause import Cause
from explorer.runs.fix_mark import FIX, NAMED, FixMark
from explorer.runs.index import Entry, Stamp
from explorer.runs.leftovers import building_folder
from explorer.runs.notes import NOTES, NOTHING
from explorer.runs.run import CONFIG, DATASET, HISTORY, TRIAL, Run
from explorer.runs.run_names import run_names
from explorer.runs.run_summary import RunSummary, summarize
from explorer.runs.status import ACTIVE, COMPLETED, QUEUED, RunStatus
from explorer.work_folder import STATUS


class RunStore:
    """All run folders below one folder."""

    def __init__(self, folder: Path | None = None):
        self.folder = Path(folder or os.environ.get("EXPLORER_RUNS") or "models").absolute()
        self._lock = threading.Lock()
        self._folders: dict[str, _FolderRecord] | None = None
        self._listed: list[RunSummary] = []
        self._named: tuple[list[RunSummary], dict[str, str]] = ([], {})
        self._index: dict[str, Entry] = {}
        self._unindexed = 0
        self._swept = False

    def create(
        self,
        config: TrainingConfig,
        name: str | None = None,
        trial: dict[str, Any] | None = None,
        fix: FixMark | None = None,
    ) -> Run:
        """Creates a run folder, queued; raises `RunError` when it cannot be written.

        `trial` says which trial of a sweep the run belongs to, `fix` which fix of which run it tries; both are in the
        folder from the start.
        """
        now = time.time()
        base = name or folder_name(config) + (NAMED if fix else "")
        marks = {TRIAL: trial, FIX: fix and fix.to_dict()}
        stamp = time.strftime("%Y_%m_%d-%H_%M_%S", time.localtime(now))
        status = RunStatus(QUEUED, created=now, queued=now, process=Process.current())
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self._swept:
                self._swept = True
                leftovers.sweep(self.folder)
            while True:
                letters = "".join(random.SystemRandom().choices(string.ascii_lowercase, k=4))
                path = self.folder / f"{base}_{stamp}_{letters}"
                try:
                    _build(path, config, status, marks)
                except OSError as error:
                    if isinstance(error, FileExistsError) or path.exists():
                        continue
                    raise
                return Run(path)
        except OSError as error:
            raise RunError(f"runs: {str(self.folder)!r} cannot be written ({error.strerror})") from error

    def get(self, name: str) -> Run:
        """The run with a name from the list, never one in another folder; raises `InputError` when there is none."""
        run = Run(self.folder / name) if is_name(name) else None
        if run is None or not os.path.lexists(run.path / CONFIG) or leads_out(run.path):
            raise InputError(f"run: {quoted(name)} does not exist; it must be the name of a run in the list")
        return run

    def find(self, text: str) -> Run:
        """The run with a name or, for the command line, at a path; raises `InputError` when there is none."""
        with suppress(InputError):
            return self.get(text)
        with suppress(OSError, ValueError):  # as for a name that is too long for a path
            path = Path(text).absolute()
            if text and os.path.lexists(path / CONFIG):
                return Run(path)
        where = f"it must be the name of a run in {self.folder} or its path"
        raise InputError(f"run: {quoted(text)} does not exist; {where}")

    def list(self) -> list[RunSummary]:
        """Every run, newest first; what has not changed since the last call is not read again.

        While nothing changes the same list is returned; callers must not modify it. Raises `RunError` when the folder
        exists and cannot be read.
        """
        try:
            entries = [entry for entry in os.scandir(self.folder) if not entry.name.startswith(".")]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunError(f"runs: {str(self.folder)!r} cannot be read ({error.strerror})") from error
        with self._lock:
            if self._folders is None:
                self._folders = {}
                self._index = index.load(self.folder, _STATUS_FIELDS)
            records = {entry.name: record for entry in entries if (record := self._record_of_entry(entry))}
            # an active run may have been interrupted without a change to its files
            if records != self._folders or not all(record.settled for record in records.values()):
                self._folders = records
                self._keep_index()
                summaries = [_as_now(record.summary) for record in records.values()]
                self._listed = sorted(summaries, key=lambda s: (s.created, s.name), reverse=True)
            return self._listed

    def names(self) -> dict[str, str]:
        """The name under which each run is shown, by that of its folder; callers must not modify it.

        Raises as `list` does.
        """
        listing, (known, names) = self.list(), self._named
        if not _named_alike(known, listing):
            names = run_names(listing)
        self._named = listing, names
        return names

    def _record_of_entry(self, entry: os.DirEntry) -> "_FolderRecord | None":
        """The record of a folder; one that no page could open gets a problem without being read."""
        problem = ""
        if not entry.name.isascii() and not is_name(entry.name):
            problem = "its name is not valid UTF-8"
        elif entry.is_symlink() and leads_out(entry.path):
            problem = "it is a link to a place outside the runs folder"
        if not problem:
            return self._record_of_folder(entry.name, entry.path)
        known = self._folders.get(entry.name)
        if known and known.summary.problem == problem:
            return known
        is_run = any(index.stamp(entry.path, file) for file in _FILES)
        return _FolderRecord(None, [], RunSummary(Run(entry.path), problem=problem), settled=True) if is_run else None

    def _record_of_folder(self, name: str, path: str) -> "_FolderRecord | None":
        """The record of a folder, read again where it has changed; None when it is not a run folder."""
        known, folder = self._folders.get(name), index.stamp(path, "")
        if known and known.settled and known.folder == folder:
            return known
        entry = self._index.pop(name, None) if known is None else None
        if entry and folder and entry.folder == folder:
            return _FolderRecord(folder, entry.stamps, _from_index(Run(path), entry), settled=True)
        stamps = [index.stamp(path, file) for file in _FILES]
        if not any(stamps):
            return None
        if entry and entry.stamps == stamps:
            summary = _from_index(Run(path), entry)
        elif known is None or known.stamps != stamps:
            summary = _light(Run(path), annotated=stamps[-1] is not None)
            # written while it was read: the status could be that of a waiting run, the outline that of a trained one
            while summary.state in ACTIVE and index.stamp(path, STATUS) != stamps[_FILES.index(STATUS)]:
                stamps = [index.stamp(path, file) for file in _FILES]
                summary = _light(Run(path), annotated=stamps[-1] is not None)
            self._unindexed += 1
        else:
            summary = known.summary
        # a folder that changed within the last clock tick may have changed again after it was read
        settled = summary.state not in ACTIVE and bool(folder) and time.time_ns() - folder[0] > _TICK
        return _FolderRecord(folder, stamps, summary, settled)

    def _keep_index(self) -> None:
        """Writes the index once enough entries are new that reading them again would be noticeable."""
        self._index = {}
        if self._unindexed < max(_FEWEST_INDEXED, len(self._folders) // 20):
            return
        entries = {name: _to_index(record) for name, record in self._folders.items() if not record.summary.problem}
        index.save(self.folder, entries, _STATUS_FIELDS)
        self._unindexed = 0

    def bin(self, run: Run) -> None:
        """Moves a run to the bin; raises `InputError` for one that is queued or running, or in use."""
        state = summarize(run).state
        if state in ACTIVE:
            raise InputError(f"run: {run.name!r} is {state}; stop it first, then it can be removed")
        with run.locked():
            notes.bin_run(self.folder, run.name)

    def trained_before(self, config: TrainingConfig, *, diverged: bool = False) -> Run | None:
        """The newest completed run of exactly this configuration, with `diverged` also one that diverged.

        Shipped runs do not count, because whoever presses Train on a preset wants to see it train.
        """
        for summary in self.list():
            ended = summary.state == COMPLETED or (
                diverged and summary.status and summary.status.cause is Cause.DIVERGED
            )
            if ended and not summary.status.shipped and summary.config == config:
                return summary.run
        return None


def folder_name(config: TrainingConfig) -> str:
    """The beginning of a run's folder name, before its time: the data set and the shape of the network."""
    return f"{config.dataset.partition('@')[0]}_{config.activation}_{config.depth}x{config.width}"


def _build(path: Path, config: TrainingConfig, status: RunStatus, marks: dict[str, dict[str, Any] | None]) -> None:
    """Writes a new run folder with these marks (by file), so that readers see the complete folder or none."""
    building = path.parent / f".{path.name}"
    with building_folder(building):
        write_json(building / CONFIG, {**config.to_dict(), "versions": versions()})
        write_json(building / STATUS, status.to_dict())
        if description := registry.descriptions().get(config.dataset):
            (building / DATASET).write_bytes(description.to_json())
        for file, mark in marks.items():
            if mark is not None:
                write_json(building / file, mark)
        building.rename(path)


def leads_out(path: Path | str) -> bool:
    """Whether a folder is a link to a place outside its parent folder."""
    place = os.path.dirname(os.path.realpath(path))  # noqa: PTH120 (as the listing of thousands has them)
    return os.path.islink(path) and place != os.path.realpath(os.path.dirname(path))  # noqa: PTH114, PTH120


def _light(run: Run, annotated: bool) -> RunSummary:
    try:
        annotation = run.annotation() if annotated else NOTHING
        return RunSummary(run, run.config, run.status(), run.outline(), annotation)
    except RunError as error:
        return RunSummary(run, problem=str(error))


# --- What the store remembers -----------------------------------------------------------------------------

_FILES = (CONFIG, STATUS, HISTORY, NOTES)
_STATUS_FIELDS = tuple(f.name for kind in (RunStatus, Process) for f in fields(kind))
_TICK = 2_000_000_000  # nanoseconds; the coarsest clock of a file system
_FEWEST_INDEXED = 100


@dataclass(frozen=True, slots=True)
class _FolderRecord:
    """A folder as it was read; a settled one can change only by a file being added, removed or replaced."""

    folder: Stamp | None
    stamps: list[Stamp | None]
    summary: RunSummary
    settled: bool


def _to_index(record: _FolderRecord) -> Entry:
    known = record.summary
    folder = record.folder if record.settled else None
    return index.pack(folder, record.stamps, known.status, known.config, known.outline, known.annotation)


def _from_index(run: Run, entry: Entry) -> RunSummary:
    config, outlined, annotation = index.unpack(entry)
    run.__dict__["config"] = config
    return RunSummary(run, config, entry.status, outlined, annotation)


def _named_alike(known: list[RunSummary], listing: list[RunSummary]) -> bool:
    """Whether two listings have the same names: a new epoch changes none."""
    return len(known) == len(listing) and all(
        old is new or (old.name, old.config, old.annotation) == (new.name, new.config, new.annotation)
        for old, new in zip(known, listing, strict=True)
    )


def _as_now(summary: RunSummary) -> RunSummary:
    try:
        status = summary.run.seen_now(summary.status) if summary.status else None
    except RunError as error:  # removed or damaged after it was read
        return RunSummary(summary.run, problem=str(error))
    return summary if status is summary.status else replace(summary, status=status)
