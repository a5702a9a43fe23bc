"""Adding a data set: its files are read and checked, divided, reported on, and stored; one task of a task process."""

import hashlib
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.data.dataset_file import data_folder
from explorer.data.own import registry
from explorer.data.own.collected import Collected
from explorer.data.own.description import Description, PictureSize, Report, StoredPart
from explorer.data.own.dividing import shuffled_order, stratified_order
from explorer.data.own.limits import (
    LARGEST_SIDE,
    LONGEST_FEATURE_NAME,
    MEBIBYTE,
    MOST_LISTED,
    MOST_STORED,
    SMALLEST_SIDE,
    USUAL_SEED,
    USUAL_SIDE,
)
from explorer.data.own.progress import Progress
from explorer.data.split import split_indices
from explorer.errors import FieldError, InputError, quoted
from explorer.plain_text import plain

if TYPE_CHECKING:
    import numpy as np

SIZE_ALLOWED = f"a number of pixels from {SMALLEST_SIDE} to {LARGEST_SIDE}, or height and width such as 20x30"
PATH_ALLOWED = "the path of a folder with one folder per class, a .zip of one, an .npz or a .csv file"
PLACE_ALLOWED = "the path of a file or folder below EXPLORER_DATA, the data folder of the server"
FEW_VALUES = 64  # a photograph has brighter pixels
MOST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Request:
    """A data set to add: its name, its file or folder, what messages call that, and how it is read.

    `size` is (height, width), or None for the usual one, which for arrays is their own; `label` is a table's column of
    classes, empty for one that is called so. `work` is the folder of its `Progress`, if anyone looks at that.
    """

    name: str
    path: str
    title: str
    size: tuple[int, int] | None = None
    grey: bool = False
    seed: int = USUAL_SEED
    label: str = ""
    work: str = ""


def parse_size(text: str) -> tuple[int, int]:
    """Height and width from a text such as `32` or `20x30`; raises `FieldError`."""
    match = re.fullmatch(r"(\d{1,4})(?:[x×](\d{1,4}))?", text.strip())
    sides = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in sides):
        raise FieldError("size", text, SIZE_ALLOWED)
    return sides


def below_data_folder(text: str) -> Path:
    """The file or folder at a path below the data folder; raises `FieldError` for any other."""
    root = data_folder().resolve()
    path = (root / text.strip()).resolve() if text.strip() and "\0" not in text else root
    if path == root or not path.is_relative_to(root) or not path.exists():
        raise FieldError("path", text, PLACE_ALLOWED)
    return path


def check_name(name: str) -> str:
    """The name if a data set may be given it; raises `FieldError`."""
    from explorer.data.datasets import DATASETS

    if name in DATASETS:
        raise FieldError("name", name, "a name that no built-in data set has")
    return registry.check_name(name)


def add(request: Request) -> Description:
    """Reads a data set, stores it and returns its description; raises `InputError` or `DataError` with one sentence."""
    check_name(request.name)
    progress = Progress(request.work)
    progress.check()
    collected = _read(request, progress)
    collected.check(f"data: {quoted(request.title)}")
    description, content = describe(request, collected)
    _check_new(description)
    progress.check()
    registry.write(description, content)
    return description


def _read(request: Request, progress: Progress) -> Collected:
    from explorer.data.own.arrays import read_npz
    from explorer.data.own.pictures_in_folders import Shape, read_folder, read_zip
    from explorer.data.own.tables import read_csv

    path = Path(request.path)
    kind = "" if path.is_dir() else Path(request.title).suffix.lower()
    if kind == ".csv":
        if request.size or request.grey:
            field, value = ("size", "x".join(map(str, request.size))) if request.size else ("grey", "true")
            raise FieldError(field, value, "left out for a table")
        return read_csv(path, request.title, request.label)
    if request.label:
        raise FieldError("label", request.label, "left out for images; it names a column of a .csv file")
    shape = Shape(*(request.size or (USUAL_SIDE, USUAL_SIDE)), request.grey)
    if path.is_dir():
        return read_folder(path, shape, progress)
    if kind == ".npz":
        return read_npz(path, request.title, shape if request.size or request.grey else None)
    if kind == ".zip":
        return read_zip(path, request.title, shape, progress)
    raise FieldError("path", request.title, PATH_ALLOWED)


