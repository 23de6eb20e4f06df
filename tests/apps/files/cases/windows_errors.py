# needs: windows
"""What cannot be done fails with the error of a write-protected disk, naming the path."""

import errno
import os



def fails(number, function, *arguments, winerror=None, **keywords):
    try:
        function(*arguments, **keywords)
    except OSError as error:
        assert error.errno == number, (function, arguments, error)
        assert winerror is None or error.winerror == winerror, (function, arguments, error)
        assert arguments[0] in (error.filename, error.filename2), error
    else:
        raise AssertionError((function, arguments))


def run(directory):
    file, data = f"{directory}\\data\\words.txt", f"{directory}\\data"
    absent = f"{directory}\\absent"
    fails(errno.ENOENT, open, absent)
    fails(errno.ENOENT, os.stat, absent, winerror=2)
    fails(errno.ENOENT, os.stat, f"{absent}\\absent", winerror=3)
    fails(errno.ENOENT, open, f"{absent}\\absent", "w")
    fails(errno.ENOENT, os.listdir, absent, winerror=3)
    fails(errno.ENOTDIR, os.listdir, file, winerror=267)
    fails(errno.EACCES, open, data)
    fails(errno.EACCES, open, data, "w")
    for mode in ("w", "a", "r+", "w+"):
        fails(errno.EACCES, open, file, mode)
        fails(errno.ENOENT if mode == "r+" else errno.EACCES, open, absent, mode)
    fails(errno.EEXIST, open, file, "x")
    fails(errno.EACCES, open, absent, "x")
    fails(errno.EACCES, os.mkdir, absent, winerror=19)
    fails(errno.EEXIST, os.mkdir, data, winerror=183)
    fails(errno.ENOENT, os.mkdir, f"{absent}\\absent", winerror=3)
    os.makedirs(data, exist_ok=True)
    for function in (os.unlink, os.remove, os.utime):
        fails(errno.EACCES, function, file, winerror=19)
        fails(errno.ENOENT, function, absent, winerror=2)
    fails(errno.EACCES, os.unlink, data, winerror=5)
    fails(errno.EACCES, os.rmdir, data, winerror=19)
    fails(errno.ENOTDIR, os.rmdir, file, winerror=267)
    fails(errno.EACCES, os.chmod, file, 0o600, winerror=19)
    fails(errno.EACCES, os.rename, file, absent, winerror=19)
    fails(errno.EXDEV, os.rename, file, os.path.abspath("moved"), winerror=17)
    fails(errno.EXDEV, os.link, file, os.path.abspath("linked"), winerror=17)
    fails(errno.EINVAL, os.readlink, file, winerror=4390)
    fails(errno.EACCES, os.chdir, directory, winerror=5)
    fails(errno.ENOTDIR, os.chdir, file, winerror=267)
    fails(errno.ENOENT, os.chdir, absent, winerror=2)
    assert os.access(file, os.R_OK) and os.access(data, os.X_OK) and not os.access(absent, os.F_OK)
