# needs: posix
"""`..` resolves inside the tree; above its root is the real file system."""

import os


def run(directory):
    here = os.getcwd()
    up = "/.." * directory.count("/")
    with open("real", "w") as stream:
        stream.write("real")
    with open(f"{directory}{up}{here}/real") as stream:
        assert stream.read() == "real"
    assert os.path.samefile(f"{directory}{up}", "/")
    assert os.stat(f"{directory}{up}/..{directory}").st_ino == os.stat(directory).st_ino
    for detour in ("/", "/.", "/.."):
        assert os.path.samefile(detour + directory, directory), detour
    assert "~oxidize" not in os.listdir("/")
    os.remove("real")
