# needs: windows
"""What Windows says about virtual files, by paths, handles and descriptors; names in any case and form."""

import ctypes
import os
import pathlib
import shutil
import stat


def run(directory):
    file = f"{directory}\\data\\words.txt"
    described = os.stat(file)
    assert described.st_size == 14 and stat.S_ISREG(described.st_mode) and described.st_nlink == 1
    assert described.st_mtime == described.st_birthtime == 946684800
    assert described == os.lstat(file) == pathlib.Path(file).stat()
    with open(file) as one, open(file) as other:
        assert os.fstat(one.fileno()) == described, (os.fstat(one.fileno()), described)
        assert os.path.sameopenfile(one.fileno(), other.fileno())
    seen = {}
    for top, directories, files in os.walk(directory):
        for name in directories + files:
            path = os.path.join(top, name)
            described = os.stat(path)
            assert stat.S_ISDIR(described.st_mode) == (name in directories)
            other = seen.setdefault((described.st_dev, described.st_ino), path)
            assert other == path, (other, path)
    assert len(seen) == 10, seen
    with os.scandir(f"{directory}\\data") as entries:
        for entry in entries:
            assert entry.inode() == os.stat(entry.path).st_ino, entry.path
    upper = file.upper()
    forms = [file, upper, file.lower(), file.replace("\\", "/"), f"\\\\?\\{file}", f"C:/./{file[3:]}", f"C:\\\\{file[3:]}"]
    forms += [f"{directory}\\data\\deeper\\..\\words.txt", f"C:\\..\\{file[3:]}", f"{file}. "]
    for form in forms:
        assert os.path.isfile(form), form
        assert os.path.samefile(form, file), form
        with open(form) as stream:
            assert stream.read() == "one two\nthree\n", form
    assert os.path.realpath(upper) == file, os.path.realpath(upper)
    assert os.path.realpath(f"{directory}/data/..", strict=True) == directory
    assert os.path.exists(directory) and os.path.isdir(directory) and not os.path.isfile(directory)
    assert not os.path.exists(f"{file}\\") and not os.path.exists("C:\\~oxidizes") and not os.path.islink(file)
    assert not os.path.ismount(directory) and shutil.disk_usage(directory).free == 0
    # Up and out again.
    assert os.path.samefile(f"{directory}\\..\\..\\..\\", "C:\\")
    assert "~oxidize" not in os.listdir("C:\\")
    # By a pointer that the program got itself.
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    assert kernel.GetFileAttributesW(file) == 0x20 and kernel.GetFileAttributesW(directory) == 0x10
    assert kernel.GetFileAttributesW(f"{directory}\\absent") == -1 and ctypes.get_last_error() == 2
    library = ctypes.CDLL("ucrtbase")
    descriptor = library._wopen(file, os.O_RDONLY | os.O_BINARY)
    assert os.read(descriptor, 3) == b"one"
    os.close(descriptor)
    library._wfopen.restype = ctypes.c_void_p
    stream = library._wfopen(file, "rb")
    buffer = ctypes.create_string_buffer(7)
    assert library.fread(buffer, 1, 7, ctypes.c_void_p(stream)) == 7 and buffer.raw == b"one two"
    library.fclose(ctypes.c_void_p(stream))
