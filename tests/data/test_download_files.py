"""Fetching single files and Debian packages, against a real local server, in the original format of MNIST."""

import gzip
import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_mnist import idx
from web_server import servers

from explorer.data import datasets, download
from explorer.data.dataset_file import Layout, Part
from explorer.data.datasets import DATASETS
from explorer.data.mnist import FASHION_MNIST, FILES, MNIST
from explorer.data.origin import WebFile
from explorer.errors import DataError, FieldError

NOWHERE = "http://127.0.0.1:9/"  # the discard port: nobody answers
RANDOM = np.random.default_rng(1)
ARRAYS = {
    "x_train": RANDOM.integers(0, 256, (50, 28, 28), dtype=np.uint8),
    "x_test": RANDOM.integers(0, 256, (10, 28, 28), dtype=np.uint8),
    "y_train": RANDOM.integers(0, 10, 50, dtype=np.uint8),
    "y_test": RANDOM.integers(0, 10, 10, dtype=np.uint8),
}
STORED = b"".join(array.tobytes() for array in ARRAYS.values())
LAYOUT = Layout(tuple(Part(name, array.shape, hashlib.sha256(array).hexdigest()) for name, array in ARRAYS.items()))

PLAIN = {file: idx(ARRAYS[name]) for name, file in FILES.items()}
GZIPPED = {file: gzip.compress(content) for file, content in PLAIN.items()}


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path) -> Path:
    """An empty data folder, an empty Keras cache, a PATH without apt-get, and a small MNIST and Fashion-MNIST."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("no_proxy", "*")
    files = tuple(WebFile(name, len(body), hashlib.sha256(body).hexdigest()) for name, body in GZIPPED.items())
    for spec in (MNIST, FASHION_MNIST):
        published = replace(spec.origin.published, files=files, mirrors=(), original=NOWHERE)
        # one that is installed on this machine is not looked at
        packages = tuple(replace(package, folder="usr/share/nowhere/images") for package in spec.origin.packages)
        origin = replace(spec.origin, published=published, packages=packages)
        monkeypatch.setitem(DATASETS, spec.name, replace(spec, layout=LAYOUT, origin=origin))
    return tmp_path / "data"


@pytest.fixture
def serve():
    with servers() as start:
        yield start


def with_mirrors(*mirrors: str) -> None:
    spec = DATASETS["mnist"]
    published = replace(spec.origin.published, mirrors=mirrors)
    DATASETS["mnist"] = replace(spec, origin=replace(spec.origin, published=published))


def written(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def stored_whole(path: Path) -> bool:
    """The data is there, byte by byte, and nothing of the fetch is left beside it but its lock."""
    left = {other.name for other in path.parent.iterdir()} - {path.name}
    return path.read_bytes() == STORED and left == {path.with_suffix(".lock").name}


# --- Single files on servers --------------------------------------------------------------------------


def test_all_files_are_downloaded_with_the_progress_of_the_whole(serve):
    with_mirrors(serve(GZIPPED).folder)
    seen = []
    assert stored_whole(download.fetch("mnist", progress=seen.append))
    loading = [step for step in seen if step.phase == "downloading"]
    assert [step.done for step in loading] == sorted(step.done for step in loading)
    assert loading[-1].done == loading[-1].total == sum(map(len, GZIPPED.values()))
    assert datasets.load("mnist").spec.download_bytes == loading[-1].total


def test_the_next_mirror_goes_on_with_the_file_that_another_one_broke(serve):
    first, second, *_ = GZIPPED.values()
    broken = serve(GZIPPED, break_after=[len(first), 1_000, 0, 0])
    good = serve(GZIPPED)
    with_mirrors(broken.folder, good.folder)
    assert stored_whole(download.fetch("mnist"))
    assert broken.ranges[:2] == [None, None] and len(second) > 1_000
    assert good.ranges == ["bytes=1000-", None, None]


def test_one_tampered_file_of_a_mirror_is_refused_and_taken_from_the_next(serve):
    name = FILES["x_test"]
    bad, good = serve(GZIPPED | {name: GZIPPED[name][:-1] + b"x"}), serve(GZIPPED)
    with_mirrors(bad.folder, good.folder)
    assert stored_whole(download.fetch("mnist"))
    assert len(good.ranges) == 3  # the file before it is not downloaded again


def test_a_cancelled_download_goes_on_where_it_was(folder, serve):
    slow = serve(GZIPPED, pause_after=1_000)
    with_mirrors(slow.folder)
    seen = []
    with pytest.raises(download.Cancelled):
        download.fetch("mnist", progress=seen.append, cancelled=lambda: bool(seen) and seen[-1].done == 1_000)
    assert {path.name for path in folder.iterdir()} == {"mnist.lock", f"mnist.{FILES['x_train']}.part"}
    good = serve(GZIPPED)
    with_mirrors(good.folder)
    assert stored_whole(download.fetch("mnist"))
    assert good.ranges[0] == "bytes=1000-"


def test_when_nothing_works_it_says_which_files_to_get_and_where_to_put_them():
    with pytest.raises(DataError) as raised:
        download.fetch("mnist")
    message = str(raised.value)
    assert f"get these files\n{NOWHERE}{FILES['x_train']}\n" in message
    assert message.endswith("into a folder MNIST on this machine and run\n`python -m explorer data mnist --from MNIST`")


# --- Local files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("inner", ["", "MNIST"])
@pytest.mark.parametrize("files", [GZIPPED, {name[:-3]: body for name, body in PLAIN.items()}], ids=["gz", "plain"])
def test_a_named_folder_is_read_gzipped_or_not(tmp_path, inner, files):
    written(tmp_path / "mine" / inner, files)
    assert stored_whole(download.fetch("mnist", source=tmp_path / "mine"))


def test_the_files_that_keras_has_are_used(tmp_path):
    written(tmp_path / "keras/datasets/fashion-mnist", GZIPPED)
    assert stored_whole(download.fetch("fashion_mnist"))


def test_the_arrays_that_keras_has_are_used(tmp_path):
    cache = written(tmp_path / "keras/datasets", {})
    np.savez(cache / "mnist.npz", **ARRAYS)
    assert stored_whole(download.fetch("mnist"))


IMAGES = FILES["x_train"]
DAMAGED = {
    "half a gzip file": ({IMAGES: GZIPPED[IMAGES][:-9]}, "is not a complete gzip file"),
    "no gzip file": ({IMAGES: b"\x1f\x8bnonsense"}, "is not a complete gzip file"),
    "a bomb": ({IMAGES: gzip.compress(PLAIN[IMAGES] + bytes(10**8))}, r"has 39,217 bytes or more instead of 39,216"),
    "a web page": ({IMAGES: b"<html>"}, "is not an IDX file of 50 × 28 × 28 bytes"),
    "an empty file": ({IMAGES: b""}, "is not an IDX file"),
    "too few bytes": ({IMAGES: PLAIN[IMAGES][:-1]}, "has 39,215 bytes or more instead of 39,216"),
    "other sides": ({IMAGES: idx(ARRAYS["x_train"].reshape(50, 14, 56))}, "is not an IDX file of 50 × 28 × 28"),
    "other numbers": ({IMAGES: PLAIN[IMAGES].replace(b"\x08", b"\x0d", 1)}, "is not an IDX file"),
    "other images": ({IMAGES: idx(255 - ARRAYS["x_train"])}, "SHA-256 of x_train differs"),
    "a file too large": ({IMAGES: bytes(10**6)}, "is larger than the data set"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused_with_the_reason(folder, tmp_path, name):
    changes, reason = DAMAGED[name]
    written(tmp_path / "mine", GZIPPED | changes)
    with pytest.raises(DataError, match=rf"mine cannot be used: .*{reason}"):
        download.fetch("mnist", source=tmp_path / "mine")
    assert not datasets.available("mnist")


def test_a_missing_file_and_a_path_of_another_kind_are_named(tmp_path):
    written(tmp_path / "mine", {IMAGES: GZIPPED[IMAGES]})
    with pytest.raises(DataError, match=rf"{FILES['x_test']}: No such file"):
        download.fetch("mnist", source=tmp_path / "mine")
    with pytest.raises(DataError, match=r"is neither a folder nor an \.npz file"):
        download.fetch("mnist", source=tmp_path / "mine" / IMAGES)
    with pytest.raises(FieldError, match=r"must be a readable MNIST folder with train-images-idx3-ubyte\.gz and"):
        download.fetch("mnist", source=tmp_path / "nowhere")


# --- A Debian package ---------------------------------------------------------------------------------


def deb(files: dict[str, bytes], folder: str = "./usr/share/nowhere/images/", how: str = "xz") -> bytes:
    """A Debian package: an `ar` archive of its version, its description, and a tar archive of its files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=f"w:{how}") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    parts = {"debian-binary": b"2.0\n", "control.tar.xz": b"odd", f"data.tar.{how}": packed.getvalue()}
    body = b"!<arch>\n"
    for name, content in parts.items():
        body += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode() + content
        body += b"\n" * (len(content) % 2)
    return body


