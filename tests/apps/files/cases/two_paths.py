# needs: posix
"""rename, link and symlink, by paths and relative to directories of both kinds."""

import errno
import os


def fails(number, function, *arguments, **keywords):
    try:
        function(*arguments, **keywords)
    except OSError as error:
        assert error.errno == number, (function, arguments, keywords, error)
    else:
        raise AssertionError((function, arguments, keywords))


def run(directory):
    data = os.open(f"{directory}/data", os.O_RDONLY | os.O_DIRECTORY)
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    with open("real", "w") as stream:
        stream.write("real")
    inside, outside = {"src_dir_fd": data}, {"src_dir_fd": here}
    into, out = {"dst_dir_fd": data}, {"dst_dir_fd": here}
    for function, same in ((os.rename, errno.EROFS), (os.replace, errno.EROFS), (os.link, errno.EEXIST)):
        fails(errno.EROFS, function, "words.txt", "absent", **inside, **into)
        fails(same, function, "words.txt", "empty", **inside, **into)
        fails(errno.ENOENT, function, "absent", "empty", **inside, **into)
        fails(errno.EXDEV, function, "words.txt", "moved", **inside, **out)
        fails(errno.EXDEV, function, "words.txt", "moved", **inside)
        fails(errno.EXDEV, function, "real", "absent", **outside, **into)
        fails(errno.EXDEV, function, "real", "absent", **into)
        fails(errno.ENOENT, function, "absent", "absent", **outside, **into)
        fails(errno.EXDEV, function, f"{directory}/script.sh", "moved", **out)
        fails(errno.EROFS, function, f"{directory}/script.sh", "absent", **into)
        fails(errno.ENOTDIR, function, "words.txt/x", "absent", **inside, **into)
    fails(errno.EROFS, os.symlink, "anything", "absent", dir_fd=data)
    fails(errno.EEXIST, os.symlink, "anything", "empty", dir_fd=data)
    fails(errno.EROFS, os.unlink, "empty", dir_fd=data)
    fails(errno.EROFS, os.mkdir, "absent", dir_fd=data)
    fails(errno.EROFS, os.utime, "empty", dir_fd=data)
    # Out of the tree, and between real directories, nothing changes.
    up = "../" * f"{directory}/data".count("/")
    os.rename("real", f"{up}{os.getcwd()[1:]}/moved", **into)
    os.link("moved", "linked", **outside, **out)
    os.rename("linked", "real", **outside, **out)
    assert os.path.samefile("real", "moved")
    file = os.open("real", os.O_RDONLY)
    fails(errno.ENOTDIR, os.rename, "x", "y", src_dir_fd=file, dst_dir_fd=file)
    os.symlink(f"{directory}/data", "leads_nowhere")
    fails(errno.ENOENT, open, "leads_nowhere/words.txt")
    for name in ("real", "moved", "leads_nowhere"):
        os.remove(name)
