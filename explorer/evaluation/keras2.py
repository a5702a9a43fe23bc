"""Translation of model configurations of Keras 2, and of HDF5 files of Keras 3, to Keras 3; the weights stay.

Keras 3 reads some old configurations without an error but with another meaning: an axis of `None` or of several
dimensions is dropped, and `hard_sigmoid` has another slope. What no layer of Keras 3 does is refused.
"""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from explorer.errors import ModelError

RENAMED = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "Model": "Functional",
    "ThresholdedReLU": "ReLU",
}
MODELS = ("Sequential", "Functional")
# arguments of Keras 2 layers that do not affect predictions
DROPPED = ("batch_input_shape", "input_dim", "input_shape", "input_dtype", "rng_type", "fused", "adjustment")
UNSET = {"renorm": False, "virtual_batch_size": None, "sparse": False, "ragged": False}
RENORM = ("renorm_clipping", "renorm_momentum")


def modernise(path: Path, name: str) -> str:
    """Rewrites the model configuration in a file, in place, after the file has passed every check.

    Returns the version of Keras 2 that wrote the file, empty for a file of Keras 3. Raises `ModelError`, which calls
    the file `name`, for what has no counterpart in Keras 3.
    """
    if path.suffix == ".keras":
        return _modernise_archive(path, name)
    import h5py

    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        stated = file.attrs.get("keras_version", "")
        stated = stated.decode(errors="replace") if isinstance(stated, bytes) else str(stated)
        # both versions state theirs; without it, only Keras 3 describes the type of a layer's numbers as an object
        version = _version(stated or ("3" if "DTypePolicy" in json.dumps(config) else "2"), name)
        file.attrs["model_config"] = json.dumps(_Translation(name, version).model(config))
    return version


