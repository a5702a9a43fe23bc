"""The points in a plane that are made by a rule: always the same, verified like any data, and equal in a script."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from explorer.cli.main import main
from explorer.config import TrainingConfig
from explorer.data import datasets, download
from explorer.data.dataset_file import Layout
from explorer.data.datasets import BUILT_IN, DATASETS
from explorer.data.origin import Made
from explorer.data.own.adding import check_name
from explorer.data.points import MOONS, SETS, rule_of
from explorer.errors import DataError, FieldError

each = pytest.mark.parametrize("spec", SETS, ids=lambda spec: spec.name)


@each
def test_the_points_are_there_without_a_download(spec, monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "nowhere"))
    assert datasets.available(spec.name) and download.fetch(spec.name) is None
    dataset = datasets.load(spec.name)
    assert dataset.images.shape == (3_000, 2) and dataset.images.dtype == np.float32
    assert np.abs(dataset.images).max() <= spec.max_value
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (1_600, 400, 1_000)
    assert 0.45 < dataset.labels.mean() < 0.55 and set(dataset.labels) == {0, 1}
    assert spec.plane and not spec.pictures and spec.noun == "points" and not spec.download_bytes
    assert not (tmp_path / "nowhere").exists()


@each
def test_an_exported_script_makes_the_same_points(spec):
    names = {"np": np}
    exec(spec.loading, names)
    dataset = datasets.load(spec.name)
    for end, indices in (("", slice(0, 2_000)), ("_test", slice(2_000, None))):
        np.testing.assert_array_equal(names[f"x{end}"], dataset.images[indices], strict=True)
        np.testing.assert_array_equal(names[f"y{end}"], dataset.labels[indices])


@each
def test_a_bit_that_differs_is_noticed(spec, monkeypatch):
    def other():
        arrays = dict(spec.origin.read())
        arrays["x_test"] = arrays["x_test"].copy()
        arrays["x_test"][5, 1] = np.nextafter(arrays["x_test"][5, 1], np.float32(9))
        return arrays

    monkeypatch.setitem(BUILT_IN, spec.name, replace(spec, origin=Made(other)))
    with pytest.raises(DataError, match=rf"{spec.title} of NumPy cannot be used \(the SHA-256 of x_test differs"):
        datasets.load(spec.name)


def test_a_point_belongs_to_the_class_that_the_rule_gives_it():
    points, labels = (datasets.load("circles").images, datasets.load("circles").labels)
    radius = np.hypot(*points.T)
    assert 1.8 < radius[labels == 0].mean() < 2.2 and 3.9 < radius[labels == 1].mean() < 4.2
    crossed, signs = datasets.load("xor").images, datasets.load("xor").labels
    clear = np.abs(crossed).min(axis=1) > 1.5
    np.testing.assert_array_equal(signs[clear], (crossed.prod(axis=1) < 0)[clear])


def test_no_straight_line_separates_any_of_them():
    from sklearn.linear_model import LogisticRegression

    for spec in SETS:
        points, labels = datasets.load(spec.name).split("train")
        assert LogisticRegression().fit(points, labels).score(points, labels) < 0.9, spec.name


def test_points_are_floats_and_pictures_are_bytes():
    layout = Layout(tuple(replace(part, dtype="uint8") for part in MOONS.layout.parts))
    with pytest.raises(ValueError, match="x_train has values of type uint8; pictures"):
        replace(MOONS, layout=layout)
    floats = replace(BUILT_IN["digits"].layout.parts[0], dtype="float32")
    with pytest.raises(ValueError, match="x_train has values of type float32"):
        replace(BUILT_IN["digits"], layout=Layout((floats, BUILT_IN["digits"].layout.parts[1])))


def test_the_command_line_makes_them_and_reads_no_file(capsys, tmp_path):
    assert main(["data", "moons"]) == 0
    assert capsys.readouterr().out.startswith("Two moons is already on this machine and verified: 1,600 train, 400")
    with pytest.raises(FieldError, match="omitted, because Two moons is generated"):
        download.fetch("moons", source=tmp_path)


def test_the_hash_that_remote_workers_compare_covers_every_byte():
    dataset = datasets.load("moons")
    content = dataset.images.tobytes() + dataset.labels.tobytes()
    assert dataset.hash == hashlib.sha256(content).hexdigest()


# --- Another noise or seed ----------------------------------------------------------------------------


def test_points_with_another_noise_and_seed_are_a_data_set_of_their_own():
    noisy, usual = datasets.load("moons_noise150_seed2"), datasets.load("moons")
    assert noisy.spec.title == "Two moons (noise 1.5, seed 2)" and noisy.spec.class_names == usual.spec.class_names
    assert noisy.hash != usual.hash and noisy.hash == datasets.load("moons_noise150_seed2").hash
    assert "two_moons(3000, noise=1.5, seed=2)" in noisy.spec.loading
    names = {"np": np}
    exec(noisy.spec.loading, names)
    np.testing.assert_array_equal(names["x"], noisy.images[:2_000], strict=True)
    spread = [np.abs(data.images[data.labels == 0, 1] - 3 * 0.387).std() for data in (usual, noisy)]
    assert spread[1] > 1.3 * spread[0]
    assert "moons_noise150_seed2" not in list(DATASETS)


@pytest.mark.parametrize("name", ["moons", "moons_noise0", "xor_seed3", "spirals_noise300_seed9999"])
def test_a_name_says_how_the_points_are_made(name):
    assert rule_of(name).name == name == DATASETS[name].name
    assert TrainingConfig(dataset=name).dataset == name


@pytest.mark.parametrize(
    "name",
    [
        "moons_noise40",
        "moons_seed1",
        "moons_noise040",
        "moons_noise301",
        "moons_seed10000",
        "digits_noise3",
        "moons_",
        7,
    ],
)
def test_no_two_names_are_of_the_same_points_and_others_are_not_allowed(name):
    assert rule_of(name) is None and name not in DATASETS
    with pytest.raises(FieldError, match="dataset: "):
        TrainingConfig(dataset=name)


def test_nobody_gives_their_own_data_the_name_of_points():
    for name in ("moons", "moons_noise80", "xor_seed3"):
        with pytest.raises(FieldError, match="a name that no built-in data set has"):
            check_name(name)
    assert check_name("moons_noise40") == "moons_noise40"  # no name of points: this is the usual noise
