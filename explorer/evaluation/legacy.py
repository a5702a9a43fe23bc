"""Files of Keras 2, as Keras 3 can read them: the description of the layers is rewritten, the weights stay.

Keras 3 takes the `batch_input_shape` of an old file's first layer for a shape without the batch, and knows neither
the names nor the arguments of some old initializers, which a model that has its weights does not need.
"""

import json
from pathlib import Path
from typing import Any

RENAMED = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "Model": "Functional",
}


def modernise(path: Path) -> None:
    """Rewrites the description of the layers in a legacy file, in place; it has passed every check before."""
    import h5py

    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        if "module" in config or any("module" in layer for layer in _layers(config)):
            return  # written by Keras 3
        file.attrs["model_config"] = json.dumps(modern_config(config))


def modern_config(config: dict[str, Any]) -> dict[str, Any]:
    """The same model in words that Keras 3 understands; pure."""
    name = config["class_name"]
    config = {**config, "class_name": RENAMED.get(name, name)}
    own = config.get("config")
    if isinstance(own, list):  # as the oldest files have a Sequential
        own = {"name": "sequential", "layers": own}
    layers = [_modern_layer(layer) for layer in _layers({"config": own})]
    if config["class_name"] == "Sequential" and layers and layers[0]["class_name"] != "InputLayer":
        shape = layers[0]["config"].pop("batch_input_shape", None)
        if shape is not None:
            layers.insert(0, {"class_name": "InputLayer", "config": {"batch_shape": shape, "name": "input"}})
    return {**config, "config": {**own, "layers": layers}}


def _layers(config: dict[str, Any]) -> list[dict[str, Any]]:
    own = config.get("config")
    return own if isinstance(own, list) else own.get("layers", [])


def _modern_layer(layer: dict[str, Any]) -> dict[str, Any]:
    if isinstance(layer.get("config"), dict) and "layers" in layer["config"]:
        return modern_config(layer)
    kept = dict(layer["config"])
    for key in kept:
        if key.endswith("_initializer"):
            kept[key] = "zeros"
        elif key.endswith("_constraint"):
            kept[key] = None
    name = layer["class_name"]
    return {**layer, "class_name": RENAMED.get(name, name), "config": kept}
