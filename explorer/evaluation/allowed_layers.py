"""What a model may consist of: layers of Keras that only compute, and nothing that carries code.

An allow-list, because what Keras refuses by itself has changed with every version, and it never refused all.
"""

from typing import Any

from explorer import activations
from explorer.errors import ModelError


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


ACTIVATIONS = frozenset(activations.ACTIVATIONS) | _names(
    "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear "
    "log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus "
    "sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold"
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
    # in a policy of Keras 2, of which the name alone is kept
    "PolicyV1 DynamicLossScale FixedLossScale"
)
ALLOWED = MODELS | LAYERS | INITIALIZERS | OTHERS
MODULES = _names(
    "keras keras.activations keras.constraints keras.dtype_policies keras.initializers keras.layers keras.models "
    "keras.regularizers keras.src.models.functional keras.src.models.sequential "
    # of Keras 2, rewritten before Keras sees them
    "keras.mixed_precision keras.engine.functional keras.src.engine.functional tf_keras.src.engine.functional"
)

MOST_UNITS = 2**16
MOST_LAYERS = 2_000
# a network of so many layers has half as many values; models within models go four levels deeper each
MOST_VALUES = 400_000
MOST_DEPTH = 80
LONGEST_NAME = 200


def check_config(config: dict[str, Any], shown: str) -> None:
    """Raises `ModelError` for a description with a part that is not allowed; `shown` names the file in its sentence."""
    # how it was compiled is not read, as a model is opened without compiling it
    config = {key: value for key, value in config.items() if key != "compile_config"}
    _check_bounds(config, shown)
    _check_model(config, shown)
    waiting, layers = [config], 0
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            if "class_name" in part:
                _check_class(part, shown)
                layers += part["class_name"] in LAYERS
                if part["class_name"] in MODELS:
                    _check_layers(part, shown)
            _check_values(part, shown)
            waiting += part.values()
    if layers > MOST_LAYERS:
        raise ModelError(f"{shown} has {layers:,} layers; at most {MOST_LAYERS:,} are opened")


def _check_bounds(config: dict[str, Any], shown: str) -> None:
    """What is checked before anything else looks at the description, level by level."""
    level, values = [config], 0
    for _ in range(MOST_DEPTH):
        values += len(level)
        if values > MOST_VALUES:
            raise ModelError(f"{shown} describes its layers with more than {MOST_VALUES:,} values; no model needs them")
        below = []
        for part in level:
            if isinstance(part, dict | list):
                below += part.values() if isinstance(part, dict) else part
        level = below
    if level:
        raise ModelError(f"{shown} describes its layers more than {MOST_DEPTH} levels deep")


def _check_model(config: dict[str, Any], shown: str) -> None:
    name = config.get("class_name")
    if not isinstance(name, str) or name not in MODELS:
        raise ModelError(f"{shown} is {_named(name)}; only {', '.join(sorted(MODELS))} are opened")


def _check_layers(model: dict[str, Any], shown: str) -> None:
    """A model says its layers in a list, each with a class and its settings."""
    own = model.get("config")
    layers = own.get("layers") if isinstance(own, dict) else own  # the oldest files have the list itself
    if not isinstance(layers, list) or not layers:
        raise ModelError(f"{shown} is damaged: a part of it is a {model['class_name']} without a list of layers")
    for layer in layers:
        if not isinstance(layer, dict) or "class_name" not in layer or not isinstance(layer.get("config"), dict | list):
            raise ModelError(f"{shown} is damaged: in its list of layers is one without a class or without settings")
        name = layer["config"].get("name", "") if isinstance(layer["config"], dict) else ""
        if not isinstance(name, str) or len(name) > LONGEST_NAME:
            raise ModelError(f"{shown} is damaged: the name of a layer is no text of at most {LONGEST_NAME} characters")


def _check_class(part: dict[str, Any], shown: str) -> None:
    name, module, registered = part["class_name"], part.get("module"), part.get("registered_name")
    if name == "Lambda":
        raise ModelError(f"{shown} holds a Lambda layer, which is code of its maker's; such a model is not opened")
    if name == "TFSMLayer":
        raise ModelError(f"{shown} holds a TFSMLayer, which runs another saved program; such a model is not opened")
    own = registered not in (None, name) or module not in (None, *MODULES)
    if not isinstance(name, str) or name not in ALLOWED or own:
        what = registered if isinstance(registered, str) and own else name
        raise ModelError(
            f"{shown} holds {_named(what)}, which is not among the plain Keras layers that are opened, "
            "such as Dense, BatchNormalization and Dropout"
        )


def _check_values(part: dict[str, Any], shown: str) -> None:
    activation, units = part.get("activation"), part.get("units")
    if isinstance(activation, str) and activation not in ACTIVATIONS:
        raise ModelError(f"{shown} uses the activation {_named(activation)}, which Keras does not have")
    if units is not None and (type(units) is not int or not 1 <= units <= MOST_UNITS):
        raise ModelError(f"{shown} has a layer with units {_named(units)}; 1 to {MOST_UNITS:,} are allowed")


def _named(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return repr(value[:80] if isinstance(value, str) else value)[:80]
