"""Conversion of pictures: uploads into a network's input, and arrays into PNGs."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.data.pictures import decode, fitted, has_light_edge
from explorer.data.spec import DatasetSpec
from explorer.palette import NEUTRAL

# longest side of the stored copy of the original, which is only displayed
SHOWN_SIDE = 512


@dataclass(frozen=True, eq=False)
class Upload:
    """An uploaded picture: `original` as PNG bytes, `image` uint8 `[*image_shape]` as the network sees it."""

    original: bytes
    image: np.ndarray
    description: str


def read_upload(content: bytes, name: str, spec: DatasetSpec) -> Upload:
    """Converts a picture of any size and mode to an image of a data set; raises `InputError` with one sentence.

    It is rotated by its EXIF data, blended with white where it is transparent, cropped to the shape of the data set's
    images around its centre, and resized.
    """
    picture, kind = decode(content, f"image: {name!r}")
    width, height = picture.size
    small = picture.copy()
    small.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    image, changes = _as_seen(picture, spec)
    description = f"{kind}, {width:,} × {height:,} pixels" + "".join(f", {change}" for change in changes)
    return Upload(_png(small), image, description)


def _as_seen(picture, spec: DatasetSpec) -> tuple[np.ndarray, list[str]]:
    image, changes = fitted(picture, *spec.image_shape[:2], spec.channels)
    if spec.dark_background and has_light_edge(image):
        image = 255 - image
        changes.append("inverted to light on dark, like the images of the data set")
    scaled = np.rint(image.astype(np.float64) * spec.max_value / 255).astype(np.uint8)
    return scaled.reshape(spec.image_shape), changes


# --- arrays as pictures -----------------------------------------------------------------------------------


def png_uri(image: np.ndarray, max_value: int = 255) -> str:
    """An image uint8 `[height, width]` or `[height, width, 1, 3 or 4]` as the `data:` URI of a PNG."""
    return as_uri(_png(_picture(image, max_value)))


def points_uri(points: np.ndarray, colors: Sequence[str], edge: float) -> str:
    """Points in a plane, float `[N, 2]`, each in its colour, as the `data:` URI of a square SVG, -`edge` to `edge`."""
    axes = f'<path d="M{-edge} 0H{edge}M0 {-edge}V{edge}" stroke="{NEUTRAL}" stroke-width="{edge / 100}"/>'
    radius = edge / (12 if len(points) == 1 else 45)
    dots = "".join(
        f'<circle cx="{x:.2f}" cy="{-y:.2f}" r="{radius:.2f}" fill="{color}"/>'
        for (x, y), color in zip(points, colors, strict=True)
    )
    frame = f'xmlns="http://www.w3.org/2000/svg" viewBox="{-edge} {-edge} {2 * edge} {2 * edge}"'
    svg = f"<svg {frame}>{axes}{dots}</svg>"
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def as_uri(png: bytes) -> str:
    """PNG bytes as a `data:` URI."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def filter_sheet(filters: np.ndarray, columns: int, gap: int = 1) -> bytes:
    """The weights of units, float32 `[n, *image_shape]`, as one PNG of tiles, in which grey is zero.

    Each tile is scaled by its own largest weight, so that its pattern is visible at any magnitude.
    """
    count, rows, width = len(filters), *filters.shape[1:3]
    channels = filters.shape[3] if filters.ndim == 4 else 1
    lines = -(-count // columns)
    sheet = np.zeros((lines * (rows + gap) - gap, columns * (width + gap) - gap, 4), np.uint8)
    for number, weights in enumerate(filters):
        top, left = (number // columns) * (rows + gap), (number % columns) * (width + gap)
        largest = np.abs(weights).max() or 1.0
        tile = np.rint(127.5 + 127.5 * weights / largest).astype(np.uint8).reshape(rows, width, channels)
        sheet[top : top + rows, left : left + width, :3] = tile
        sheet[top : top + rows, left : left + width, 3] = 255
    return _png(_picture(sheet, 255))


def _picture(image: np.ndarray, max_value: int):
    from PIL import Image

    if max_value != 255:
        image = np.rint(np.clip(image.astype(np.float64) / max_value, 0, 1) * 255)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    return Image.fromarray(np.ascontiguousarray(image.astype(np.uint8)))


def proportions(shape: tuple[int, ...]) -> str:
    """The CSS value of `aspect-ratio` for images of shape (height, width, …); points in a plane are in a square."""
    return f"{shape[1]}/{shape[0]}" if len(shape) > 1 else "1/1"


def _png(picture) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()
