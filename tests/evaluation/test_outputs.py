"""What the outputs of a model are, and its loss: against Keras's own `evaluate`, scikit-learn and sums by hand."""

import json
import re

import keras
import numpy as np
import pytest
from keras import layers

from explorer.errors import FieldError, ModelError
from explorer.evaluation import model_process
from explorer.evaluation.metrics import calibration_bins, calibration_error
from explorer.evaluation.outputs import LOG_PROBABILITIES, LOGITS, PROBABILITIES
from explorer.evaluation.predictions import Predictions, Request


def ask(path, **wanted):
    return model_process.predict(Request(str(path), path.name, **{"dataset": "digits", "scaling": "unit", **wanted}))


def model(*ending, **dense) -> keras.Sequential:
    """A model of digits with weights that are far from zero, so that a wrong reading shows."""
    keras.utils.set_random_seed(5)
    made = keras.Sequential(
        [keras.Input((8, 8)), layers.Flatten(), layers.Dense(10, kernel_initializer="he_normal", **dense), *ending]
    )
    for layer in made.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.gamma.assign(np.linspace(0.5, 2, 10))
    return made


def pixels(digits):
    images, labels = digits.split("validation")
    return images / np.float32(16), labels.astype("int64")


def keras_loss(made: keras.Model, digits, from_logits: bool) -> float:
    """What Keras's `evaluate` gives in its own batches of 32, the last of them incomplete."""
    made.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits))
    return made.evaluate(*pixels(digits), verbose=0)


def softmax(values: np.ndarray) -> np.ndarray:
    return np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)


def divided(values: np.ndarray) -> np.ndarray:
    return values / values.sum(axis=1, keepdims=True)


LOGIT_ENDINGS = {
    "nothing": (lambda: model(), "Dense"),
    "batch norm": (lambda: model(layers.BatchNormalization()), "BatchNormalization"),
    "dropout": (lambda: model(layers.Dropout(0.5)), "Dropout"),
    "reshape": (lambda: model(layers.Reshape((10,))), "Reshape"),
    "identity": (lambda: model(layers.Identity()), "Identity"),
    "relu": (lambda: model(activation="relu"), r"Dense \(relu\)"),
    "relu layer": (lambda: model(layers.ReLU()), "ReLU"),
    "tanh": (lambda: model(activation="tanh"), r"Dense \(tanh\)"),
    "softmax, then batch norm": (lambda: model(layers.BatchNormalization(), activation="softmax"), "BatchNorm"),
    "log_sigmoid": (lambda: model(activation="log_sigmoid"), r"Dense \(log_sigmoid\)"),
}


@pytest.mark.parametrize(("make", "words"), LOGIT_ENDINGS.values(), ids=LOGIT_ENDINGS)
def test_logits_are_read_as_logits_whatever_comes_last_and_it_is_said(tmp_path, digits, make, words):
    made = make()
    made.save(tmp_path / "m.keras")
    found = ask(tmp_path / "m.keras")
    expected = softmax(made.predict(pixels(digits)[0], verbose=0).astype(float))
    assert found.facts.reading == LOGITS
    assert pytest.approx(1) == float(found.probabilities.sum(axis=1).mean())
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
    assert found.evaluation(digits).loss == pytest.approx(keras_loss(made, digits, from_logits=True), rel=1e-5)
    assert re.search(f"the model ends in {words}.*, so they are read as logits", found.facts.reading_note)


def two_added():
    given = keras.Input((8, 8))
    flat = layers.Flatten()(given)
    keras.utils.set_random_seed(2)
    return keras.Model(given, layers.Add()([layers.Dense(10)(flat), layers.Dense(10)(flat)]))


def two_softmaxes_averaged():
    given = keras.Input((8, 8))
    flat = layers.Flatten()(given)
    keras.utils.set_random_seed(2)
    return keras.Model(given, layers.Average()([layers.Dense(10, "softmax")(flat), layers.Dense(10, "softmax")(flat)]))


def nested(activation):
    def make():
        inner = keras.Sequential([keras.Input((64,)), layers.Dense(10, activation=activation)])
        keras.utils.set_random_seed(2)
        return keras.Sequential([keras.Input((8, 8)), layers.Flatten(), inner, layers.Dropout(0.1)])

    return make


def test_a_sum_of_two_layers_is_logits(tmp_path, digits):
    made = two_added()
    made.save(tmp_path / "m.keras")
    found = ask(tmp_path / "m.keras")
    assert found.facts.reading == LOGITS and "Add" in found.facts.reading_note
    assert found.evaluation(digits).loss == pytest.approx(keras_loss(made, digits, from_logits=True), rel=1e-5)


