# needs: posix
"""stat: size, kind, one time; the same from a path and a descriptor; numbers that tell files apart."""

import os
import stat


def run(directory):
    file = f"{directory}/data/words.txt"
    described = os.stat(file)
    assert described.st_size == 14 and stat.S_ISREG(described.st_mode) and described.st_nlink == 1
    assert described == os.lstat(file)
    assert described.st_mtime == described.st_ctime == described.st_atime == 946684800
    for path in (file, directory):
        descriptor = os.open(path, os.O_RDONLY)
        assert os.fstat(descriptor) == os.stat(path), (os.fstat(descriptor), os.stat(path))
        os.close(descriptor)
    seen = {}
    for top, directories, files in os.walk(directory):
        for name in directories + files:
            path = os.path.join(top, name)
            described = os.stat(path)
            assert stat.S_ISDIR(described.st_mode) == (name in directories)
            other = seen.setdefault((described.st_dev, described.st_ino), path)
            assert other == path, (other, path)
    assert len(seen) == 10, seen
    assert os.path.samefile(file, f"{directory}/../parcel/data/words.txt")
    assert not os.path.samefile(file, f"{directory}/data/empty")
    with open(file) as one, open(file) as other:
        assert os.path.sameopenfile(one.fileno(), other.fileno())
    assert os.path.realpath(f"{directory}/data/..") == directory
    assert os.path.realpath(f"{directory}/data/words.txt", strict=True) == file
    assert os.path.ismount(directory) is False
