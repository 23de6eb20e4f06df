# needs: windows
"""Descriptors: reading only, mapped, inherited, many at once; no file stays behind."""

import glob
import mmap
import msvcrt
import os
import subprocess
import sys
import tempfile


def run(directory):
    file, long = f"{directory}\\data\\words.txt", f"{directory}\\data\\deeper\\bytes.bin"
    descriptor = os.open(file, os.O_RDONLY | os.O_BINARY)
    assert os.read(descriptor, 3) == b"one" and os.lseek(descriptor, 4, os.SEEK_SET) == 4
    assert os.read(descriptor, 3) == b"two"
    for change in (lambda: os.write(descriptor, b"x"), lambda: os.ftruncate(descriptor, 0)):
        try:
            change()
        except OSError:
            pass
        else:
            raise AssertionError("changed")
    with open(long, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert mapped[:4] == b"\0\1\2\3" and len(mapped) == 76800
    # Nobody else may write to the copy.
    own = [name for name in glob.glob(os.path.join(tempfile.gettempdir(), "oxidize-*.tmp")) if f"-{os.getpid()}-" in name]
    assert own, "there is no copy"
    for name in own:
        try:
            open(name, "r+b").close()
        except PermissionError:
            pass
        else:
            raise AssertionError(f"{name} can be written")
    os.lseek(descriptor, 0, os.SEEK_SET)
    done = subprocess.run(
        [sys.executable, "-c", "import sys; print(sys.stdin.read(), end='')"], stdin=descriptor, stdout=subprocess.PIPE
    )
    assert done.stdout.split() == [b"one", b"two", b"three"], done
    os.close(descriptor)
    streams = [open(file, "rb") for _ in range(200)]
    assert {stream.read() for stream in streams} == {b"one two\nthree\n"}
    assert not os.get_handle_inheritable(msvcrt.get_osfhandle(streams[0].fileno()))
    for stream in streams:
        stream.close()
    # A process leaves nothing.
    code = f"import glob, os, tempfile; open({file!r}).read(); print(os.getpid())"
    child = subprocess.check_output([sys.executable, "-c", code], text=True).strip()
    assert not glob.glob(os.path.join(tempfile.gettempdir(), f"oxidize-{child}-*")), child