CHECKED = {
    "softmax": lambda: model(activation="softmax"),
    "softmax layer": lambda: model(layers.Softmax()),
    "softmax, then dropout": lambda: model(layers.Dropout(0.5), activation="softmax"),
    "softmax, then reshape": lambda: model(layers.Reshape((10,)), activation="softmax"),
    "two softmaxes averaged": two_softmaxes_averaged,
    "a model in a model": nested("softmax"),
    "float16": lambda: model(activation="softmax", dtype="mixed_float16"),
    "bfloat16": lambda: model(activation="softmax", dtype="mixed_bfloat16"),
    "a row of 0.999": lambda: model(layers.Rescaling(0.999), activation="softmax"),
    "a row of 1.004": lambda: model(layers.Rescaling(1.004), layers.Identity(), activation="softmax"),
}


@pytest.mark.parametrize("make", CHECKED.values(), ids=CHECKED)
def test_rows_that_sum_to_one_are_probabilities_whatever_gave_them(tmp_path, digits, make):
    from sklearn.metrics import accuracy_score, log_loss

    made = make()
    made.save(tmp_path / "m.keras")
    found = ask(tmp_path / "m.keras")
    images, labels = pixels(digits)
    outputs = made.predict(images, verbose=0).astype(float)
    assert found.facts.reading == PROBABILITIES
    np.testing.assert_allclose(found.probabilities, divided(outputs), atol=2e-5)
    evaluation = found.evaluation(digits)
    assert evaluation.accuracy == accuracy_score(labels, outputs.argmax(axis=1))
    assert evaluation.loss == pytest.approx(keras_loss(made, digits, from_logits=False), rel=1e-5)
    if outputs.min() > 0:
        assert evaluation.loss == pytest.approx(log_loss(labels, divided(outputs)), rel=1e-3)
    assert bool(found.facts.reading_note) == (np.abs(outputs.sum(axis=1) - 1).max() > 1e-5)
    with pytest.raises(ModelError, match=r"are probabilities .* so they cannot be read as logits"):
        ask(tmp_path / "m.keras", outputs="logits")


def test_log_probabilities_are_told_and_read_by_their_exponentials(tmp_path, digits):
    for made in (model(activation="log_softmax"), model(layers.Identity(), activation="log_softmax")):
        made.save(tmp_path / "m.keras")
        found = ask(tmp_path / "m.keras")
        outputs = made.predict(pixels(digits)[0], verbose=0)
        assert found.facts.reading == LOG_PROBABILITIES and "exponentials sum to 1" in found.facts.reading_note
        np.testing.assert_allclose(found.probabilities, np.exp(outputs), atol=1e-5)
        assert found.evaluation(digits).loss == pytest.approx(keras_loss(made, digits, from_logits=True), rel=1e-5)
        with pytest.raises(ModelError, match=r"go down to .*cannot be read as probabilities"):
            ask(tmp_path / "m.keras", outputs="probabilities")


SIGMOIDS = {
    "sigmoid": (lambda: model(activation="sigmoid"), r"Dense \(sigmoid\)\); as in Keras's loss"),
    "sigmoid layer, then dropout": (lambda: model(layers.Activation("sigmoid"), layers.Dropout(0.5)), "as in Keras's"),
    "sigmoid, then reshape": (lambda: model(layers.Reshape((10,)), activation="sigmoid"), "is divided by its sum"),
    "hard_sigmoid": (lambda: model(activation="hard_sigmoid"), r"Dense \(hard_sigmoid\)\); each row is divided"),
}


@pytest.mark.parametrize(("make", "words"), SIGMOIDS.values(), ids=SIGMOIDS)
def test_a_sigmoid_for_each_class_becomes_what_keras_loss_makes_of_it(tmp_path, digits, make, words):
    """Keras takes the loss of sigmoids from what they were given where it finds that, else from their shares."""
    made = make()
    made.save(tmp_path / "m.keras")
    found = ask(tmp_path / "m.keras")
    outputs = made.predict(pixels(digits)[0], verbose=0).astype(float)
    shares = outputs / (1 - outputs) if "Keras" in words else outputs
    assert found.facts.reading == PROBABILITIES and re.search(words, found.facts.reading_note)
    np.testing.assert_allclose(found.probabilities, divided(shares), atol=1e-5)
    evaluation = found.evaluation(digits)
    assert evaluation.loss == pytest.approx(keras_loss(made, digits, from_logits=False), rel=1e-5)
    assert 0 <= evaluation.calibration_error <= 1
    chosen = ask(tmp_path / "m.keras", outputs="logits")
    np.testing.assert_allclose(chosen.probabilities, softmax(outputs), atol=1e-5)
    assert chosen.evaluation(digits).loss == pytest.approx(
        -np.log(softmax(outputs)[np.arange(len(outputs)), pixels(digits)[1]]).mean(), rel=1e-5
    )
    assert "as chosen" in chosen.facts.reading_note and set(chosen.facts.choices) == {PROBABILITIES, LOGITS}