def _modernise_archive(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as archive:
        entries = {entry: archive.read(entry) for entry in archive.namelist()}
    metadata = json.loads(entries["metadata.json"])
    version = _version(str(metadata.get("keras_version", "3")), name) if isinstance(metadata, dict) else ""
    if version:
        config = _Translation(name, version).model(json.loads(entries["config.json"]))
        entries["config.json"] = json.dumps(config).encode()
        with zipfile.ZipFile(path, "w") as archive:
            for entry, content in entries.items():
                archive.writestr(entry, content)
    return version


def _version(stated: str, name: str) -> str:
    """The version of Keras 2 that is stated, empty for a later one; raises `ModelError` for an earlier one."""
    if stated.startswith(("0.", "1.")):
        raise ModelError(
            f"model: {name!r} was written by Keras {stated[:12]}, whose layers take other arguments; open it with "
            "Keras 2.2 and save it again"
        )
    return stated[:12] if stated.startswith("2") else ""


def way_out(version: str) -> str:
    """What a person can do about a model of Keras 2 that Keras 3 does not open."""
    return (
        f"it was written by Keras {version}: open it with that version (pip install tf-keras), replace this part with "
        "layers of Keras 3, and save the model again"
    )


class _Translation:
    """The translation of one file."""

    def __init__(self, name: str, version: str):
        self._name, self._version = name, version

    def model(self, config: dict[str, Any]) -> dict[str, Any]:
        """Translates a model: its class, its layers, and how they are connected."""
        kind, own = RENAMED.get(config["class_name"], config["class_name"]), config["config"]
        if isinstance(own, list):  # as the oldest files have a Sequential
            own = {"name": "sequential", "layers": own}
        layers = [self._layer(layer) for layer in own["layers"]]
        if kind == "Sequential" and layers and layers[0]["class_name"] != "InputLayer":
            shape = own["layers"][0]["config"].get("batch_input_shape")
            if shape is not None:
                given = {"batch_shape": shape, "name": f"{layers[0]['config'].get('name', 'first')}_input"}
                layers.insert(0, _modern("InputLayer", given))
        own = {**own, "layers": layers, **{k: _single(own[k]) for k in ("input_layers", "output_layers") if k in own}}
        own.pop("build_input_shape", None)
        own["name"] = _plain(own.get("name"))
        _number_calls(own)
        kept = {key: value for key, value in config.items() if key in ("name", "inbound_nodes")}
        module = "keras.src.models.functional" if kind == "Functional" else "keras.models"
        return {**_modern(kind, own, module), **kept}

    def _layer(self, layer: dict[str, Any]) -> dict[str, Any]:
        own = layer["config"]
        if isinstance(own, list) or (isinstance(own, dict) and "layers" in own):
            made = self.model(layer)
        else:
            kind = RENAMED.get(layer["class_name"], layer["class_name"])
            made = _modern(kind, self._arguments(layer["class_name"], own))
        if "inbound_nodes" in layer:
            made["inbound_nodes"] = _nodes(layer["inbound_nodes"])
        if "name" in layer:
            made["name"] = _plain(layer["name"])
        return made

    def _arguments(self, kind: str, own: dict[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in own.items() if key not in DROPPED}
        if kind == "InputLayer" and "batch_input_shape" in own:
            kept["batch_shape"] = own["batch_input_shape"]
        for key, value in list(kept.items()):
            if key.endswith("_initializer"):
                kept[key] = "zeros"  # the weights are in the file
            elif key.endswith("_constraint"):
                kept[key] = None
            elif isinstance(value, dict) and "class_name" in value:
                kept[key] = self._part(key, value)
        for key, value in UNSET.items():
            if kept.pop(key, value) != value:
                raise ModelError(
                    f"model: {self._name!r} has a {kind} with {key}, which Keras 3 does not support; "
                    f"{way_out(self._version)}"
                )
        for key in RENORM:
            kept.pop(key, None)
        if "name" in kept:
            kept["name"] = _plain(kept["name"])
        return _CHANGED[kind](kept) if kind in _CHANGED else kept

    def _part(self, key: str, value: dict[str, Any]) -> Any:
        """Translates a dtype policy, a regularizer, or a layer used as an activation."""
        if key == "dtype":
            name = value["config"].get("name")
            return None if name in ("infer", "_infer") else name
        if key.endswith("_regularizer"):
            return _modern(value["class_name"], value["config"], "keras.regularizers")
        return self._layer(value) if isinstance(value["config"], dict) else value


def _modern(kind: str, config: dict[str, Any], module: str = "keras.layers") -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def _plain(name: Any) -> Any:
    """A name without slashes, which Keras 3 does not allow."""
    return name.replace("/", "_") if isinstance(name, str) else name


def _single(tensors: Any) -> Any:
    """The inputs or outputs of a model; a single one is not wrapped in a list."""
    if isinstance(tensors, list) and all(isinstance(one, list) for one in tensors):
        tensors = [[_plain(one[0]), *one[1:]] for one in tensors]
        return tensors[0] if len(tensors) == 1 else tensors
    return tensors


def _nodes(nodes: list[Any]) -> list[Any]:
    """The calls of a layer, in Keras 2 lists of `[layer, call, tensor, arguments]`."""
    return [
        [[_plain(part[0]), *part[1:]] if isinstance(part, list) and part else part for part in node]
        if isinstance(node, list)
        else node
        for node in nodes
    ]


def _number_calls(own: dict[str, Any]) -> None:
    """Numbers the calls of nested models from 0; Keras 2 counts their construction as the first call."""
    inner = {layer.get("name") for layer in own["layers"] if layer["class_name"] in MODELS}
    references = [
        part
        for layer in own["layers"]
        for node in layer.get("inbound_nodes", ())
        if isinstance(node, list)
        for part in node
        if isinstance(part, list) and part and part[0] in inner
    ]
    ends = own.get("output_layers") or []
    references += [end for end in ([ends] if ends and isinstance(ends[0], str) else ends) if end and end[0] in inner]
    calls = {name: sorted({part[1] for part in references if part[0] == name}) for name in inner}
    for part in references:
        part[1] = calls[part[0]].index(part[1])


def _leaky_relu(own: dict[str, Any]) -> dict[str, Any]:
    if "alpha" in own:
        own["negative_slope"] = own.pop("alpha")
    return own


def _thresholded_relu(own: dict[str, Any]) -> dict[str, Any]:
    own["threshold"] = own.pop("theta", 1.0)
    return own


def _one_axis(own: dict[str, Any]) -> dict[str, Any]:
    if isinstance(own.get("axis"), list) and len(own["axis"]) == 1:
        own["axis"] = own["axis"][0]
    return own


_CHANGED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "LeakyReLU": _leaky_relu,
    "ThresholdedReLU": _thresholded_relu,
    "BatchNormalization": _one_axis,
    "BatchNormalizationV1": _one_axis,
    "BatchNormalizationV2": _one_axis,
}


# --- activations ------------------------------------------------------------------------------------------


def keep_activations(model_layers: list, keras: Any) -> bool:
    """Replaces Keras 3's `hard_sigmoid` in layers by that of Keras 2; returns whether any layer uses it."""

    def hard_sigmoid(values):
        """The piecewise linear sigmoid of Keras 2: slope 0.2 where Keras 3 has 1/6."""
        return keras.ops.clip(0.2 * values + 0.5, 0.0, 1.0)

    changed = [layer for layer in model_layers if getattr(layer, "activation", None) is keras.activations.hard_sigmoid]
    for layer in changed:
        layer.activation = hard_sigmoid
    return bool(changed)
