"""importlib.resources for packages that live in the executable.

A ``VirtualPath`` is the ``Traversable`` of a file or directory in the blob. Its methods behave like those of
``pathlib.Path`` where both have them, errors included.
"""

import errno
import io
import os
from importlib.resources.abc import Traversable, TraversableResources

import _oxidize


class VirtualPath(Traversable):
    """A path below the virtual root."""

    __slots__ = ("_path",)

    def __init__(self, path):
        self._path = path

    def _error(self, number):
        return OSError(number, os.strerror(number), self._path)

    @property
    def name(self):
        return os.path.basename(self._path)

    @property
    def stem(self):
        return os.path.splitext(self.name)[0]

    @property
    def suffix(self):
        return os.path.splitext(self.name)[1]

    @property
    def parent(self):
        return VirtualPath(os.path.dirname(self._path))

    def exists(self):
        return _oxidize.stat(self._path) is not None

    def is_dir(self):
        found = _oxidize.stat(self._path)
        return found is not None and found[0]

    def is_file(self):
        found = _oxidize.stat(self._path)
        return found is not None and not found[0]

    def iterdir(self):
        names = _oxidize.listdir(self._path)
        if names is None:
            raise self._error(errno.ENOTDIR if self.exists() else errno.ENOENT)
        for name in names:
            yield VirtualPath(os.path.join(self._path, name))

    def joinpath(self, *descendants):
        parts = (os.fspath(part) for part in descendants)
        return VirtualPath(os.path.normpath(os.path.join(self._path, *parts)))

    __truediv__ = joinpath

    def read_bytes(self):
        return _oxidize.read(self._path)

    def read_text(self, encoding=None, errors=None):
        with self.open("r", encoding=encoding, errors=errors) as stream:
            return stream.read()

    def open(self, mode="r", buffering=-1, encoding=None, errors=None, newline=None):
        if set(mode) - set("rbt"):
            raise self._error(errno.EROFS)
        stream = io.BytesIO(_oxidize.read(self._path))
        if "b" in mode:
            return stream
        return io.TextIOWrapper(stream, io.text_encoding(encoding), errors, newline)

    def __fspath__(self):
        return self._path

    def __str__(self):
        return self._path

    def __repr__(self):
        return f"VirtualPath({self._path!r})"

    def __eq__(self, other):
        return self._path == other._path if isinstance(other, VirtualPath) else NotImplemented

    def __hash__(self):
        return hash(self._path)


class Reader(TraversableResources):
    """What the importer's ``get_resource_reader`` returns for a package."""

    def __init__(self, directory):
        self._directory = directory

    def files(self):
        return VirtualPath(self._directory)

    def resource_path(self, resource):
        # There is no such file on disk; importlib.resources.path() then makes a temporary one.
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.path.join(self._directory, resource))
