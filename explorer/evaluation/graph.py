"""Facts read from the graph of an opened Keras model: its layers in order, its ending, and its penalties."""

from explorer.evaluation.outputs import Ending

# layers that pass their inputs on unchanged at prediction
PASSING = frozenset({"Identity", "Reshape", "Flatten", "Permute", "ActivityRegularization"}) | {
    "Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"
}  # fmt: skip
# layers after which outputs still come from the activations before them
KEEPING = PASSING | {"Add", "Average", "Maximum", "Minimum", "Rescaling"}
OVER_AN_AXIS = ("Softmax", "UnitNormalization")


def flat(model) -> list:
    """The layers of a model, with nested models replaced by their layers."""
    layers = []
    for layer in model.layers:
        layers += flat(layer) if hasattr(layer, "layers") else [layer]
    return layers


def ending(model) -> Ending:
    """The activations that the outputs of a model come from, skipping layers that leave values unchanged."""
    kinds, last, waiting, seen = set(), "", [(model.outputs[0], ())], set()
    while waiting:
        tensor, around = waiting.pop()
        place = (id(tensor), *map(id, around))
        if place in seen:
            continue
        seen.add(place)
        layer, node, _ = tensor._keras_history
        given = layer._inbound_nodes[node].input_tensors
        kind, activation = type(layer).__name__, _activation(layer)
        if hasattr(layer, "layers"):
            waiting.append((layer.outputs[0], (*around, given[0])))
        elif kind == "InputLayer" and around:
            waiting.append((around[-1], around[:-1]))
        elif (kind in KEEPING or (kind == "Activation" and activation == "linear")) and given:
            waiting += [(one, around) for one in given]
        else:
            kinds.add(kind.lower() if activation in ("", "linear") else activation)
        if not hasattr(layer, "layers") and not last:
            last = f"{kind} ({activation})" if activation and kind in ("Dense", "Activation") else kind
    return Ending(frozenset(kinds), last)


def _activation(layer) -> str:
    if type(layer).__name__ in ("Softmax", "ReLU"):
        return type(layer).__name__.lower()
    function = getattr(layer, "activation", None)
    return "" if function is None else getattr(function, "__name__", type(function).__name__).lower()


def unknown_penalty(model) -> str | None:
    """The name of a layer whose activities are penalized by more than L1 and L2, which Keras itself cannot evaluate."""
    for layer in flat(model):
        regularizer = getattr(layer, "activity_regularizer", None)
        if regularizer is not None and type(regularizer).__name__ not in ("L1", "L2", "L1L2"):
            return layer.name
    return None


def mixes_images(model) -> str | None:
    """The name of a layer that normalizes over the images of a batch, so that predictions depend on each other."""
    for layer in flat(model):
        if type(layer).__name__ in OVER_AN_AXIS and layer._inbound_nodes:
            rank = len(layer._inbound_nodes[0].output_tensors[0].shape)
            axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
            if any(axis % rank == 0 for axis in axes):
                return layer.name
    return None


def penalty_words(model) -> str:
    """The kinds of regularizers of a model, such as `L2, activity`; empty without one."""
    kinds = []
    for layer in flat(model):
        regularizers = {getattr(variable, "regularizer", None) for variable in layer.trainable_weights}
        kinds += [_regularizer(one) for one in regularizers if one is not None]
        if getattr(layer, "activity_regularizer", None) is not None:
            kinds.append("activity")
    return ", ".join(sorted(set(kinds), key=lambda kind: (kind == "activity", kind)))


def _regularizer(regularizer) -> str:
    name = type(regularizer).__name__
    if name == "L1L2":
        return "+".join(part for part in ("L1", "L2") if getattr(regularizer, part.lower())) or "L1L2"
    return "orthogonal" if name == "OrthogonalRegularizer" else name
