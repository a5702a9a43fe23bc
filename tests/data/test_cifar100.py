"""CIFAR-100 and its groups: one archive, one file, two data sets; tests on a made-up archive in the original format."""

import pickle
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_cifar100 import ARCHIVE, FINE, GROUPS, IMAGES, archive, batch, specs
from web_server import servers

from explorer.data import datasets, download
from explorer.data.cifar100 import BATCHES, CIFAR100, CIFAR100_COARSE
from explorer.data.dataset_file import Layout, Part
from explorer.data.datasets import BUILT_IN
from explorer.errors import DataError


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """An empty data folder, an empty Keras cache, and the two data sets with the made-up images, on no server."""
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "*")
    publish(monkeypatch)


def publish(monkeypatch, *mirrors: str, content: bytes = ARCHIVE) -> None:
    for spec in specs(*mirrors, content=content):
        monkeypatch.setitem(BUILT_IN, spec.name, spec)


def test_one_download_brings_both_with_their_own_labels(monkeypatch):
    with servers() as start:
        publish(monkeypatch, start(ARCHIVE).folder)
        path = download.fetch("cifar100")
    assert path == download.fetch("cifar100_coarse")  # without a server
    fine, coarse = datasets.load("cifar100"), datasets.load("cifar100_coarse")
    for dataset, labels in ((fine, FINE), (coarse, GROUPS)):
        np.testing.assert_array_equal(dataset.images, np.concatenate([IMAGES[name] for name in BATCHES]))
        np.testing.assert_array_equal(dataset.labels, np.concatenate([labels[name] for name in BATCHES]))
        assert dataset.test.tolist() == list(range(50, 60)) and len(dataset.train) == 40
    assert fine.hash != coarse.hash  # so that a remote worker never takes one for the other


def test_the_progress_of_one_is_that_of_the_other():
    download.request_cancel("cifar100_coarse")
    seen = []
    with servers() as start, pytest.MonkeyPatch.context() as patch:
        publish(patch, start(ARCHIVE, pause_after=1_000).folder)

        def stop() -> bool:
            shown = download.read_progress("cifar100_coarse")
            seen.append(shown)
            return bool(shown) and shown["done"] == 1_000

        with pytest.raises(download.Cancelled):
            download.fetch("cifar100", cancelled=stop)
    assert seen[-1]["total"] == len(ARCHIVE)


@pytest.mark.parametrize("name", ["cifar-100-python-target_archive", "cifar-100-python.tar.gz"])
def test_the_archive_that_keras_has_is_used(tmp_path, name):
    cache = tmp_path / "keras/datasets"
    cache.mkdir(parents=True)
    (cache / name).write_bytes(ARCHIVE)
    download.fetch("cifar100")
    assert datasets.available("cifar100_coarse")


def other_archive(folder: Path) -> Path:
    path = folder / "mine.tar.gz"
    path.write_bytes(archive(test=batch("test")[:-1] + b" ."))
    return path


def arrays(folder: Path) -> Path:
    path = folder / "mine.npz"
    np.savez(path, x_train=IMAGES["train"], x_test=IMAGES["test"], y_train=FINE["train"], y_test=FINE["test"])
    return path


def unpacked(folder: Path) -> Path:
    for name in BATCHES:
        (folder / "cifar-100-python").mkdir(exist_ok=True)
        (folder / "cifar-100-python" / name).write_bytes(batch(name))
    return folder / "cifar-100-python"


@pytest.mark.parametrize("make", [other_archive, arrays, unpacked])
def test_what_cannot_be_verified_is_not_used(tmp_path, make):
    with pytest.raises(DataError, match=r"it is not cifar-100-python\.tar\.gz, whose SHA-256 is the only one"):
        download.fetch("cifar100", source=make(tmp_path))
    assert not datasets.available("cifar100")


@pytest.mark.parametrize(
    "content",
    [b"no pickle", pickle.dumps({b"data": IMAGES["test"], b"labels": [1] * 10}), pickle.dumps({b"fine_labels": [0.5]})],
)
def test_a_batch_without_what_is_wanted_is_refused(monkeypatch, tmp_path, content):
    odd = archive(test=content)
    publish(monkeypatch, content=odd)
    (tmp_path / "mine.tar.gz").write_bytes(odd)
    with pytest.raises(DataError, match="test is not a CIFAR batch"):
        download.fetch("cifar100", source=tmp_path / "mine.tar.gz")


def test_one_changed_byte_of_the_stored_file_is_noticed(tmp_path):
    (tmp_path / "mine.tar.gz").write_bytes(ARCHIVE)
    path = download.fetch("cifar100", source=tmp_path / "mine.tar.gz")
    content = bytearray(path.read_bytes())
    for place in (0, len(content) // 2, len(content) - 1):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(DataError, match="its SHA-256 is not what it was when it was stored"):
            datasets.load("cifar100_coarse")
        assert not path.exists()


def test_only_an_archive_with_its_own_hash_allows_arrays_without():
    with pytest.raises(ValueError, match="the SHA-256 of x_train is missing"):
        replace(CIFAR100, layout=replace(CIFAR100.layout, sealed=False))
    with pytest.raises(ValueError, match="only arrays from an archive with a SHA-256"):
        replace(BUILT_IN["mnist"], layout=replace(CIFAR100.layout, sealed=True))
    for parts in (CIFAR100.layout.parts[:5], (*CIFAR100.layout.parts[:5], Part("y_test_odd", (10_000,)))):
        with pytest.raises(ValueError, match="the arrays must be"):
            replace(CIFAR100, layout=Layout(parts, sealed=True))
    with pytest.raises(ValueError, match="the arrays must be"):
        replace(CIFAR100, layout=replace(CIFAR100.layout, labels="_odd"))


def test_the_classes_are_those_of_the_authors():
    assert CIFAR100.classes == 100 and list(CIFAR100.class_names) == sorted(CIFAR100.class_names)
    assert CIFAR100_COARSE.classes == 20 and list(CIFAR100_COARSE.class_names) == sorted(CIFAR100_COARSE.class_names)
    assert all(re.fullmatch(r"[a-z12 -]+", name) for name in CIFAR100.class_names + CIFAR100_COARSE.class_names)