def _check_new(description: Description) -> None:
    """Raises `InputError` for images that are here under another name, or a name that other images have."""
    for known in registry.descriptions().values():
        if registry.is_here(known) and known.hash == description.hash and known.name != description.name:
            raise InputError(f"data: these images and labels have already been added as {known.name!r}")
        if registry.is_here(known) and known.name == description.name and known.hash != description.hash:
            raise InputError(
                f"name: {description.name!r} is already the name of a different data set; choose another name, or "
                f"remove that one first with `python -m explorer data remove {description.name}`"
            )


# --- the description --------------------------------------------------------------------------------------


def describe(request: Request, collected: Collected) -> tuple[Description, bytes]:
    """The description of a data set, and the bytes of its arrays in their final order."""
    import numpy as np

    digests = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in collected.images]
    test_digests = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in collected.test_images]
    order = stratified_order(collected.labels, digests, request.seed)
    test_order = shuffled_order(collected.test_labels, test_digests, request.seed)
    arrays: dict[str, np.ndarray] = {"x_train": collected.images[order]}
    if len(test_order):
        arrays["x_test"] = collected.test_images[test_order]
    arrays["y_train"] = collected.labels[order].astype(np.uint8)
    if len(test_order):
        arrays["y_test"] = collected.test_labels[test_order].astype(np.uint8)
    if (size := sum(array.nbytes for array in arrays.values())) > MOST_STORED:
        most = MOST_STORED // MEBIBYTE
        raise InputError(
            f"data: {quoted(request.title)} has data of {size // MEBIBYTE:,} MiB; at most {most:,} are allowed"
        )
    parts = tuple(
        StoredPart(name, array.shape, hashlib.sha256(np.ascontiguousarray(array)).hexdigest())
        for name, array in arrays.items()
    )
    labels = collected.labels[order]
    description = Description(
        name=request.name,
        class_names=collected.class_names,
        max_value=_max_value(collected.images),
        dark_background=_dark(collected.images),
        seed=request.seed,
        parts=parts,
        report=_report(request, collected, labels, [digests[place] for place in order], test_digests),
        label=plain(request.label, LONGEST_FEATURE_NAME),
        feature_names=tuple(plain(name, LONGEST_FEATURE_NAME) or "?" for name in collected.feature_names),
    )
    return description, b"".join(array.tobytes() for array in arrays.values())


def _max_value(images: "np.ndarray") -> int:
    """The largest value of a pixel: 255, or where all are small, as of scanned digits from 0 to 16, the largest.

    Of a table, the largest of all numbers without their signs, rounded up.
    """
    if images.ndim == 2:  # a table
        return max(1, math.ceil(abs(images).max()))
    largest = int(images.max())
    return 255 if largest >= FEW_VALUES else max(1, largest)


def _dark(images: "np.ndarray") -> bool:
    """Whether most images are light on dark, as scanned digits are: nine of ten have an edge that is almost black."""
    import numpy as np

    if images.ndim == 2:  # a table
        return False

    edges = [images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]]
    means = np.concatenate([edge.reshape(len(images), -1) for edge in edges], axis=1).mean(axis=1)
    return bool((means < 16).mean() >= 0.9)


def _report(
    request: Request, collected: Collected, labels: "np.ndarray", digests: list[bytes], test_digests: list[bytes]
) -> Report:
    import numpy as np

    def per_class(chosen: "np.ndarray") -> tuple[int, ...]:
        return tuple(np.bincount(chosen, minlength=len(collected.class_names)).tolist())

    train, validation = split_indices(len(labels))
    in_training = {digests[place] for place in train}
    classes: dict[bytes, set[int]] = {}
    for digest, label in zip(digests, labels, strict=True):
        classes.setdefault(digest, set()).add(int(label))
    sizes = [PictureSize(*size, files) for size, files in collected.sizes.most_common(MOST_LISTED)]
    return Report(
        source=request.title[-255:],
        train=per_class(labels[train]),
        validation=per_class(labels[validation]),
        test=per_class(collected.test_labels) if len(collected.test_labels) else (),
        sizes=tuple(sizes),
        all_sizes=len(collected.sizes),
        twice=len(train) - len(in_training),
        validation_in_training=sum(digests[place] in in_training for place in validation),
        test_in_training=sum(digest in in_training for digest in test_digests),
        contradictory=sum(len(classes[digest]) > 1 for digest in digests),
        unreadable=tuple(text[:255] for text in collected.unreadable[:MOST_LISTED]),
        all_unreadable=len(collected.unreadable),
        ignored=tuple(name[:255] for name in collected.ignored[:MOST_LISTED]),
        all_ignored=len(collected.ignored),
        scaled=collected.scaled,
        redivided=collected.redivided,
        columns=tuple(collected.columns[:MOST_LISTED]),
        all_columns=len(collected.columns),
    )