def stub_apt(tmp_path: Path, script: str) -> None:
    program = tmp_path / "bin" / "apt-get"
    program.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}")
    program.chmod(0o755)


@pytest.mark.parametrize("how", ["xz", "gz"])
def test_the_debian_package_is_used_where_apt_is_there(tmp_path, how):
    (tmp_path / "package").write_bytes(deb(GZIPPED, how=how))
    stub_apt(tmp_path, f'[ "$*" = "download dataset-fashion-mnist" ] && cp {tmp_path}/package images_1_all.deb')
    assert stored_whole(download.fetch("fashion_mnist"))


def test_an_installed_debian_package_is_read(monkeypatch, tmp_path):
    installed = written(tmp_path / "usr/share/images", GZIPPED)
    spec = DATASETS["fashion_mnist"]
    package = replace(spec.origin.packages[0], folder=str(installed).lstrip("/"))
    monkeypatch.setitem(DATASETS, spec.name, replace(spec, origin=replace(spec.origin, packages=(package,))))
    assert stored_whole(download.fetch("fashion_mnist"))


BAD_PACKAGES = {
    "no archive": (b"nonsense", "is not a complete Debian package"),
    "half a package": (deb(GZIPPED)[:20_000], "is not a complete Debian package"),
    "odd lengths": (deb(GZIPPED).replace(b"4         `", b"-60       `", 1), "is not a complete Debian package"),
    "files elsewhere": (deb(GZIPPED, folder="../../etc/"), "does not contain train-images"),
    "other images": (deb(GZIPPED | {IMAGES: gzip.compress(idx(255 - ARRAYS["x_train"]))}), "SHA-256 of x_train"),
    "a huge file": (deb({IMAGES: bytes(10**6)}), "is larger than the data set"),
}


@pytest.mark.parametrize("name", BAD_PACKAGES)
def test_a_bad_debian_package_is_refused(folder, tmp_path, name):
    content, reason = BAD_PACKAGES[name]
    (tmp_path / "package").write_bytes(content)
    stub_apt(tmp_path, f"cp {tmp_path}/package images_1_all.deb")
    with pytest.raises(DataError, match=reason):
        download.fetch("fashion_mnist")
    assert not datasets.available("fashion_mnist")


def test_the_reason_of_apt_is_told(tmp_path):
    stub_apt(tmp_path, "echo W: no sandbox; echo E: Unable to locate package dataset-fashion-mnist; exit 100")
    with pytest.raises(DataError, match="apt-get failed: Unable to locate package dataset-fashion-mnist"):
        download.fetch("fashion_mnist")
