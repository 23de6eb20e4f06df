# needs: posix
"""Extended attributes, the file system's own numbers, limits of a path."""

import errno
import os


def run(directory):
    if hasattr(os, "listxattr"):
        assert os.listxattr(directory) == os.listxattr(f"{directory}/data", follow_symlinks=False) == []
        try:
            os.getxattr(directory, "user.any")
        except OSError as error:
            assert error.errno == errno.ENODATA, error
        else:
            raise AssertionError("no attribute")
    system = os.statvfs(directory)
    assert system.f_flag & os.ST_RDONLY and system.f_bavail == 0 and system.f_blocks > 0 and system.f_namemax == 255
