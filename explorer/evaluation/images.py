"""Conversion of pictures: uploads into a network's input, and arrays into PNGs.

An upload may be anything: it is checked before it is decoded, and only three formats are decoded.
"""

import base64
import io
from dataclasses import dataclass

import numpy as np

from explorer.data.datasets import DatasetSpec
from explorer.errors import InputError

FORMATS = ("PNG", "JPEG", "WEBP")
ALLOWED = "a PNG, JPEG or WebP image"
LARGEST_UPLOAD = 20 * 2**20
MOST_PIXELS = 50_000_000
# longest side of the stored copy of the original, which is only displayed
SHOWN_SIDE = 512


@dataclass(frozen=True, eq=False)
class Upload:
    """An uploaded picture: `original` as PNG bytes, `image` uint8 `[*image_shape]` as the network sees it."""

    original: bytes
    image: np.ndarray
    words: str


def read_upload(content: bytes, name: str, spec: DatasetSpec) -> Upload:
    """Converts a picture of any size and mode to an image of a data set; raises `InputError` with one sentence.

    It is rotated by its EXIF data, blended with white where it is transparent, cropped to its central square and
    resized.
    """
    picture, kind = _decode(content, f"image: {name!r}")
    width, height = picture.size
    shown = picture.copy()
    shown.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    image, changes = _as_seen(picture, spec)
    words = f"{kind}, {width:,} × {height:,} pixels" + "".join(f", {change}" for change in changes)
    return Upload(_png(shown), image, words)


def _decode(content: bytes, shown: str):
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not content:
        raise InputError(f"{shown} is empty (0 bytes); it must be {ALLOWED}")
    if len(content) > LARGEST_UPLOAD:
        raise InputError(f"{shown} has more than {LARGEST_UPLOAD // 2**20} MiB; choose a smaller image")
    if content[:6] in (b"GIF87a", b"GIF89a"):
        raise InputError(f"{shown} is a GIF; it must be {ALLOWED}")
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
        width, height = picture.size
        if width * height > MOST_PIXELS:
            raise InputError(
                f"{shown} has {width:,} × {height:,} pixels; at most {MOST_PIXELS // 10**6} million are allowed"
            )
        kind = "JPEG" if picture.format == "MPO" else picture.format  # several JPEGs in one file, as some cameras write
        if getattr(picture, "is_animated", False) and kind != "JPEG":
            raise InputError(f"{shown} is animated; it must be {ALLOWED} without animation")
        picture.load()
        return _as_rgb(ImageOps.exif_transpose(picture)), kind
    except UnidentifiedImageError as error:
        raise InputError(f"{shown} cannot be read as an image; it must be {ALLOWED}") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{shown} has too many pixels; at most {MOST_PIXELS // 10**6} million are allowed") from error
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        MemoryError,
        OverflowError,
    ) as error:  # raised by Pillow for damaged files
        raise InputError(f"{shown} is truncated or damaged; it must be {ALLOWED}") from error


def _as_rgb(picture):
    from PIL import Image

    if picture.mode.startswith("I") or picture.mode == "F":  # grey of 16 or 32 bits
        values = np.asarray(picture, dtype=np.float64)
        top = 65535.0 if values.max(initial=0) > 255 else 255.0
        picture = Image.fromarray(np.clip(values * 255 / top, 0, 255).astype(np.uint8))
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def _as_seen(picture, spec: DatasetSpec) -> tuple[np.ndarray, list[str]]:
    from PIL import Image

    changes = []
    width, height = picture.size
    side = min(width, height)
    if width != height:
        left, top = (width - side) // 2, (height - side) // 2
        picture = picture.crop((left, top, left + side, top + side))
        changes.append("cropped to its central square")
    rows, columns = spec.image_shape[:2]
    if len(spec.image_shape) == 2:
        picture = picture.convert("L")
    if picture.size != (columns, rows):
        picture = picture.resize((columns, rows), Image.Resampling.BOX if side > columns else Image.Resampling.BICUBIC)
        changes.append(f"{'shrunk' if side > columns else 'enlarged'} to {columns} × {rows}")
    image = np.asarray(picture).astype(np.float64)
    if len(spec.image_shape) == 2:
        edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        if edge.mean() > 127:
            image = 255 - image
            changes.append("inverted to light on dark, like the digits of the data set")
    scaled = np.rint(image * spec.max_value / 255).astype(np.uint8)
    return scaled, changes


# --- arrays as pictures -----------------------------------------------------------------------------------


def png_uri(image: np.ndarray, max_value: int = 255) -> str:
    """An image uint8 `[height, width]` or `[height, width, 3]` as the `data:` URI of a PNG."""
    return as_uri(_png(_picture(image, max_value)))


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
    return Image.fromarray(np.ascontiguousarray(image.astype(np.uint8)))


def _png(picture) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()