def test_exponentials_are_a_softmax_that_was_not_finished(tmp_path, digits):
    from sklearn.metrics import log_loss

    made, finished = model(activation="exponential"), model(activation="softmax")
    made.save(tmp_path / "m.keras")
    found, labels = ask(tmp_path / "m.keras"), pixels(digits)[1]
    expected = finished.predict(pixels(digits)[0], verbose=0)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
    assert found.evaluation(digits).loss == pytest.approx(log_loss(labels, divided(expected.astype(float))), rel=1e-5)
    assert "unnormalized exponentials" in found.facts.reading_note


def test_sparse_probabilities_are_read_as_what_they_are(tmp_path, digits):
    """Keras's sparsemax gives some rows of zeros; of these nothing is known."""
    made = model(activation="sparsemax")
    made.save(tmp_path / "m.keras")
    outputs = made.predict(pixels(digits)[0], verbose=0).astype(float)
    sums = outputs.sum(axis=1, keepdims=True)
    assert np.ptp(sums) > 0.1, "each row sums to 1"
    found = ask(tmp_path / "m.keras")
    assert found.facts.reading == PROBABILITIES and "sparsemax" in found.facts.reading_note
    expected = np.divide(outputs, sums, out=np.full_like(outputs, 0.1), where=sums > 1e-3)
    # as in Keras's loss, a probability is at least 1e-7 before its row is divided by a sum that may be small
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-3)


def test_a_relu_that_a_person_takes_for_probabilities(tmp_path, digits):
    made = model(activation="relu")
    made.save(tmp_path / "m.keras")
    found = ask(tmp_path / "m.keras", outputs="probabilities")
    outputs = np.maximum(made.predict(pixels(digits)[0], verbose=0).astype(float), 1e-7)
    np.testing.assert_allclose(found.probabilities, divided(outputs), atol=1e-6)
    with pytest.raises(FieldError, match="outputs: 'scores' is not allowed; it must be one of automatic"):
        ask(tmp_path / "m.keras", outputs="scores")


def test_calibration_follows_the_reading_and_a_single_image_is_read_like_the_others(tmp_path, digits):
    made = model(layers.BatchNormalization())
    made.save(tmp_path / "m.keras")
    images, labels = digits.split("validation")
    expected = softmax(made.predict(pixels(digits)[0], verbose=0).astype(float))
    by_hand = calibration_error(calibration_bins(expected.max(axis=1), expected.argmax(axis=1) == labels))
    assert ask(tmp_path / "m.keras").evaluation(digits).calibration_error == pytest.approx(by_hand, abs=1e-5)
    request = Request(str(tmp_path / "m.keras"), "m", "digits", scaling="unit")
    np.testing.assert_allclose(model_process.predict_images(request, images[:1]), expected[:1], atol=1e-5)


def test_samples_of_dropout_are_read_as_the_answers_are(tmp_path, digits):
    from explorer.training.dropout import predict_samples

    made = model(layers.Dropout(0.5), layers.BatchNormalization())
    made.save(tmp_path / "m.keras")
    found = ask(tmp_path / "m.keras", samples=3)
    outputs = predict_samples(made, pixels(digits)[0], 3).astype(float)
    np.testing.assert_allclose(found.probabilities, np.mean([softmax(one) for one in outputs], axis=0), atol=1e-5)


def test_a_softmax_over_the_images_of_a_batch_is_refused(tmp_path):
    model(layers.Softmax(axis=0)).save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match="normalizes over the images of a batch"):
        ask(tmp_path / "m.keras")


def test_an_activity_regularizer_that_keras_cannot_evaluate_is_refused(tmp_path):
    orthogonal = keras.regularizers.OrthogonalRegularizer(0.01)
    model(activation="softmax", activity_regularizer=orthogonal).save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match="has an activity regularizer that is not L1 or L2"):
        ask(tmp_path / "m.keras")


def test_mixed_precision_of_keras_3_is_opened(tmp_path, digits):
    made = model(layers.Dense(10, activation="softmax", dtype="float32"), activation="relu", dtype="mixed_float16")
    made.save(tmp_path / "m.keras")
    made.save(tmp_path / "m.h5")
    expected = made.predict(pixels(digits)[0], verbose=0)
    for name in ("m.keras", "m.h5"):
        np.testing.assert_allclose(ask(tmp_path / name).probabilities, expected, atol=1e-3)


