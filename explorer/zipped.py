"""Checks of a zip file that may come from anywhere, made before anything in it is unpacked."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from tokenize import TokenError

from explorer.errors import quoted

MEBIBYTE = 2**20
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# a small file may shrink to nothing and harms nobody
SMALL = 16 * MEBIBYTE
# what is raised for damaged bytes: by zipfile, and by NumPy for an array, whose header it reads as Python's tokens
DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, struct.error, OverflowError),
    *(SyntaxError, TokenError),
)


@contextmanager
def damage_as(error: Exception) -> Iterator[None]:
    """Raises an error instead of whatever `zipfile` raises for a damaged file."""
    try:
        yield
    except DAMAGE as fault:
        raise error from fault


def fault_of(entry: zipfile.ZipInfo) -> str:
    """What is unsafe about an entry, to follow the name of the archive in a sentence; empty if nothing is."""
    name = entry.filename
    parts = name.rstrip("/").split("/")
    if "\\" in name or ":" in parts[0][:2] or any(part in ("", ".", "..") for part in parts):
        return f"contains the path {quoted(name[:80])}, which is not allowed"
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return f"contains {quoted(name[:80])}, which is a link or a device, not a file"
    if entry.flag_bits & 1:
        return "is encrypted"
    if entry.compress_type not in PACKINGS:
        return "is compressed in a way that is not supported; zip it without special options"
    return ""


def growth_of(entries: Collection[zipfile.ZipInfo], most: int) -> str:
    """That the entries would grow by more than a factor when unpacked, as `fault_of` says it; empty if not."""
    unpacked, packed = (sum(getattr(entry, size) for entry in entries) for size in ("file_size", "compress_size"))
    if unpacked <= max(SMALL, most * max(1, packed)):
        return ""
    return (
        f"would grow from {packed / MEBIBYTE:,.1f} to {unpacked / MEBIBYTE:,.0f} MiB when unpacked, "
        "which is not allowed"
    )
