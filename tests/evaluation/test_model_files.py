"""Model files: those that are opened, with Keras's own figures, and those that are not, with one sentence each."""

import io
import json
import os
import socket
import stat
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from campaigns import model_files
from damaged_models import digits_model, looping_file, size_that_wraps_around, zeros_in_the_heap

from explorer.benchmarks.epoch import notebook_model
from explorer.config import STANDARDIZED, TrainingConfig
from explorer.data import datasets
from explorer.errors import FieldError, ModelError, WorkersError
from explorer.evaluation import file_check, model_process
from explorer.evaluation.allowed_layers import check_config
from explorer.evaluation.library import Library
from explorer.evaluation.predictions import Predictions, Request
from explorer.evaluation.saved_models import find, saved_models
from explorer.runs.status import COMPLETED
from explorer.runs.store import RunStore
from explorer.training.dropout import predict_samples
from explorer.workers.task_process import TaskProcess

DIGITS = TrainingConfig(dataset="digits", depth=2, width=16, epochs=1)


def ask(path, **wanted):
    return model_process.predict(Request(str(path), path.name, **wanted))


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The bytes of a small model that is opened."""
    path = tmp_path_factory.mktemp("good") / "good.keras"
    digits_model().save(path)
    return path.read_bytes()


# --- what is opened ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("flatten", [True, False])
@pytest.mark.parametrize("batch_norm", ["off", "after_activation"])
def test_the_notebooks_own_files_give_keras_own_figures(tmp_path, digits, flatten, batch_norm):
    """`create_dnn_model` and `ModelCheckpoint` as in the notebook; without `flatten` on its standardised images."""
    from sklearn.preprocessing import StandardScaler

    train, validation = digits.split("train"), digits.split("validation")
    if not flatten:
        scaler = StandardScaler().fit(train[0].reshape(len(train[0]), -1))
        train, validation = [
            (scaler.transform(images.reshape(len(images), -1)), labels) for images, labels in (train, validation)
        ]
    model = notebook_model(DIGITS.with_(batch_norm=batch_norm), flatten=flatten)
    path = tmp_path / "notebook.h5"
    checkpoint = keras.callbacks.ModelCheckpoint(path, save_best_only=True)
    model.fit(*train, validation_data=validation, epochs=1, batch_size=128, callbacks=[checkpoint], verbose=0)
    loss, accuracy = keras.models.load_model(path).evaluate(*validation, batch_size=120, verbose=0)

    found = ask(path)
    assert found.facts.scaling == ("raw" if flatten else STANDARDIZED) and "assumed" in found.facts.note
    evaluation = found.evaluation(digits)
    assert evaluation.loss == pytest.approx(loss, rel=1e-4)
    assert evaluation.accuracy == pytest.approx(accuracy, abs=1e-6)
    assert found.facts.parameters == model.count_params()


def layers_of_keras_2(model) -> list[dict]:
    """The description of a model's two layers: `batch_input_shape`, no modules, no InputLayer."""
    zeros = {"class_name": "Zeros", "config": {"dtype": "float32"}}
    scaling = {"scale": 2.0, "mode": "fan_in", "distribution": "truncated_normal", "seed": None, "dtype": "float32"}
    flatten, dense = model.layers
    return [
        {
            "class_name": "Flatten",
            "config": {
                "name": flatten.name,
                "trainable": True,
                "batch_input_shape": [None, 8, 8],
                "dtype": "float32",
                "data_format": "channels_last",
            },
        },
        {
            "class_name": "Dense",
            "config": {
                "name": dense.name,
                "trainable": True,
                "dtype": "float32",
                "units": 10,
                "activation": "softmax",
                "use_bias": True,
                "kernel_initializer": {"class_name": "VarianceScaling", "config": scaling},
                "bias_initializer": zeros,
                "kernel_regularizer": None,
                "bias_regularizer": None,
                "activity_regularizer": None,
                "kernel_constraint": None,
                "bias_constraint": None,
            },
        },
    ]


