"""What a model may consist of: layers of Keras that only compute, and nothing that carries code.

An allow-list, because what Keras refuses by itself has changed with every version, and it never refused all.
"""

from typing import Any

from explorer.errors import ModelError


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


ACTIVATIONS = _names(
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
    "L1 L2 L1L2 OrthogonalRegularizer MaxNorm NonNeg UnitNorm MinMaxNorm DTypePolicy Policy __tuple__ __keras_tensor__"
)
ALLOWED = MODELS | LAYERS | INITIALIZERS | OTHERS
MODULES = _names(
    "keras keras.activations keras.constraints keras.dtype_policies keras.initializers keras.layers keras.models "
    "keras.regularizers keras.src.models.functional keras.src.models.sequential"
)

MOST_UNITS = 2**16
MOST_LAYERS = 2_000


def check_config(config: dict[str, Any], shown: str) -> None:
    """Raises `ModelError` for a description with a part that is not allowed; `shown` names the file in its sentence."""
    if config.get("class_name") not in MODELS:
        raise ModelError(
            f"{shown} is a {_named(config.get('class_name'))}; only {', '.join(sorted(MODELS))} are opened"
        )
    # how it was compiled is not read, as a model is opened without compiling it
    waiting, layers = [{key: value for key, value in config.items() if key != "compile_config"}], 0
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            if "class_name" in part:
                _check_class(part, shown)
                layers += part["class_name"] in LAYERS
            _check_values(part, shown)
            waiting += part.values()
    if layers > MOST_LAYERS:
        raise ModelError(f"{shown} has {layers:,} layers; at most {MOST_LAYERS:,} are opened")


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
        raise ModelError(f"{shown} has a layer of {_named(units)} units; 1 to {MOST_UNITS:,} are allowed")


def _named(value: object) -> str:
    return repr(value)[:80]
