"""The Keras code that yields the training images of a configuration in batches, augmented as in the explorer."""

from explorer.config import FIELDS, OFF, TrainingConfig

_HEAD = '''
def batches():
    """Yields batches of training data, {order} each epoch, depending only on the seed."""
    for epoch in range(1, EPOCHS + 1):
        order = np.random.default_rng([SEED, epoch]).permutation(len(x_train))'''
_PLAIN = """
        for start in range(0, len(order), BATCH_SIZE):
            chosen = order[start : start + BATCH_SIZE]
            yield x_train[chosen], y_train[chosen]"""
_ORDERED = """
        images, labels = x_train[order], y_train[order]"""
_FLIP = """
        flipped = np.random.default_rng([SEED, epoch, 1]).random(len(order)) < 0.5
        images[flipped] = images[flipped, :, ::-1]"""
_SHIFT = """
        corners = np.random.default_rng([SEED, epoch, 2]).integers(-SHIFT, SHIFT + 1, (len(order), 2))
        windows = zip(np.pad(images, {edges}), SHIFT - corners, strict=True)
        images = np.array([image[i : i + {height}, j : j + {width}] for image, (i, j) in windows])"""
_SHARES = """
        shares = np.random.default_rng([SEED, epoch, 3]).beta(MIXUP, MIXUP, STEPS)"""
_YIELD = """
        for start in range(0, len(order), BATCH_SIZE):
            yield images[start : start + BATCH_SIZE], labels[start : start + BATCH_SIZE]"""
_MIX = """
        for start, share in zip(range(0, len(order), BATCH_SIZE), shares, strict=True):
            batch = images[start : start + BATCH_SIZE], labels[start : start + BATCH_SIZE]
            yield tuple(share * part + (1 - share) * part[::-1] for part in batch)"""


def batches(config: TrainingConfig, image_shape: tuple[int, ...]) -> str:
    """The code of the function `batches`."""
    flips, mixes = has_flips(config), config.mixup > 0
    if not (flips or has_shifts(config) or mixes):
        return _HEAD.replace("{order}", "in a new order") + _PLAIN
    code = _HEAD.replace("{order}", "in a new order and newly augmented") + _ORDERED
    return code + _FLIP * flips + _shift(config, image_shape) + (_SHARES + _MIX if mixes else _YIELD)


def _shift(config: TrainingConfig, image_shape: tuple[int, ...]) -> str:
    if not has_shifts(config):
        return ""
    height, width = image_shape[:2]
    edges = ["(0, 0)", "(SHIFT, SHIFT)", "(SHIFT, SHIFT)", "(0, 0)"][: len(image_shape) + 1]
    return _SHIFT.format(edges=f"[{', '.join(edges)}]", height=height, width=width)


def constants(config: TrainingConfig) -> list[str]:
    """The lines that set the strengths of augmentation."""
    values = {"SHIFT": config.shift} if has_shifts(config) else {}
    values |= {"MIXUP": config.mixup} if config.mixup else {}
    return [f"{', '.join(values)} = {', '.join(map(repr, values.values()))}"] if values else []


def has_flips(config: TrainingConfig) -> bool:
    """Whether images are flipped."""
    return config.flip != OFF and FIELDS["flip"].matters(vars(config))


def has_shifts(config: TrainingConfig) -> bool:
    """Whether images are shifted."""
    return config.shift > 0 and FIELDS["shift"].matters(vars(config))


def has_shares(config: TrainingConfig) -> bool:
    """Whether labels are shares of the classes, which Keras takes one-hot."""
    return config.mixup > 0 or config.label_smoothing > 0
