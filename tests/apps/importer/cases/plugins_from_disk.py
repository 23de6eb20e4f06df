"""Plugins of a user, in a directory beside the executable or anywhere: modules that import the
application, and installed ones that are found by their entry points."""

import importlib.metadata
import os
import sys


def run():
    os.makedirs("plugins/greeter-1.0.dist-info")
    with open("plugins/greeter.py", "w") as stream:
        stream.write("import sample\n\ndef greet():\n    return sample.VALUE, __file__\n")
    with open("plugins/greeter-1.0.dist-info/METADATA", "w") as stream:
        stream.write("Metadata-Version: 2.1\nName: greeter\nVersion: 1.0\n")
    with open("plugins/greeter-1.0.dist-info/entry_points.txt", "w") as stream:
        stream.write("[sample.extra]\ngreet = greeter:greet\n")
    plugins = os.path.abspath("plugins")
    sys.path.append(plugins)
    [found] = importlib.metadata.entry_points(group="sample.extra")
    assert found.load()() == (1, os.path.join(plugins, "greeter.py"))
    assert importlib.metadata.version("greeter") == "1.0"
    # Where a program looks that wants its user's modules beside it.
    assert os.path.isfile(sys.executable)
    assert os.path.isdir(os.path.dirname(sys.executable))
