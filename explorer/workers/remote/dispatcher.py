"""Sends waiting runs to the workers of a running Dask scheduler and copies their files back; no shared storage.

Each run is assigned to a free worker here, so it is known which runs a lost worker was training. Workers join and leave
at any time; a worker that differs from this machine is reported and not used.
"""

import json
import socket
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

from explorer.errors import DataError, ExplorerError, GoneError, RunError
from explorer.files import read_json, write_json
from explorer.process import Process
from explorer.runs.cause import Cause
from explorer.runs.run import CHECKPOINT, LOGS, Run
from explorer.runs.status import ACTIVE, FAILED, STOPPED
from explorer.work_folder import STATUS
from explorer.workers.dispatcher import Dispatcher
from explorer.workers.remote import own_data
from explorer.workers.remote.compatibility import disagreement, facts
from explorer.workers.remote.worker import Report, Stamp, changes, write_files
from explorer.workers.run_control import stop_after_pause
from explorer.workers.waiting import Entry, WaitingRuns

# A worker that does not answer so many times in a row is lost.
MOST_MISSED = 2


@dataclass
class _Flight:
    """A run on a worker: the known stamps of its files there, and the lock on its folder here.

    If its folder here is `gone`, training stops.
    """

    entry: Entry
    worker: str
    future: Any
    lock: ExitStack
    known: dict[str, Stamp] = field(default_factory=dict)
    gone: bool = False
    problem: str = ""

    @property
    def run(self) -> Run:
        """The run."""
        return self.entry.run


