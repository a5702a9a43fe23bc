"""A reader for IDX files, the format of MNIST: a header of big-endian numbers, then bytes; gzipped or not."""

import math
import struct
import zlib
from collections.abc import Mapping

import numpy as np

from explorer.data.dataset_file import Layout
from explorer.data.formats import Unusable

BYTES = 8  # the code of the type of the values


def from_idx(files: Mapping[str, bytes], names: Mapping[str, str], layout: Layout) -> dict[str, np.ndarray]:
    """Reads the arrays of the layout; `names` says which file holds which.

    Raises `Unusable` for a file that is damaged or holds values of another shape or type.
    """
    return {name: _array(file, files[file], layout.shape(name)) for name, file in names.items()}


def header(shape: tuple[int, ...]) -> bytes:
    """The header of a file that holds unsigned bytes of this shape."""
    return struct.pack(f">HBB{len(shape)}I", 0, BYTES, len(shape), *shape)


def _array(file: str, content: bytes, shape: tuple[int, ...]) -> np.ndarray:
    start = header(shape)
    size = len(start) + math.prod(shape)
    content = _unzipped(file, content, size)
    if content[: len(start)] != start:
        raise Unusable(f"{file} is not an IDX file of {' × '.join(f'{side:,}' for side in shape)} bytes")
    if len(content) != size:
        raise Unusable(f"{file} has {len(content):,} bytes or more instead of {size:,}")
    return np.frombuffer(content, np.uint8, offset=len(start)).reshape(shape)


def _unzipped(file: str, content: bytes, size: int) -> bytes:
    """The content of a gzip file, or what is no gzip file as it is; never much more than `size` bytes."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    unzip = zlib.decompressobj(wbits=31)
    try:
        plain = unzip.decompress(content, size + 1)
    except zlib.error as error:
        raise Unusable(f"{file} is not a complete gzip file ({error})") from error
    if not unzip.eof and len(plain) <= size:
        raise Unusable(f"{file} is not a complete gzip file")
    return plain
