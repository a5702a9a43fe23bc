"""The data sets as they are used: split, integrity, memory; CIFAR-10 here is the real one."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from explorer.data import datasets
from explorer.data.cifar10 import CIFAR10
from explorer.data.dataset_file import data_folder, stored_file
from explorer.data.digits import read_digits
from explorer.errors import DataError, FieldError


def notebook_split(dataset: datasets.Dataset) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.model_selection import train_test_split

    learnable = len(dataset.images) - len(dataset.test)
    return train_test_split(np.arange(learnable), test_size=0.2, random_state=42)


def damaged_store(folder: Path, size: int) -> Path:
    path = folder / "cifar10.uint8"
    with path.open("wb") as file:
        file.truncate(size)
    return path


def test_cifar10_has_the_shapes_and_counts_it_announces(cifar10):
    spec = cifar10.spec
    assert cifar10.images.shape == (60_000, *spec.image_shape) and cifar10.images.dtype == np.uint8
    assert cifar10.labels.shape == (60_000,) and cifar10.labels.dtype == np.uint8
    counts = [len(cifar10.train), len(cifar10.validation), len(cifar10.test)]
    assert counts == [spec.train_images, spec.validation_images, spec.test_images] == [40_000, 10_000, 10_000]
    assert spec.features == 3072 and spec.classes == 10
    assert np.bincount(cifar10.labels[:50_000]).tolist() == [5_000] * 10
    assert spec.class_names[cifar10.labels[0]] == "frog"  # the first training image


def test_cifar10_is_split_as_in_the_notebook(cifar10):
    train, validation = notebook_split(cifar10)
    np.testing.assert_array_equal(cifar10.train, train)
    np.testing.assert_array_equal(cifar10.validation, validation)


@pytest.mark.parametrize(("name", "kept_back"), [("cifar10", 5_000), ("digits", 179)])
def test_the_books_division_validates_on_the_first_tenth(name, kept_back, cifar10):
    data = datasets.load(name, "book")
    np.testing.assert_array_equal(data.validation, np.arange(kept_back))
    labelled = len(data.images) - len(data.test)
    np.testing.assert_array_equal(data.train, np.arange(kept_back, labelled))
    assert (len(data.train), len(data.validation)) == data.spec.counts("book")
    usual = datasets.load(name)
    assert (len(usual.train), len(usual.validation)) == usual.spec.counts()
    np.testing.assert_array_equal(data.divided("notebook").validation, usual.validation)
    assert data.test.tolist() == usual.test.tolist() and data.hash == usual.hash


def test_the_test_images_stay_out_of_training_and_validation(cifar10):
    assert np.array_equal(cifar10.test, np.arange(50_000, 60_000))
    assert max(cifar10.train.max(), cifar10.validation.max()) < 50_000
    assert not np.intersect1d(cifar10.train, cifar10.validation).size


def test_a_split_holds_the_images_of_its_indices(cifar10):
    images, labels = cifar10.split("validation")
    assert images.shape == (10_000, 32, 32, 3)
    np.testing.assert_array_equal(images[7], cifar10.images[cifar10.validation[7]])
    np.testing.assert_array_equal(labels, cifar10.labels[cifar10.validation])
    np.testing.assert_array_equal(cifar10.split("test")[0], cifar10.images[50_000:])


def test_cifar10_is_mapped_read_only_and_quickly_verified(cifar10):
    start = time.perf_counter()
    again = datasets.load("cifar10")
    print(f"load and verify: {time.perf_counter() - start:.3f} s")
    assert not again.images.flags.writeable
    assert again.hash == cifar10.hash
    assert datasets.available("cifar10")


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    dataset, original = datasets.load("digits"), load_digits()
    np.testing.assert_array_equal(dataset.images, original.images)
    np.testing.assert_array_equal(dataset.labels, original.target)
    assert dataset.images.dtype == dataset.labels.dtype == np.uint8
    assert dataset.images.max() == dataset.spec.max_value
    assert datasets.available("digits")


def test_digits_are_read_through_scikit_learn_where_it_keeps_them_elsewhere(tmp_path):
    images, labels = read_digits(tmp_path / "moved.csv.gz").values()
    dataset = datasets.load("digits")
    np.testing.assert_array_equal(images, dataset.images)
    np.testing.assert_array_equal(labels, dataset.labels)


def test_digits_are_split_by_the_same_rule():
    dataset = datasets.load("digits")
    train, validation = notebook_split(dataset)
    np.testing.assert_array_equal(dataset.train, train)
    np.testing.assert_array_equal(dataset.validation, validation)
    assert (len(train), len(validation)) == (dataset.spec.train_images, dataset.spec.validation_images)


def test_digits_have_no_test_split():
    with pytest.raises(DataError, match="has no test split"):
        datasets.load("digits").split("test")


def test_an_unknown_split_or_data_set_is_refused_by_name():
    with pytest.raises(FieldError, match="split: 'dev' is not allowed; it must be one of train, validation"):
        datasets.load("digits").split("dev")
    for function in (datasets.load, datasets.available, datasets.spec_of):
        with pytest.raises(FieldError, match="dataset: 'imagenet' is not allowed; it must be one of cifar10"):
            function("imagenet")


def test_the_hash_changes_with_one_pixel():
    dataset = datasets.load("digits")
    images = dataset.images.copy()
    images[3, 4, 5] += 1
    changed = datasets.Dataset(dataset.spec, images, dataset.labels, dataset.train, dataset.validation, dataset.test)
    assert changed.hash != dataset.hash == datasets.load("digits").hash


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"EXPLORER_DATA": "/a/b"}, "/a/b"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/deep-network-explorer"),
        ({"HOME": "/h"}, "/h/.cache/deep-network-explorer"),
    ],
)
def test_the_data_folder_follows_the_environment(monkeypatch, environment, folder):
    for name in ("EXPLORER_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert data_folder() == Path(folder)


def test_an_absent_data_set_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "none"))
    assert not datasets.available("cifar10")
    with pytest.raises(DataError, match="python -m explorer data cifar10"):
        datasets.load("cifar10")


@pytest.mark.parametrize("size", [0, 1_000, CIFAR10.layout.bytes, CIFAR10.layout.bytes + 1])
def test_a_damaged_file_is_removed_and_never_taken_for_data(monkeypatch, tmp_path, size):
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path))
    path = damaged_store(tmp_path, size)
    with pytest.raises(DataError, match=r"was damaged.*python -m explorer data cifar10"):
        datasets.load("cifar10")
    assert not path.exists()


def test_one_changed_byte_is_noticed(cifar10, monkeypatch, tmp_path):
    store = stored_file("cifar10")
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path))
    copy = bytearray(store.read_bytes())
    copy[-1] ^= 1
    (tmp_path / store.name).write_bytes(copy)
    with pytest.raises(DataError, match="SHA-256 of y_test"):
        datasets.load("cifar10")


def test_loading_imports_neither_scikit_learn_nor_tensorflow_nor_streamlit():
    code = (
        "import sys; from explorer.data import datasets, download as sources; datasets.load('digits'); "
        "print([name for name in ('sklearn', 'tensorflow', 'streamlit', 'PIL') if name in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(datasets.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
