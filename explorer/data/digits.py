"""Digits: 1,797 scanned digits of 8 × 8 pixels, which come with scikit-learn."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.data.dataset_file import Layout, Part
from explorer.data.origin import Installed
from explorer.data.spec import DatasetSpec
from explorer.errors import DataError

if TYPE_CHECKING:
    from explorer.data.origin import Arrays


def digits_file() -> Path:
    """The path of scikit-learn's digits, found without importing scikit-learn, which takes over a second."""
    package = importlib.util.find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise DataError("scikit-learn is not installed; run `pip install -r requirements.txt`")
    return Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"


def read_digits(path: Path | None = None) -> "Arrays":
    """Reads images uint8 `[1797, 8, 8]` and labels uint8 `[1797]`, through scikit-learn if `path` does not exist."""
    import numpy as np

    path = path or digits_file()
    if path.is_file():
        table = np.loadtxt(path, delimiter=",").astype(np.uint8)
        return {"x_train": table[:, :-1].reshape(-1, 8, 8), "y_train": table[:, -1].copy()}
    from sklearn.datasets import load_digits

    digits = load_digits()
    return {"x_train": digits.images.astype(np.uint8), "y_train": digits.target.astype(np.uint8)}


DIGITS = DatasetSpec(
    name="digits",
    title="Digits (8×8)",
    class_names=tuple("0123456789"),
    max_value=16,
    dark_background=True,
    licence="CC BY 4.0",
    source="https://archive.ics.uci.edu/dataset/80",
    citation="E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits. UCI Machine Learning Repository, 1998",
    layout=Layout(
        (
            Part("x_train", (1_797, 8, 8), "8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3"),
            Part("y_train", (1_797,), "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0"),
        )
    ),
    origin=Installed("scikit-learn", digits_file, read_digits),
    loading="""
from sklearn.datasets import load_digits

digits = load_digits()
x, y = digits.images.astype("uint8"), digits.target
""",
)
