# needs: posix
"""What cannot be done fails with the error of a read-only file system, naming the path."""

import errno
import os


def fails(number, function, *arguments, **keywords):
    try:
        function(*arguments, **keywords)
    except OSError as error:
        assert error.errno == number, (function, arguments, error)
        assert function is os.execv or arguments[0] in (error.filename, error.filename2), error
    else:
        raise AssertionError((function, arguments))


def run(directory):
    file, data = f"{directory}/data/words.txt", f"{directory}/data"
    fails(errno.ENOENT, open, f"{directory}/absent")
    fails(errno.ENOENT, open, f"{directory}/absent/absent", "w")
    fails(errno.ENOENT, open, f"{data}/../absent/../parcel")
    fails(errno.ENOENT, os.stat, f"{directory}/not-utf-8-\udcff")
    fails(errno.ENAMETOOLONG, os.stat, f"{directory}/{'n' * 256}")
    fails(errno.ENOTDIR, open, f"{file}/")
    fails(errno.ENOTDIR, os.stat, f"{file}/..")
    fails(errno.ENOTDIR, os.listdir, file)
    fails(errno.EISDIR, open, data)
    fails(errno.EISDIR, open, data, "w")
    for mode in ("w", "a", "r+", "w+"):
        fails(errno.EROFS, open, file, mode)
        fails(errno.ENOENT if mode == "r+" else errno.EROFS, open, f"{directory}/absent", mode)
    fails(errno.EEXIST, open, file, "x")
    fails(errno.EROFS, open, f"{directory}/absent", "x")
    fails(errno.EROFS, os.mkdir, f"{directory}/absent")
    fails(errno.EEXIST, os.mkdir, data)
    fails(errno.ENOENT, os.mkdir, f"{directory}/absent/absent")
    os.makedirs(data, exist_ok=True)
    for function in (os.unlink, os.remove, os.utime):
        fails(errno.EROFS, function, file)
        fails(errno.ENOENT, function, f"{directory}/absent")
    fails(errno.EROFS, os.rmdir, data)
    fails(errno.EROFS, os.chmod, file, 0o600)
    fails(errno.EROFS, os.rename, file, f"{directory}/absent")
    fails(errno.EXDEV, os.rename, file, os.path.join(os.getcwd(), "moved"))
    if hasattr(os, "chown"):
        fails(errno.EROFS, os.chown, file, 0, 0)
        fails(errno.EROFS, os.truncate, file, 0)
        fails(errno.EXDEV, os.link, file, os.path.join(os.getcwd(), "linked"))
        fails(errno.EINVAL, os.readlink, file)
        fails(errno.EACCES, os.chdir, directory)
        fails(errno.ENOTDIR, os.chdir, file)
        fails(errno.EACCES, os.execv, file, ["x"])
    assert not os.access(file, os.W_OK) and not os.access(directory, os.W_OK)
    assert os.access(file, os.R_OK) and os.access(data, os.X_OK)
