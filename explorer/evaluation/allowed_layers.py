"""The allow-list of layers, initializers and activations in model files: what only computes and carries no code.

An allow-list, because what Keras itself refuses has changed with every version and was never complete.
"""

from typing import Any

from explorer import activations
from explorer.errors import ModelError


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


ACTIVATIONS = frozenset(activations.ACTIVATIONS) | _names(
    # those that the explorer only evaluates
    "celu exponential glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh log_sigmoid log_softmax relu6 "
    "soft_shrink softmax sparse_plus sparse_sigmoid sparsemax squareplus swish tanh_shrink threshold"
)
MODELS = frozenset({"Sequential", "Functional", "Model"})
LAYERS = _names(
    "InputLayer Flatten Reshape Permute Normalization Rescaling Dense BatchNormalization LayerNormalization "
    "BatchNormalizationV1 BatchNormalizationV2 UnitNormalization "
    "Activation ReLU LeakyReLU PReLU ELU ThresholdedReLU Softmax Dropout AlphaDropout "
    "GaussianDropout GaussianNoise ActivityRegularization Add Subtract Multiply Average Maximum Minimum "
    "Concatenate Identity"
)
INITIALIZERS = _names(
    "Zeros Ones Constant Identity RandomNormal RandomUniform TruncatedNormal VarianceScaling GlorotNormal "
    "GlorotUniform HeNormal HeUniform LecunNormal LecunUniform Orthogonal OrthogonalInitializer"
)
OTHERS = _names(
    "L1 L2 L1L2 OrthogonalRegularizer MaxNorm NonNeg UnitNorm MinMaxNorm DTypePolicy Policy __tuple__ __keras_tensor__ "
    # in dtype policies of Keras 2; only the name is used
    "PolicyV1 DynamicLossScale FixedLossScale"
)
ALLOWED = MODELS | LAYERS | INITIALIZERS | OTHERS
MODULES = _names(
    "keras keras.activations keras.constraints keras.dtype_policies keras.initializers keras.layers keras.models "
    "keras.regularizers keras.src.models.functional keras.src.models.sequential "
    # of Keras 2; rewritten before Keras 3 reads them
    "keras.mixed_precision keras.engine.functional keras.src.engine.functional tf_keras.src.engine.functional"
)

MOST_UNITS = 2**16
MOST_LAYERS = 2_000
# MOST_LAYERS layers have half as many values; each nested model adds four levels
MOST_VALUES = 400_000
MOST_DEPTH = 80
LONGEST_NAME = 200


def check_config(config: dict[str, Any], label: str) -> None:
    """Raises `ModelError` for a model configuration with a part that is not allowed; `label` names the file."""
    # not read: models are opened without compiling them
    config = {key: value for key, value in config.items() if key != "compile_config"}
    _check_bounds(config, label)
    _check_model(config, label)
    waiting, layers = [config], 0
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            if "class_name" in part:
                _check_class(part, label)
                layers += part["class_name"] in LAYERS
                if part["class_name"] in MODELS:
                    _check_layers(part, label)
            _check_values(part, label)
            waiting += part.values()
    if layers > MOST_LAYERS:
        raise ModelError(f"{label} has {layers:,} layers; at most {MOST_LAYERS:,} are allowed")


def _check_bounds(config: dict[str, Any], label: str) -> None:
    """Checks the size and depth of the configuration, level by level, before anything else reads it."""
    level, values = [config], 0
    for _ in range(MOST_DEPTH):
        values += len(level)
        if values > MOST_VALUES:
            raise ModelError(
                f"{label} has a model configuration of more than {MOST_VALUES:,} values, which is not allowed"
            )
        below = []
        for part in level:
            if isinstance(part, dict | list):
                below += part.values() if isinstance(part, dict) else part
        level = below
    if level:
        raise ModelError(f"{label} has a model configuration nested more than {MOST_DEPTH} levels deep")


def _check_model(config: dict[str, Any], label: str) -> None:
    name = config.get("class_name")
    if not isinstance(name, str) or name not in MODELS:
        raise ModelError(f"{label} is {_named(name)}; the supported classes are {', '.join(sorted(MODELS))}")


def _check_layers(model: dict[str, Any], label: str) -> None:
    """Checks that a model has a list of layers, each with a class and a configuration."""
    inner = model.get("config")
    # in the oldest files the config is the list itself
    layers = inner.get("layers") if isinstance(inner, dict) else inner
    if not isinstance(layers, list) or not layers:
        raise ModelError(f"{label} is damaged: it contains a {model['class_name']} without a list of layers")
    for layer in layers:
        if not isinstance(layer, dict) or "class_name" not in layer or not isinstance(layer.get("config"), dict | list):
            raise ModelError(f"{label} is damaged: one of its layers has no class or no configuration")
        name = layer["config"].get("name", "") if isinstance(layer["config"], dict) else ""
        if not isinstance(name, str) or len(name) > LONGEST_NAME:
            raise ModelError(f"{label} is damaged: a layer name is not a string of at most {LONGEST_NAME} characters")


def _check_class(part: dict[str, Any], label: str) -> None:
    name, module, registered = part["class_name"], part.get("module"), part.get("registered_name")
    if name == "Lambda":
        raise ModelError(f"{label} contains a Lambda layer, which can run any code; such models are not opened")
    if name == "TFSMLayer":
        raise ModelError(f"{label} contains a TFSMLayer, which runs another saved program; such models are not opened")
    foreign = registered not in (None, name) or module not in (None, *MODULES)
    if not isinstance(name, str) or name not in ALLOWED or foreign:
        what = registered if isinstance(registered, str) and foreign else name
        raise ModelError(
            f"{label} contains {_named(what)}, which is not one of the supported Keras layers, "
            "such as Dense, BatchNormalization and Dropout"
        )


def _check_values(part: dict[str, Any], label: str) -> None:
    activation, units = part.get("activation"), part.get("units")
    if isinstance(activation, str) and activation not in ACTIVATIONS:
        raise ModelError(f"{label} uses the unknown activation {_named(activation)}")
    if units is not None and (type(units) is not int or not 1 <= units <= MOST_UNITS):
        raise ModelError(
            f"{label} has a layer with units {_named(units)}; it must be a whole number from 1 to {MOST_UNITS:,}"
        )


def _named(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return repr(value[:80] if isinstance(value, str) else value)[:80]
