# needs: posix
"""os.open, dir_fd, descriptors of directories, mmap, duplicates, descriptors closed behind our back."""

import mmap
import os


def run(directory):
    data = os.open(f"{directory}/data", os.O_RDONLY | os.O_DIRECTORY)
    file = os.open("words.txt", os.O_RDONLY, dir_fd=data)
    assert os.read(file, 3) == b"one" and os.pread(file, 3, 4) == b"two"
    assert os.stat("words.txt", dir_fd=data) == os.stat(f"{directory}/data/words.txt")
    assert os.stat("../script.sh", dir_fd=data).st_size == os.stat(f"{directory}/script.sh").st_size
    assert os.access("words.txt", os.R_OK, dir_fd=data)
    assert os.listdir(data) == os.listdir(data) == ["deeper", "empty", "parcel.ini", "words.txt"]
    with os.scandir(data) as entries:
        assert [entry.stat().st_size for entry in entries if entry.name == "words.txt"] == [14]
    found = [(os.path.relpath(top, directory), files) for top, _, files, _ in os.fwalk(directory)]
    assert ("data/deeper", ["bytes.bin", "words.db"]) in found, found
    for refused in (lambda: os.open("absent", os.O_RDONLY, dir_fd=data), lambda: os.stat("absent", dir_fd=data)):
        try:
            refused()
        except FileNotFoundError:
            pass
        else:
            raise AssertionError("there is no such file")
    try:
        os.fchdir(data)
    except PermissionError:
        pass
    else:
        raise AssertionError("a virtual directory cannot be the current one")
    try:
        os.write(file, b"x")
    except OSError:
        pass
    else:
        raise AssertionError("written")
    with open(f"{directory}/data/deeper/bytes.bin", "rb") as stream, mmap.mmap(
        stream.fileno(), 0, access=mmap.ACCESS_READ
    ) as mapped:
        assert mapped[:4] == b"\0\1\2\3" and len(mapped) == 76800
    assert not os.get_inheritable(os.open(f"{directory}/data/words.txt", os.O_RDONLY))
    # What a daemon does: everything is closed, whoever opened it.
    os.closerange(3, 2048)
    other = [os.open("/dev/null", os.O_RDONLY) for _ in range(600)]
    with open(f"{directory}/data/words.txt") as stream:
        assert stream.read() == "one two\nthree\n"
    for descriptor in other:
        os.fstat(descriptor)
        os.close(descriptor)
