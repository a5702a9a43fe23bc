"""Downloading the archive from a web server, resuming what an earlier attempt or another server began."""

import hashlib
import http.client
import re
import urllib.request
from contextlib import closing
from functools import partial

from explorer.data import datasets
from explorer.data.download.archive import Arrays
from explorer.data.download.connection import response_and_pieces
from explorer.data.download.errors import Broken, Unusable
from explorer.data.download.job import Job, Source, size
from explorer.data.download.readers import read_tar


def mirror(url: str) -> Source:
    """The source that downloads the archive from this address."""
    return Source(url, partial(_download, url=url))


def _download(job: Job, url: str) -> Arrays:
    total = job.archive.file_bytes
    resumed = size(job.part) > 0
    while (before := size(job.part)) != total:
        try:
            _download_on(job, url)
        except Broken:
            # continue only with a server that makes progress; otherwise try the next source
            if size(job.part) - before < total / 100:
                raise
    job.report("checking")
    with job.part.open("rb") as file:
        right = hashlib.file_digest(file, "sha256").hexdigest() == job.archive.file_sha256
    if right:
        return read_tar(job, job.part)
    datasets.discard(job.part)
    if resumed:  # the wrong bytes may be from the earlier attempt
        return _download(job, url)
    raise Unusable("the server sent a different file (the SHA-256 differs)")


def _download_on(job: Job, url: str) -> None:
    """Appends what is missing to the partial file; raises `Broken` when the connection ends early."""
    done, total = size(job.part), job.archive.file_bytes
    if done > total:
        datasets.discard(job.part)
        done = 0
    job.report("downloading", done, total)
    headers = {"User-Agent": "deep-network-explorer"} | ({"Range": f"bytes={done}-"} if done else {})
    request = urllib.request.Request(url, headers=headers)
    with closing(response_and_pieces(job, request)) as pieces:
        done = _offset(next(pieces), done, total)
        with job.writing(), job.part.open("ab") as file:
            file.truncate(done)
            for piece in pieces:
                file.write(piece[: total - done])
                done += len(piece)
                job.report("downloading", done, total)
                if done >= total:
                    return
    raise Broken(f"the connection ended after {done / 1e6:.1f} of {total / 1e6:.1f} MB")


def _offset(response: http.client.HTTPResponse, done: int, total: int) -> int:
    """The offset in the file at which the response begins; raises `Unusable` for a file of another size."""
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        if not re.fullmatch(rf"bytes {done}-\d+/{total}", response.headers.get("Content-Range", "")):
            raise Unusable("the server sent a different part of the file than requested, or a different file")
        return done
    if (length := response.headers.get("Content-Length")) not in (None, str(total)):
        raise Unusable(f"the server offers {length} bytes instead of {total}")
    return 0