def test_a_file_as_keras_2_wrote_it(tmp_path, digits):
    model, path = digits_model(), tmp_path / "old.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        old = {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers_of_keras_2(model)}}
        file.attrs["model_config"] = json.dumps(old).encode()
        file.attrs["keras_version"] = b"2.3.1"
    images, _ = digits.split("validation")
    expected = model.predict(images.astype("float32"), verbose=0)
    np.testing.assert_allclose(ask(path).probabilities, expected, atol=1e-6)


def test_scaling_is_asked_only_of_a_model_that_has_none(tmp_path, digits):
    plain, own = tmp_path / "plain.keras", tmp_path / "own.keras"
    digits_model().save(plain)
    digits_model(extra=[keras.layers.Rescaling(1 / 16)]).save(own)
    found = {scaling: ask(plain, scaling=scaling).probabilities for scaling in ("raw", "unit", "standardized")}
    assert np.abs(found["raw"] - found["unit"]).max() > 0.01 < np.abs(found["unit"] - found["standardized"]).max()
    carried = ask(own, scaling="standardized")
    assert carried.facts.scaling == "carried"
    np.testing.assert_allclose(carried.probabilities, found["unit"], atol=1e-6)


def test_samples_of_a_model_with_dropout_are_those_of_its_dropout_and_their_mean_is_the_answer(tmp_path, digits):
    model = digits_model(extra=[keras.layers.Dropout(0.5)])
    model.save(tmp_path / "dropping.keras")
    found = ask(tmp_path / "dropping.keras", samples=20, scaling="raw")
    images, labels = digits.split("validation")
    samples = predict_samples(model, images, 20)
    np.testing.assert_allclose(found.probabilities, samples.mean(0), atol=1e-5)
    chosen = found.probabilities.argmax(1)
    np.testing.assert_allclose(found.spread, samples[:, np.arange(len(images)), chosen].std(0), atol=1e-5)
    np.testing.assert_allclose(found.losses, -np.log(found.probabilities[np.arange(len(images)), labels]), rtol=1e-5)
    assert found.facts.dropout_layers == 1 and found.samples == 20
    found.save(tmp_path / "kept.npz")
    np.testing.assert_array_equal(Predictions.load(tmp_path / "kept.npz").spread, found.spread)


def test_samples_of_layers_that_merge_are_drawn_and_those_of_nested_models_and_a_wrong_number_are_refused(tmp_path):
    given = keras.Input((8, 8))
    flat = keras.layers.Flatten()(given)
    sides = [keras.layers.Dense(10)(keras.layers.Dropout(0.5)(flat)) for _ in range(2)]
    keras.Model(given, keras.layers.Softmax()(keras.layers.Add()(sides))).save(tmp_path / "two.keras")
    found = ask(tmp_path / "two.keras", samples=100)
    model = keras.models.load_model(tmp_path / "two.keras")
    images, _ = datasets.load("digits").split("validation")
    theirs = np.mean([model(images.astype("float32"), training=True).numpy() for _ in range(100)], 0)
    assert np.abs(found.probabilities - theirs).max() < 6 * found.spread.max() * np.sqrt(2 / 100)
    keras.Model(given, digits_model(extra=[keras.layers.Dropout(0.5)])(given)).save(tmp_path / "nested.keras")
    with pytest.raises(ModelError, match=r"'nested\.keras' has models as layers"):
        ask(tmp_path / "nested.keras", samples=2)
    with pytest.raises(FieldError, match="samples: '101' is not allowed"):
        ask(tmp_path / "two.keras", samples=101)


def test_a_model_saved_with_its_optimizer_is_opened(tmp_path, digits):
    model = notebook_model(DIGITS, flatten=True)
    model.save(tmp_path / "compiled.keras")
    loss, accuracy = model.evaluate(*digits.split("validation"), batch_size=120, verbose=0)
    evaluation = ask(tmp_path / "compiled.keras").evaluation(digits)
    assert (evaluation.loss, evaluation.accuracy) == pytest.approx((loss, accuracy), rel=1e-4)


def test_logits_become_probabilities(tmp_path):
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.save(tmp_path / "logits.keras")
    np.testing.assert_allclose(ask(tmp_path / "logits.keras").probabilities.sum(axis=1), 1, atol=1e-5)


