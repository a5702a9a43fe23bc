"""Pictures of three classes that a network learns at once, as files in folders and in zip files."""

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"iris": (80, 40, 200), "rose": (200, 30, 60), "tulip": (230, 200, 30)}


def picture(colour: tuple[int, int, int], seed: int, size: tuple[int, int] = (24, 16)) -> Image.Image:
    """A noisy picture of one colour; `size` is (width, height)."""
    noise = np.random.default_rng(seed).normal(0, 30, (*size[::-1], 3))
    return Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    """The file of a picture."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def files(numbers: Mapping[str, int] | None = None, above: str = "") -> Iterator[tuple[str, bytes]]:
    """The files of each class by relative path; twelve pictures of each of three classes by default."""
    for place, (name, number) in enumerate((numbers or dict.fromkeys(COLOURS, 12)).items()):
        for seed in range(number):
            colour = tuple(COLOURS.values())[place % len(COLOURS)]
            yield f"{above}{name}/{seed}.png", encoded(picture(colour, 1000 * place + seed))


def write_folder(folder: Path, contents: Iterable[tuple[str, bytes]]) -> Path:
    """Writes files below a folder and returns it."""
    for name, content in contents:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def write_zip(path: Path, contents: Iterable[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    """Writes files into a zip file and returns its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in contents:
            file.writestr(name, content)
    return path
