"""The table of activations: whole rows, and nothing that is known about one of them anywhere else."""

import ast
from dataclasses import fields
from pathlib import Path

import keras
import numpy as np
import pytest

import explorer
from explorer.activations import ACTIVATIONS, Activation, Family
from explorer.evaluation import allowed_layers

PACKAGE = Path(explorer.__file__).parent
INPUTS = np.linspace(-40, 40, 801, dtype="float32")


@pytest.mark.parametrize("forgotten", [field.name for field in fields(Activation)])
def test_a_forgotten_part_of_a_row_is_an_error_when_it_is_made(forgotten):
    parts = {field.name: getattr(ACTIVATIONS["elu"], field.name) for field in fields(Activation)}
    assert Activation(**parts) == ACTIVATIONS["elu"]
    del parts[forgotten]
    with pytest.raises(TypeError, match=forgotten):
        Activation(**parts)


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_a_family_says_how_the_function_of_keras_behaves(activation):
    outputs = keras.ops.convert_to_numpy(keras.activations.get(activation.name)(INPUTS))
    negative, positive = outputs[INPUTS < 0], outputs[INPUTS > 20]
    assert activation.linear == np.array_equal(outputs, INPUTS)
    assert activation.rectifier == (not negative.any())
    assert activation.bounded == (abs(outputs).max() <= 1)
    if activation.family in (Family.RECTIFIER, Family.LINEAR_UNIT):
        np.testing.assert_allclose(positive, INPUTS[INPUTS > 20], rtol=1e-5)
    if activation.self_normalizing:
        normal = np.random.default_rng(1).standard_normal(10**6, dtype="float32")
        after = keras.ops.convert_to_numpy(keras.activations.get(activation.name)(normal))
        assert (after.mean(), after.var()) == (pytest.approx(0, abs=0.01), pytest.approx(1, abs=0.01))


def test_a_model_file_may_have_every_activation():
    assert set(ACTIVATIONS) <= allowed_layers.ACTIVATIONS


def test_no_module_asks_for_an_activation_by_its_name():
    asking = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare)
        for side in (node.left, *node.comparators)
        for part in getattr(side, "elts", [side])
        if isinstance(part, ast.Constant) and part.value in [*ACTIVATIONS]
    }
    # in model files; the fault that consists of one; networks that are known to learn in no other way
    assert asking == {"evaluation/graph.py", "benchmarks/faults.py", "benchmarks/diagnosis_drawing.py"}