# --- the penalty ------------------------------------------------------------------------------------------

L1, L2 = keras.regularizers.L1, keras.regularizers.L2
PENALIZED = {
    "L2": ({"kernel_regularizer": L2(0.01)}, "L2"),
    "L1 of kernel, L2 of bias": ({"kernel_regularizer": L1(0.01), "bias_regularizer": L2(0.1)}, "L1, L2"),
    "L1L2": ({"kernel_regularizer": keras.regularizers.L1L2(0.01, 0.02)}, "L1+L2"),
    "activity": ({"activity_regularizer": L2(0.01)}, "activity"),
    "both": ({"kernel_regularizer": L2(0.01), "activity_regularizer": L1(0.02)}, "L2, activity"),
    "orthogonal": ({"kernel_regularizer": keras.regularizers.OrthogonalRegularizer(0.01)}, "orthogonal"),
}


@pytest.mark.parametrize(("regularizers", "words"), PENALIZED.values(), ids=PENALIZED)
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_the_loss_is_keras_own_and_its_parts_have_names(tmp_path, digits, regularizers, words, suffix):
    made = model(layers.Dense(10, activation="softmax"), activation="relu", **regularizers)
    made.layers[1].bias.assign(np.linspace(-1, 1, 10))
    path = tmp_path / f"m{suffix}"
    made.save(path)
    found = ask(path)
    evaluation = found.evaluation(digits)
    images, labels = pixels(digits)
    outputs = made.predict(images, verbose=0)
    by_hand = -np.log(outputs[np.arange(len(labels)), labels]).mean()
    stated = keras_loss(made, digits, from_logits=False)
    assert evaluation.loss == pytest.approx(stated, rel=1e-5)
    assert evaluation.data_loss == pytest.approx(by_hand, rel=1e-5)
    assert evaluation.penalty == pytest.approx(stated - by_hand, rel=1e-3) and evaluation.penalty > 0.001
    assert found.facts.penalties == words
    assert (evaluation.to_dict()["loss"], evaluation.to_dict()["penalty"]) == (evaluation.loss, evaluation.penalty)


def test_a_layer_that_is_frozen_is_not_penalized_and_one_that_regularizes_activity_is(tmp_path, digits):
    made = model(layers.ActivityRegularization(l2=0.1), layers.Softmax(), kernel_regularizer=L2(0.5))
    made.layers[1].trainable = False
    made.save(tmp_path / "m.keras")
    found = ask(tmp_path / "m.keras")
    assert found.evaluation(digits).loss == pytest.approx(keras_loss(made, digits, from_logits=False), rel=1e-5)
    assert found.facts.penalties == "activity"


def test_an_answer_kept_by_another_version_is_asked_anew(tmp_path):
    model(activation="softmax", kernel_regularizer=L2(0.1)).save(tmp_path / "m.keras")
    found, path = ask(tmp_path / "m.keras"), tmp_path / "kept.npz"
    found.save(path)
    assert Predictions.load(path).penalty == found.penalty > 0
    with np.load(path) as stored:
        arrays = dict(stored)
    told = json.loads(str(arrays.pop("told")))
    del told["version"], told["penalty"]
    for change in ({}, {"version": 1}, {"version": 99, "penalty": 0.0}):
        np.savez(path, told=np.array(json.dumps({**told, **change})), **arrays)
        with pytest.raises(ValueError):
            Predictions.load(path)


def test_the_command_reads_outputs_as_it_is_told(tmp_path, capsys):
    from explorer.cli import main

    model = keras.Sequential(
        [keras.Input((64,)), layers.Rescaling(1 / 16), layers.Dense(10, "relu", kernel_regularizer="l2")]
    )
    model.save(tmp_path / "relu.keras")
    common = ["evaluate", str(tmp_path / "relu.keras"), "--runs", str(tmp_path)]
    assert main.main([*common, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["outputs"] == "logits" and "read as logits" in told["outputs_note"]
    assert told["loss"] == pytest.approx(told["data_loss"] + told["penalty"]) and told["penalties"] == "L2"
    assert main.main([*common, "--outputs", "probabilities"]) == 0
    text = capsys.readouterr().out
    assert "outputs: they are read as probabilities, as chosen" in text and "penalty" in text
    assert main.main([*common, "--outputs", "odds"]) == 2
    assert (
        "outputs: 'odds' is not allowed; it must be one of automatic, probabilities, logits" in capsys.readouterr().err
    )
