"""Files that Keras 2 really wrote (`keras2/make.py`), against what Keras 2 itself said of the same images."""

import json
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from explorer.errors import InputError, ModelError
from explorer.evaluation import model_process
from explorer.evaluation.predictions import Request
from explorer.evaluation.saved_models import find, saved_models

ARCHIVE = zipfile.ZipFile(Path(__file__).parent / "keras2" / "models.zip")
EXPECTED = json.loads(ARCHIVE.read("expected.json"))
REFUSED = {"renorm": "renorm", "virtual batches": "virtual_batch_size"}
IMAGES = (np.arange(4 * 64).reshape(4, 8, 8) * 7919 % 17).astype("uint8")
LABELS = np.arange(4, dtype="uint8")


def request(path: Path) -> Request:
    return Request(str(path), path.name, "digits", scaling="raw")


def written(folder: Path, name: str) -> Path:
    return Path(ARCHIVE.extract(name, folder))


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("name", sorted(EXPECTED.keys() - REFUSED.keys()))
def test_a_model_of_keras_2_says_what_it_said_in_keras_2(tmp_path, name, suffix):
    opened = model_process._open(request(written(tmp_path, name + suffix)))
    answers = opened.answers(IMAGES, LABELS, opened.facts("digits", "raw", ""))
    expected = np.array(EXPECTED[name]["outputs"])
    assert np.ptp(expected, axis=0).max() > 1e-3, "the images have different answers"
    np.testing.assert_allclose(answers.outputs, expected, atol=1e-3 if "mixed" in name else 2e-6)
    # data loss and penalty together, as Keras 2 evaluates them
    assert float(answers.losses.mean()) + answers.penalty == pytest.approx(EXPECTED[name]["loss"], rel=1e-4)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize(("name", "word"), REFUSED.items())
def test_what_keras_3_does_not_have_is_one_sentence_with_the_way_out(tmp_path, name, word, suffix):
    path = written(tmp_path, name + suffix)
    with pytest.raises(
        ModelError, match=f"has a BatchNormalization with {word}, .* Keras 3 does not support"
    ) as caught:
        model_process.predict(request(path))
    assert "written by Keras 2.18.0: open it with that version (pip install tf-keras)" in str(caught.value)


def test_hard_sigmoid_has_the_slope_of_the_keras_that_wrote_it_and_it_is_said(tmp_path, digits):
    path = written(tmp_path, "hard_sigmoid.keras")
    found = model_process.predict(request(path))
    assert found.facts.origin == "written by Keras 2.18.0; its hard_sigmoid (slope 0.2) is kept"
    own = keras.Sequential(
        [keras.Input((8, 8)), layers.Flatten(), layers.Dense(6, "hard_sigmoid"), layers.Dense(10, "softmax")]
    )
    own.save(tmp_path / "three.h5")
    found = model_process.predict(request(tmp_path / "three.h5"))
    expected = own.predict(digits.split("validation")[0].astype("float32"), verbose=0)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
    assert found.facts.origin == ""


@pytest.mark.parametrize(("name", "origin"), [("hard_sigmoid.h5", "hard_sigmoid (slope 0.2) is kept"), (None, "")])
def test_a_file_that_states_no_version_is_recognised_by_its_layers(tmp_path, name, origin):
    path = written(tmp_path, name) if name else tmp_path / "three.h5"
    if name is None:
        keras.Sequential([keras.Input((8, 8)), layers.Flatten(), layers.Dense(10, "softmax")]).save(path)
    described(path, lambda file: file.attrs.pop("keras_version"))
    found = model_process.predict(request(path)).facts.origin
    assert origin in found and bool(origin) == bool(found)


def described(path: Path, change) -> None:
    """Changes the description of the layers in an HDF5 file."""
    with h5py.File(path, "r+") as file:
        change(file)


def test_a_policy_with_a_loss_scale_as_keras_2_1_wrote_it(tmp_path):
    path = written(tmp_path, "mixed precision.h5")
    scale = {"class_name": "DynamicLossScale", "config": {"initial_loss_scale": 32768, "increment_period": 2000}}

    def older(file):
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            if isinstance(layer["config"]["dtype"], dict):
                policy = {"name": "mixed_float16", "loss_scale": scale}
                layer["config"]["dtype"] = {"class_name": "PolicyV1", "config": policy}
        file.attrs["model_config"] = json.dumps(config)

    described(path, older)
    found = model_process.predict_images(request(path), IMAGES)
    np.testing.assert_allclose(found, EXPECTED["mixed precision"]["outputs"], atol=1e-3)


def test_a_file_of_keras_1_is_one_sentence(tmp_path):
    path = written(tmp_path, "ReLU.h5")
    described(path, lambda file: file.attrs.update(keras_version=b"1.2.2"))
    with pytest.raises(
        ModelError, match=r"was written by Keras 1\.2\.2, .*; open it with Keras 2\.2 and save it again"
    ):
        model_process.predict(request(path))


def test_an_unknown_argument_of_keras_2_is_one_sentence_and_no_cut_text(tmp_path):
    path = written(tmp_path, "ReLU.h5")

    def unknown(file):
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][-1]["config"]["implementation"] = 2
        file.attrs["model_config"] = json.dumps(config)

    described(path, unknown)
    with pytest.raises(ModelError, match=r"contains parts that Keras 3 cannot read; .* by Keras 2\.18\.0") as caught:
        model_process.predict(request(path))
    assert "\n" not in str(caught.value) and "config=" not in str(caught.value)


@pytest.mark.parametrize(
    "layer", [lambda: layers.Softmax(axis=[1, 2]), lambda: layers.Normalization(axis=None, mean=8.0, variance=9.0)]
)
def test_an_axis_in_an_hdf5_file_of_keras_3_keeps_its_meaning(tmp_path, digits, layer):
    """Keras 3 itself drops it when it reads the file."""
    model = keras.Sequential([keras.Input((8, 8)), layer(), layers.Flatten(), layers.Dense(10, activation="softmax")])
    model.save(tmp_path / "m.h5")
    found = model_process.predict(request(tmp_path / "m.h5"))
    expected = model.predict(digits.split("validation")[0].astype("float32"), verbose=0)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)


def test_a_saved_model_folder_is_named_as_such(store):
    folder = store.folder / "exported"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"\x08\x01")
    (folder / "variables" / "inside.h5").write_bytes(b"x")
    [listed] = saved_models(store)
    assert listed.name == "exported" and "is a SavedModel folder" in listed.problem
    for name in ("exported", str(folder)):
        with pytest.raises(InputError, match=r"is a SavedModel folder, .* save the model as a \.keras file"):
            find(store, name)
