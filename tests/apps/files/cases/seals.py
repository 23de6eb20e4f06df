# needs: linux
"""Files in memory are sealed: nobody can change what others read."""

import fcntl
import os


def run(directory):
    file = os.open(f"{directory}/data/words.txt", os.O_RDONLY)
    # F_SEAL_SEAL, SHRINK, GROW, WRITE.
    assert fcntl.fcntl(file, fcntl.F_GET_SEALS) & 15 == 15
    try:
        os.open(f"/proc/self/fd/{file}", os.O_WRONLY | os.O_TRUNC)
    except PermissionError:
        pass
    else:
        raise AssertionError("opened for writing")
