"""Downloading what is published from a web server, resuming what an earlier attempt or another server began."""

import http.client
import re
import urllib.request
from contextlib import closing
from functools import partial

from explorer.data.dataset_file import discard, size
from explorer.data.download.connection import response_and_pieces
from explorer.data.download.errors import Broken
from explorer.data.download.job import Arrays, Job, Source
from explorer.data.download.readers import is_whole, read_published
from explorer.data.formats import Unusable
from explorer.data.origin import WebFile


def server(address: str) -> Source:
    """The source that downloads what is published from this server."""
    return Source(address, partial(_download, address=address))


def _download(job: Job, address: str) -> Arrays:
    published, before = job.origin.published, 0
    for file in published.files:
        _download_file(job, file, published.address(address, file), before)
        before += file.bytes
    return read_published(job, {file.name: job.part(file) for file in published.files})


def _download_file(job: Job, file: WebFile, url: str, before: int) -> None:
    """Downloads and verifies one file; `before` are the bytes of the files that are already here."""
    part = job.part(file)
    resumed = size(part) > 0
    while (there := size(part)) != file.bytes:
        try:
            _download_on(job, file, url, before)
        except Broken:
            # continue only with a server that makes progress; otherwise try the next source
            if size(part) - max(0, there) < file.bytes / 100:
                raise
    job.report("checking")
    if is_whole(part, file):
        return
    discard(part)
    if resumed:  # the wrong bytes may be from the earlier attempt
        return _download_file(job, file, url, before)
    raise Unusable("the server sent a different file (the SHA-256 differs)")


def _download_on(job: Job, file: WebFile, url: str, before: int) -> None:
    """Appends what is missing to the partial file; raises `Broken` when the connection ends early."""
    part, total = job.part(file), job.origin.published.bytes
    done = max(0, size(part))
    if done > file.bytes:
        discard(part)
        done = 0
    job.report("downloading", before + done, total)
    headers = {"User-Agent": "deep-network-explorer"} | ({"Range": f"bytes={done}-"} if done else {})
    request = urllib.request.Request(url, headers=headers)
    with closing(response_and_pieces(job, request)) as pieces:
        done = _offset(next(pieces), done, file.bytes)
        with job.writing(), part.open("ab") as content:
            content.truncate(done)
            for piece in pieces:
                content.write(piece[: file.bytes - done])
                done += len(piece)
                job.report("downloading", before + done, total)
                if done >= file.bytes:
                    return
    raise Broken(f"the connection ended after {done / 1e6:.1f} of {file.bytes / 1e6:.1f} MB")


def _offset(response: http.client.HTTPResponse, done: int, total: int) -> int:
    """The offset in the file at which the response begins; raises `Unusable` for a file of another size."""
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        if not re.fullmatch(rf"bytes {done}-\d+/{total}", response.headers.get("Content-Range", "")):
            raise Unusable("the server sent a different part of the file than requested, or a different file")
        return done
    if (length := response.headers.get("Content-Length")) not in (None, str(total)):
        raise Unusable(f"the server offers {length} bytes instead of {total}")
    return 0