def test_inside_are_the_first_weights_as_images(tmp_path):
    model = digits_model()
    model.save(tmp_path / "m.keras")
    inside = model_process.look_inside(Request(str(tmp_path / "m.keras"), "m.keras"))
    assert inside.units == 10 and inside.filters.shape == (10, 8, 8)
    np.testing.assert_array_equal(inside.filters[4].ravel(), model.layers[-1].kernel.numpy()[:, 4])
    [(name, size, edges, shares)] = inside.histograms
    assert size == 640 and len(edges) == len(shares) + 1 and shares.sum() == pytest.approx(1)
    assert name == model.layers[-1].name


# --- what is offered --------------------------------------------------------------------------------------


def test_runs_and_files_of_the_store_are_listed_and_links_out_are_told(store, tmp_path, good):
    run = store.create(DIGITS.with_(input_scaling="unit"))
    (run.path / "best.keras").write_bytes(good)
    (run.path / "last.h5").write_bytes(b"x")
    run.end(COMPLETED, "")
    (store.folder / "mine").mkdir()
    (store.folder / "mine" / "a.keras").write_bytes(good)
    (store.folder / ".hidden.keras").write_bytes(good)
    (tmp_path / "secret.keras").write_bytes(good)
    (store.folder / "link.keras").symlink_to(tmp_path / "secret.keras")
    (store.folder / "near.keras").symlink_to(store.folder / "mine" / "a.keras")
    found = {model.name: model for model in saved_models(store)}
    assert list(found) == [run.name, "link.keras", "near.keras", f"{run.name}/last.h5", "mine/a.keras"]
    assert [name for name, model in found.items() if model.problem] == ["link.keras"]
    asked = find(store, run.name).request()
    assert (asked.dataset, asked.scaling) == ("digits", "unit")
    assert find(store, f"{run.name}/last.h5").request().scaling == "unit"
    assert find(store, "mine/a.keras").request().dataset == ""
    with pytest.raises(ModelError, match=r"'link\.keras' is a link that points outside the models folder"):
        find(store, "link.keras")
    with pytest.raises(ModelError, match="points outside"):
        find(store, str(store.folder / "link.keras"))


# --- what is no regular file, and what is asked once -------------------------------------------------------


def make_folder(path):
    path.mkdir()


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def make_sparse(path):
    with path.open("wb") as stream:
        stream.truncate(20 * 2**30)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (os.mkfifo, "is a named pipe, not a regular file"),
        (make_folder, "is a folder, not a regular file"),
        (make_socket, "is a socket, not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device, not a regular file"),
        (make_sparse, "has 20,480 MiB; at most 512 MiB are allowed"),
    ],
    ids=["pipe", "folder", "socket", "device", "sparse"],
)
def test_what_is_no_regular_file_or_too_large_is_not_read(tmp_path, monkeypatch, make, words):
    monkeypatch.chdir(tmp_path)  # the path of a socket is bounded
    path = Path("odd.keras")
    make(path)
    store = RunStore(tmp_path / "runs")
    with pytest.raises(ModelError, match=words):
        Library(store, TaskProcess()).hash(Request(str(path), path.name))
    with pytest.raises(ModelError, match=words):
        ask(path)


def test_a_pipe_in_the_models_folder_is_told_in_the_list_and_refused_by_name(store):
    store.folder.mkdir(exist_ok=True)
    os.mkfifo(store.folder / "pipe.h5")
    assert ["is a named pipe" in model.problem for model in saved_models(store)] == [True]
    with pytest.raises(ModelError, match=r"'pipe\.h5' is a named pipe, not a regular file"):
        find(store, "pipe.h5")


def test_a_file_that_becomes_a_pipe_after_it_was_looked_at_is_not_waited_for(tmp_path, monkeypatch, good):
    """Whoever can write into the folder may change a file between any two looks at it."""
    path = tmp_path / "m.keras"
    os.mkfifo(path)
    monkeypatch.setattr(file_check, "check_kind", lambda *_: None)
    with pytest.raises(ModelError, match="is a named pipe"):
        ask(path)


