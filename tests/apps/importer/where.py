import os


def virtual(path):
    """A path of the executable's resources as this system has it."""
    if os.name != "nt":
        return path
    return "C:" + path.replace("lib/python3.13", "Lib").replace("/", os.sep)
