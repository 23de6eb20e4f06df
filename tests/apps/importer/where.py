import os


def virtual(path):
    """A path of the executable's resources as this system has it."""
    return "C:" + path.replace("/", os.sep) if os.name == "nt" else path
