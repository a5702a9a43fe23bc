"""Where a data set comes from: an installed package, or files on web servers and in packages of registries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.data.dataset_file import Layout

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, np.ndarray]
    # from the files of an archive or a folder, by name, to the arrays of a layout; raises `formats.Unusable`
    Reader = Callable[[Mapping[str, bytes], Layout], Arrays]


@dataclass(frozen=True)
class Installed:
    """The origin of a data set that comes with an installed package: its file there, and what reads its arrays."""

    package: str
    file: "Callable[[], Path]"
    read: "Callable[[], Arrays]"


@dataclass(frozen=True)
class Made:
    """The origin of a data set that is made by a rule, always the same: what makes its arrays."""

    read: "Callable[[], Arrays]"


@dataclass(frozen=True)
class WebFile:
    """A file on web servers, the same on each: its name, its size and its SHA-256."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Archive:
    """A `.tar.gz` on web servers, the same on each: its size, its SHA-256, and the files of a folder in it to read.

    The `mirrors` are tried in order, and `original`, the author's own server, last.
    """

    original: str
    mirrors: tuple[str, ...]
    bytes: int
    sha256: str
    folder: str
    members: tuple[str, ...]
    read: "Reader"

    @property
    def files(self) -> tuple[WebFile, ...]:
        """What is downloaded: the archive."""
        return (WebFile(self.original.rpartition("/")[2], self.bytes, self.sha256),)

    @property
    def local(self) -> tuple[str, str]:
        """What a path of the user's may be, and an example of it."""
        return f"{self.files[0].name}, {self.folder} folder", self.files[0].name

    def address(self, server: str, file: WebFile) -> str:
        """The address of a file on the original server or a mirror."""
        return server


@dataclass(frozen=True)
class Files:
    """Single files, perhaps gzipped, in folders on web servers; each address of a folder ends with a slash.

    The `mirrors` are tried in order, and `original`, the author's own server, last. `folder` is the usual name of a
    folder that holds them.
    """

    original: str
    mirrors: tuple[str, ...]
    files: tuple[WebFile, ...]
    folder: str
    read: "Reader"

    @property
    def bytes(self) -> int:
        """The size of all files together."""
        return sum(file.bytes for file in self.files)

    @property
    def members(self) -> tuple[str, ...]:
        """The names of the files to read."""
        return tuple(file.name for file in self.files)

    @property
    def local(self) -> tuple[str, str]:
        """What a path of the user's may be, and an example of it."""
        return f"{self.folder} folder with {self.files[0].name} and the others", self.folder

    def address(self, server: str, file: WebFile) -> str:
        """The address of a file on the original server or a mirror."""
        return server + file.name


@dataclass(frozen=True)
class NpmPackage:
    """An npm package that holds the same images in another form: its approximate size and the files to read."""

    name: str
    bytes: int
    members: tuple[str, ...]
    read: "Reader"


@dataclass(frozen=True)
class DebianPackage:
    """A Debian package with the same images: its approximate size, and the files to read in the folder it installs."""

    name: str
    bytes: int
    folder: str
    members: tuple[str, ...]
    read: "Reader"


@dataclass(frozen=True)
class Downloaded:
    """The origin of a data set that is downloaded: web servers, packages, or what Keras has in its cache.

    `keras_cache` holds the names of files and folders, packed or unpacked, in the folder `datasets` of Keras's cache.
    `file` names the file on this machine where several data sets are in one; else it has the data set's name.
    """

    published: Archive | Files
    packages: tuple[NpmPackage | DebianPackage, ...] = ()
    keras_cache: tuple[str, ...] = ()
    file: str = ""


@dataclass(frozen=True)
class Added:
    """The origin of a data set that a person has added: the name that they gave it.

    `options` are those of `data add` that make the same data set of the same files again, each after a space.
    """

    given: str
    options: str = ""