@pytest.mark.parametrize("damage", [zeros_in_the_heap, size_that_wraps_around])
def test_a_file_that_loops_in_a_library_is_ended_asked_once_and_asked_anew_on_request(tmp_path, good, damage):
    store = RunStore(tmp_path)
    path = tmp_path / "loop.h5"
    looping_file(path, damage)
    (tmp_path / "good.keras").write_bytes(good)
    task_process = CountingTaskProcess()
    books = Library(store, task_process)
    request, other = Request(str(path), "loop.h5"), Request(str(tmp_path / "good.keras"), "good.keras")
    try:
        late, following = books.predictions(request), books.predictions(other)
        with pytest.raises(WorkersError, match="it took longer than 5 s and was ended"):
            late.result(120)
        assert following.result(120).facts.outputs == 10
        copied = tmp_path / "again.h5"
        copied.write_bytes(path.read_bytes())
        for same in (request, request, Request(str(copied), "again.h5")):
            with pytest.raises(WorkersError, match="it took longer"):
                books.predictions(same).result(0)
        assert task_process.asked == 2
        books.ask_anew(request)
        assert not books.predictions(request).done() and task_process.asked == 3
    finally:
        task_process.close()


class CountingTaskProcess(TaskProcess):
    """Counts what is asked, and gives a file that loops less time."""

    asked = 0

    def ask(self, function, request, *arguments, seconds, repeatable):
        self.asked += 1
        seconds = 5 if request.name == "loop.h5" else seconds
        return super().ask(function, request, *arguments, seconds=seconds, repeatable=repeatable)


# --- what is not opened -----------------------------------------------------------------------------------