class RemoteDispatcher(Dispatcher):
    """Gives the next waiting run to each free, compatible worker; safe to share between threads.

    `ended(entry, lost)` is called when a run is no longer on a worker, with `lost` if that worker was lost; the folder
    here then holds everything received. `look()` is called after each look at the workers.
    """

    def __init__(
        self,
        client: Any,
        names: Sequence[str],
        waiting: WaitingRuns,
        ended: Callable[[Entry, bool], None],
        look: Callable[[], None],
    ):
        super().__init__(waiting)
        self._client, self._ended, self._look_at_runs = client, ended, look
        self._own = facts([name for name in names if not own_data.is_sent(name)])
        self._host = socket.gethostname()
        self._flights: dict[str, _Flight] = {}
        self._agreed: dict[str, str] = {}  # by address: empty, or why the worker is not used
        self._missed: dict[str, int] = {}
        self._landed: list[str] = []
        self._start("remote dispatcher")

    @property
    def slots(self) -> int:
        """The number of compatible workers that are connected."""
        with self._lock:
            return sum(not why for why in self._agreed.values())

    @property
    def problems(self) -> list[str]:
        """Why other workers are not used, and which runs' files cannot be written."""
        with self._lock:
            unwritten = [flight.problem for flight in self._flights.values()]
            return sorted(why for why in (*self._agreed.values(), *unwritten) if why)

    def cancel(self, run: Run) -> None:
        """Nothing: a run that a worker has been given finds the request to stop there."""

    # --- inside -------------------------------------------------------------------------------------------

    def _look(self) -> None:
        try:
            self._contact_workers()
            self._land()
            self._assign()
            self._look_at_runs()
        except Exception as error:  # the scheduler is unreachable: there are no workers until it is back
            with self._lock:
                self._agreed = {"": f"the scheduler is not responding ({error or type(error).__name__})"}

    def _contact_workers(self) -> None:
        with self._lock:
            flights = dict(self._flights)
        known = {key: flight.known for key, flight in flights.items()}
        wanted = {key: "stop" if flight.gone else flight.run.requested() for key, flight in flights.items()}
        requests = {key: what for key, what in wanted.items() if what}
        answers = self._client.run(_look, known, requests, on_error="return")
        with self._lock:
            self._agreed |= {
                address: f"the worker {address} is not used: it cannot import this package ({answer})"
                for address, answer in answers.items()
                if isinstance(answer, ImportError)
            }
        for address, answer in list(answers.items()):
            if isinstance(answer, OSError):  # it is leaving
                del answers[address]
            for key, report in answer.items() if isinstance(answer, dict) else ():
                if key in flights:
                    self._bring_home(flights[key], report)
        self._update_workers(set(answers))

    def _update_workers(self, present: set[str]) -> None:
        """Updates the list of workers, asks new ones for their facts, and settles the runs of lost ones."""
        for address in set(self._agreed) - present:
            self._missed[address] = self._missed.get(address, 0) + 1
            if not address or self._missed[address] >= MOST_MISSED:
                with self._lock:
                    del self._agreed[address]
                    lost = [key for key, flight in self._flights.items() if flight.worker == address]
                for key in lost:
                    self._settle(key, lost=True)
        for address in present:
            self._missed.pop(address, None)
        new = present - set(self._agreed)
        if new:
            answers = self._client.run(facts, list(self._own["data"]), workers=list(new), on_error="ignore")
            with self._lock:
                self._agreed |= {address: disagreement(self._own, each, address) for address, each in answers.items()}

    def _free_workers(self) -> list[str]:
        with self._lock:
            busy = {flight.worker for flight in self._flights.values()}
            return [address for address, why in self._agreed.items() if not why and address not in busy]

    def _send(self, address: str, entry: Entry) -> None:
        run = entry.run
        folder, lock = f"{self._host}:{run.path}", ExitStack()
        key = f"{folder}#{uuid.uuid4()}"
        try:
            if run.requested() == "stop":
                run.end(STOPPED, "stopped before it started", Cause.STOPPED_BY_REQUEST)
                run.clear_request()
                self._ended(entry, False)
                return
            lock.enter_context(run.locked())
            report = changes(run.path, {})
            files = {name: content for name, content in report.files.items() if not name.startswith(LOGS)}
            problem = self._send_data(address, run)
            run.update(process=Process.current())
        except DataError as error:
            run.end(FAILED, str(error), Cause.DATA_UNAVAILABLE)
            lock.close()
            self._ended(entry, False)
            return
        except (ExplorerError, FileNotFoundError):  # removed, or being trained elsewhere
            lock.close()
            self._ended(entry, False)
            return
        except OSError:  # a full disk: it waits for the next attempt
            lock.close()
            self._waiting.put_back(entry)
            return
        if CHECKPOINT in files:  # an earlier run queue may have been killed while a worker trained it
            self._client.run(_let_go, folder, on_error="ignore")
        future = self._submit(address, _train, key, files, problem)
        with self._lock:
            self._flights[key] = _Flight(entry, address, future, lock)
        future.add_done_callback(lambda done: self._note_landed(key))

    def _submit(self, address: str, function: Callable, *arguments: Any) -> Any:
        return self._client.submit(function, *arguments, workers=[address], allow_other_workers=False, pure=False)

    def _send_data(self, address: str, run: Run) -> Any:
        """Sends the data set of a run to a worker that lacks it, if a person has added it.

        Returns why the worker has not got it, empty if it has: a future, if it is sent. Raises `DataError` if neither
        machine has it.
        """
        try:
            name = run.config.dataset
        except RunError:  # the worker says what is wrong with it
            return ""
        if not own_data.is_sent(name):
            return ""
        description = own_data.description_of(name)
        if not self._client.run(own_data.lacks, description, workers=[address])[address]:
            return ""
        pieces = [self._submit(address, bytes, piece) for piece in own_data.pieces(name)]
        return self._submit(address, own_data.keep, description, pieces)

    def _note_landed(self, key: str) -> None:
        with self._lock:
            self._landed.append(key)
        self._wake.set()

    def _land(self) -> None:
        """Collects the results of finished tasks and drops their futures, or Dask would compute a lost result again."""
        with self._lock:
            landed, self._landed = self._landed, []
        for key in landed:
            flight = self._flights.get(key)
            if flight is None:
                continue
            if flight.future.status != "finished":
                self._settle(key, lost=True)
                continue
            try:
                report = flight.future.result(timeout=60)
            except Exception:  # its worker was lost just now
                self._settle(key, lost=True)
                continue
            self._bring_home(flight, report, final=True)
            if flight.problem:
                with self._lock:
                    self._landed.append(key)
            else:
                self._settle(key, lost=False)

    def _settle(self, key: str, lost: bool) -> None:
        with self._lock:
            flight = self._flights.pop(key, None)
        if flight is None:
            return
        flight.future.cancel()
        flight.lock.close()
        self._ended(flight.entry, lost and not flight.gone)

    def _bring_home(self, flight: _Flight, report: Report, final: bool = False) -> None:
        """Writes the files that a worker has sent; on a full disk none counts as known, so that they are sent again."""
        files = dict(report.files)
        status = files.pop(STATUS, None)
        try:
            flight.run.check_there()
            write_files(flight.run.path, files)
            if final:
                self._remove_others(flight.run, report)
                request = flight.run.take_request()
            if status is not None:
                self._write_status(flight.run, json.loads(status))
            if final:
                stop_after_pause(flight.run, request)
        except (FileNotFoundError, GoneError):
            flight.gone, flight.problem = True, ""
        except OSError as error:
            flight.problem = f"{flight.run.name} cannot be written here ({error.strerror or error})"
            return
        flight.problem = ""
        flight.known.update(report.stamps)

    def _remove_others(self, run: Run, report: Report) -> None:
        """Removes files that the worker no longer has: a used checkpoint, and event files that were rewritten."""
        for path in [run.path / CHECKPOINT, *(run.path / LOGS).rglob("*")]:
            if path.is_file() and path.relative_to(run.path).as_posix() not in report.stamps:
                path.unlink()

    def _write_status(self, run: Run, status: dict[str, Any]) -> None:
        """Writes the worker's status with this process as its owner: the worker's process cannot be seen from here."""
        here = read_json(run.path / STATUS)
        active = status["status"] in ACTIVE
        process = asdict(Process.current()) if active else None
        write_json(run.path / STATUS, {**status, "created": here["created"], "process": process}, durable=not active)


async def _look(known: dict[str, dict[str, Stamp]], requests: dict[str, str]) -> dict[str, Report]:
    from explorer.workers.remote.worker import HERE

    return HERE.look(known, requests)


async def _let_go(folder: str) -> None:
    from explorer.workers.remote.worker import HERE

    HERE.let_go(folder)


def _train(key: str, files: dict[str, bytes], problem: str) -> Report:
    from distributed import get_worker

    from explorer.workers.remote.worker import HERE

    return HERE.execute(key, files, problem, get_worker().local_directory)
