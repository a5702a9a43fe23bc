"""Storing a data set: written under a temporary name, verified, and only then renamed."""

import hashlib
import os

import numpy as np

from explorer.data.dataset_file import Part, fault_of
from explorer.data.download.job import Arrays, Job
from explorer.data.formats import Unusable


def store(job: Job, arrays: Arrays) -> None:
    """Stores the arrays in the data set's file.

    Raises `Unusable` when they differ from the layout's arrays in any bit, `Unwritable` when the disk is full.
    """
    layout, temporary = job.spec.layout, job.work / job.path.name
    fitted = [_fit(arrays, part) for part in layout.parts]
    with job.writing(), temporary.open("wb") as file:
        digest = hashlib.sha256()
        for array in fitted:
            file.write(array)
            digest.update(array)
        if layout.sealed:
            file.write(digest.digest())
        file.flush()
        os.fsync(file.fileno())
    job.report("checking")
    if fault := fault_of(temporary, layout):
        raise Unusable(f"the images and labels differ from the original: {fault}")
    with job.writing():
        temporary.replace(job.path)


def _fit(arrays: Arrays, part: Part) -> np.ndarray:
    """Converts an array, which may hold wider integers or labels as a column, to the stored form; raises `Unusable`."""
    array = arrays[part.name]
    if array.dtype.kind not in "iu" or array.size != part.bytes:
        raise Unusable(f"{part.name} is {array.dtype} {array.shape} instead of uint8 {part.shape}")
    if array.dtype != np.uint8 and (array.min() < 0 or array.max() > 255):
        raise Unusable(f"{part.name} contains values outside 0…255")
    return np.ascontiguousarray(array.reshape(part.shape), dtype=np.uint8)