def archive(good: bytes, *, config=None, weights=None, more=(), compression=zipfile.ZIP_STORED) -> bytes:
    """A Keras archive with parts of it replaced, or with more entries `(name or ZipInfo, bytes)`."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as source, zipfile.ZipFile(stream, "w", compression) as made:
        made.writestr("metadata.json", source.read("metadata.json"))
        made.writestr("config.json", json.dumps(config) if config else source.read("config.json"))
        made.writestr("model.weights.h5", weights or source.read("model.weights.h5"))
        for entry, content in more:
            made.writestr(entry, content)
    return stream.getvalue()


def with_layer(good: bytes, layer: dict) -> bytes:
    with zipfile.ZipFile(io.BytesIO(good)) as source:
        config = json.loads(source.read("config.json"))
    config["config"]["layers"].insert(2, layer)
    return archive(good, config=config)


def layer(name: str, module: str = "keras.layers", registered: str | None = None, **config) -> dict:
    return {"class_name": name, "module": module, "registered_name": registered, "config": {"name": "x", **config}}


def lambda_layer(good):
    return with_layer(good, layer("Lambda", function={"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}))


def custom_object(good):
    return with_layer(good, layer("Evil", "some_package.evil", "some_package>Evil"))


def layer_of_another_module(good):
    return with_layer(good, layer("Dense", "subprocess", units=3))


def tfsm_layer(good):
    return with_layer(good, layer("TFSMLayer", filepath="/somewhere", call_endpoint="serve"))


def function_as_activation(good):
    function = {"class_name": "function", "module": "builtins", "config": "eval", "registered_name": "function"}
    return with_layer(good, layer("Dense", units=10, activation=function))


def enormous_layer(good):
    return with_layer(good, layer("Dense", units=10**9, activation="relu"))


def path_outside(good):
    return archive(good, more=[("../../outside.txt", b"x")])


def absolute_path(good):
    return archive(good, more=[("/etc/outside.txt", b"x")])


def link_inside(good):
    entry = zipfile.ZipInfo("assets")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return archive(good, more=[(entry, b"/etc")])


def zip_bomb(good):
    return archive(good, weights=b"\0" * 50_000_000, compression=zipfile.ZIP_DEFLATED)


def truncated(good):
    return good[: len(good) // 2]


def wrong_checksum(good):
    place = good.rindex(b"HDF") + 3000
    return good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :]


def twice(good):
    with pytest.warns(UserWarning, match="Duplicate name"):
        return archive(good, more=[("config.json", b"{}")])


def not_a_model(good):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("config.json", "{}")
    return stream.getvalue()


def endless_nesting(good):
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as source, zipfile.ZipFile(stream, "w") as made:
        for name in source.namelist():
            made.writestr(name, b'{"a":' * 100_000 if name == "config.json" else source.read(name))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda_layer, "contains a Lambda layer, which can run any code"),
        (custom_object, "contains 'some_package>Evil', which is not one of the supported Keras layers"),
        (layer_of_another_module, "contains 'Dense', which is not one of"),
        (tfsm_layer, "contains a TFSMLayer, which runs another saved program"),
        (function_as_activation, "contains 'function', which is not one of"),
        (enormous_layer, "a layer with units 1000000000; it must be a whole number from 1 to"),
        (path_outside, r"contains the path '../../outside.txt', which points outside the archive"),
        (absolute_path, "contains the path '/etc/outside.txt'"),
        (link_inside, "contains the link 'assets'"),
        (zip_bomb, "would grow from"),
        (truncated, "is truncated or damaged"),
        (wrong_checksum, "the checksum of model.weights.h5 is wrong"),
        (twice, "contains an entry twice"),
        (not_a_model, "it has no metadata.json"),
        (endless_nesting, "its model configuration cannot be read"),
        (lambda good: b"", r"is empty \(0 bytes\)"),
        (lambda good: b"import os\n" * 50, "is not a Keras model file, despite its name"),
        (lambda good: archive(good, weights=b"no weights at all"), "its weights are not an HDF5 file"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_hostile_or_broken_archive_is_one_sentence(tmp_path, good, make, words):
    path = tmp_path / "hostile.keras"
    path.write_bytes(make(good))
    with pytest.raises(ModelError, match=words) as caught:
        ask(path)
    text = str(caught.value)
    assert text.startswith("model: 'hostile.keras'") and "\n" not in text and len(text) < 250
    assert not (tmp_path.parent / "outside.txt").exists()


def external_link(file, folder):
    file["model_weights/more"] = h5py.ExternalLink("../other.h5", "/secret")


def soft_link(file, folder):
    file["model_weights/more"] = h5py.SoftLink("/model_weights")


def external_storage(file, folder):
    file.create_dataset("more", (10,), "uint8", external=[(str(folder / "raw.bin"), 0, 10)])


def virtual_data(file, folder):
    layout = h5py.VirtualLayout((10,), "uint8")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "secret", (10,))
    file.create_virtual_dataset("more", layout)


def circle(file, folder):
    file["model_weights/again"] = file["/"]


def texts(file, folder):
    file["more"] = ["a", "b"]


def foreign_filter(file, folder):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((10,))
    plist.set_filter(h5py.h5z.FILTER_SCALEOFFSET, h5py.h5z.FLAG_OPTIONAL, (2, 0))
    h5py.h5d.create(file.id, b"more", h5py.h5t.STD_I32LE, h5py.h5s.create_simple((10,)), plist)


def enormous_piece(file, folder):
    file.create_dataset("more", (1,), "uint8", chunks=(2**30,), maxshape=(None,))


def change_description(change):
    def changed(file, folder):
        config = json.loads(file.attrs["model_config"])
        change(config)
        file.attrs["model_config"] = json.dumps(config).encode()

    changed.__name__ = change.__name__
    return changed


@change_description
def class_that_is_a_list(config):
    config["config"]["layers"][1]["class_name"] = ["Dense"]


@change_description
def model_class_that_is_an_object(config):
    config["class_name"] = {"class_name": "Sequential"}


@change_description
def module_that_is_a_list(config):
    config["config"]["layers"][1]["module"] = ["keras.layers"]


@change_description
def registered_name_that_is_an_object(config):
    config["config"]["layers"][1]["registered_name"] = {}


@change_description
def layers_that_are_an_object(config):
    config["config"]["layers"] = {"0": config["config"]["layers"][0]}


@change_description
def layer_without_settings(config):
    del config["config"]["layers"][1]["config"]


@change_description
def layer_that_is_no_layer(config):
    config["config"]["layers"].append("Dense")


@change_description
def name_that_is_a_number(config):
    config["config"]["layers"][1]["config"]["name"] = 5


@change_description
def name_without_end(config):
    config["config"]["layers"][1]["config"]["name"] = "n" * 100_000


@change_description
def description_too_deep(config):
    for _ in range(200):
        config["config"]["more"] = {"a": config["config"].get("more")}


@change_description
def description_of_too_many_values(config):
    config["config"]["more"] = [[]] * 500_000


@change_description
def units_that_are_a_list(config):
    config["config"]["layers"][2]["config"]["units"] = [10]


def description_too_long(file, folder):
    file.attrs["model_config"] = file.attrs["model_config"] + " " * 60_000_000


def description_that_is_a_number(file, folder):
    file.attrs["model_config"] = 5


def description_that_is_no_text(file, folder):
    file.attrs["model_config"] = b"\xff\xfe{}"


def declared_enormous(file, folder):
    file.create_dataset("more", (10**6, 10**6), "float32", chunks=(10, 10))


def renamed_weights(file, folder):
    file.move("model_weights", "weights")


def lambda_in_legacy(file, folder):
    config = json.loads(file.attrs["model_config"])
    config["config"]["layers"].append(
        {"class_name": "Lambda", "config": {"name": "x", "function": ["4wEA", None, None]}}
    )
    file.attrs["model_config"] = json.dumps(config)


def no_model(file, folder):
    del file.attrs["model_config"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (external_link, "links to another file, '../other.h5'"),
        (soft_link, "contains the link 'more'"),
        (external_storage, "stores 'more' in another file"),
        (virtual_data, "stores 'more' in another file"),
        (circle, "contains 'again' twice|contains '.*' twice"),
        (texts, "'more', which is not an array of numbers"),
        (foreign_filter, "'more', which is compressed in a way that Keras does not use"),
        (declared_enormous, "arrays of more than 512 MiB"),
        (enormous_piece, "arrays of more than 512 MiB"),
        (class_that_is_a_list, "contains a list, which is not one of"),
        (model_class_that_is_an_object, "is an object; the supported classes are Functional, Model, Sequential"),
        (module_that_is_a_list, "contains 'Flatten', which is not one of"),
        (registered_name_that_is_an_object, "contains 'Flatten', which is not one of"),
        (layers_that_are_an_object, "it contains a Sequential without a list of layers"),
        (layer_without_settings, "one of its layers has no class or no configuration"),
        (layer_that_is_no_layer, "one of its layers has no class or no configuration"),
        (name_that_is_a_number, "a layer name is not a string of at most 200 characters"),
        (name_without_end, "a layer name is not a string of at most 200 characters"),
        (description_too_deep, "has a model configuration nested more than 80 levels deep"),
        (description_of_too_many_values, "has a model configuration of more than 400,000 values"),
        (units_that_are_a_list, "a layer with units a list; it must be a whole number from 1 to 65,536"),
        (description_too_long, "has a model configuration of more than 4 MiB"),
        (description_that_is_a_number, "its model configuration is not a string"),
        (description_that_is_no_text, "its model configuration cannot be read"),
        (lambda_in_legacy, "contains a Lambda layer"),
        (renamed_weights, "describes a model but contains no weights"),
        (no_model, "contains weights but no model"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_hostile_legacy_file_is_one_sentence(tmp_path, change, words):
    path = tmp_path / "hostile.h5"
    digits_model().save(path)
    with h5py.File(path, "r+") as file:
        change(file, tmp_path)
    with pytest.raises(ModelError, match=words) as caught:
        ask(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b"not HDF5 at all", "is not an HDF5 file"), (None, "is truncated or damaged")],
)
def test_a_broken_legacy_file_is_one_sentence(tmp_path, content, words):
    path = tmp_path / "broken.h5"
    if content is None:
        digits_model().save(path)
        content = path.read_bytes()[:6000]
    path.write_bytes(content)
    with pytest.raises(ModelError, match=words):
        ask(path)


def test_a_description_in_the_heap_that_is_no_text_is_one_sentence(tmp_path):
    path = tmp_path / "broken.h5"
    digits_model().save(path)
    path.write_bytes(path.read_bytes().replace(b'"units": 10', b'"uni\xff\xfe": 10'))
    with pytest.raises(ModelError, match="its model configuration cannot be read"):
        ask(path)


def test_hdf5_under_the_wrong_name_is_told(tmp_path):
    digits_model().save(tmp_path / "m.h5")
    (tmp_path / "m.h5").rename(tmp_path / "m.keras")
    with pytest.raises(ModelError, match=r"is an HDF5 file; rename it to end in \.h5"):
        ask(tmp_path / "m.keras")


def test_a_wrong_input_shape_names_both(tmp_path):
    digits_model(shape=(9, 7)).save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match=r"expects inputs of shape 9 × 7, but those of Digits .* have 8 × 8"):
        ask(tmp_path / "m.keras", dataset="digits")
    with pytest.raises(ModelError, match=r"shape 9 × 7 .*available are 32 × 32 × 3 in CIFAR-10, 8 × 8 in Digits"):
        ask(tmp_path / "m.keras")


def test_seven_outputs_for_ten_classes(tmp_path):
    digits_model(outputs=7).save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match=r"has 7 outputs, but Digits \(8×8\) has 10 classes"):
        ask(tmp_path / "m.keras")


def test_weights_that_are_not_numbers(tmp_path):
    model = digits_model()
    model.layers[-1].kernel.assign(np.full((64, 10), np.nan, "float32"))
    model.save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match=r"cannot be used: the layer '.*' has NaN or infinite weights"):
        ask(tmp_path / "m.keras")


def test_two_inputs_are_one_too_many(tmp_path):
    first, second = keras.Input((8,)), keras.Input((8,))
    out = keras.layers.Dense(10)(keras.layers.Concatenate()([first, second]))
    keras.Model([first, second], out).save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match="must have one input of fixed shape"):
        ask(tmp_path / "m.keras")


def test_a_layer_that_does_not_fit_is_told_without_a_traceback(tmp_path, good):
    path = tmp_path / "m.keras"
    path.write_bytes(with_layer(good, layer("Reshape", target_shape=[5, 5])))
    with pytest.raises(ModelError, match=r"cannot be opened by Keras: the shapes of its layers do not match$"):
        ask(path)


def weights_left_out(file):
    del file[_arrays(file)[0]]


def weights_of_another_shape(file):
    [name] = [name for name in _arrays(file) if name.endswith("kernel")]
    del file[name]
    file[name] = np.zeros((3, 10), "float32")


def _arrays(file) -> list[str]:
    found = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (weights_left_out, "a part that it refers to is missing"),
        (weights_of_another_shape, "its weights do not match its layers"),
        (
            lambda file: _setting(file, "epsilon", 1),
            "this version of Keras cannot read the configuration of its layers; open it with the version",
        ),
        (lambda file: _setting(file, "units", 11), "its weights do not match its layers"),
        (lambda file: _setting(file, "name", "flatten"), "two of its layers have the same name"),
    ],
)
def test_what_keras_says_is_told_by_its_cause_and_not_in_its_words(tmp_path, change, words):
    path = tmp_path / "m.h5"
    model = digits_model()
    model.layers[0].name = "flatten"
    model.save(path)
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(ModelError, match=rf"^model: 'm\.h5' cannot be opened by Keras: .*{words}") as caught:
        ask(path)
    assert str(caught.value).isprintable() and str(tmp_path) not in str(caught.value)


def _setting(file, name, value):
    config = json.loads(file.attrs["model_config"])
    config["config"]["layers"][-1]["config"][name] = value
    file.attrs["model_config"] = json.dumps(config)


def test_two_thousand_layers_are_within_the_bounds_of_a_description():
    given = keras.Input((8, 8))
    out = keras.layers.Flatten()(given)
    for _ in range(50):
        out = keras.layers.Dense(8, kernel_regularizer="l2", kernel_constraint="max_norm")(out)
        out = keras.layers.BatchNormalization(beta_regularizer="l2")(out)
        out = keras.layers.Add()([out, keras.layers.Activation("elu")(out)])
    config = json.loads(keras.Model(given, out).to_json())
    layers = config["config"]["layers"]
    config["config"]["layers"] = layers + layers[-4:] * ((2000 - len(layers)) // 4)
    assert 1990 < len(config["config"]["layers"]) <= 2000
    check_config(config, "model: 'm'")
    assert len(json.dumps(config)) < file_check.LARGEST_CONFIG


# --- mutations --------------------------------------------------------------------------------------------


def test_mutated_files_get_an_answer_or_a_sentence_within_the_limit():
    found = model_files.run(range(150), seed=7, seconds=20)
    assert found["faults"] == []
    assert found["mutations"] == 150 and found["answered"] > 20 and found["refused"] > 60
