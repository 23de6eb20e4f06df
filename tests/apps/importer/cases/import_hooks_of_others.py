"""Other people's finders: a zip on sys.path, a directory, a meta path finder before ours."""

import importlib.abc
import importlib.util
import os
import sys
import zipfile


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if name == "made_up" else None

    def exec_module(self, module):
        module.VALUE = "made up"


def run():
    with zipfile.ZipFile("extra.zip", "w") as archive:
        archive.writestr("from_zip.py", "VALUE = 'zip'\n")
    os.mkdir("folder")
    with open("folder/from_folder.py", "w") as stream:
        stream.write("VALUE = 'folder'\n")
    sys.path += [os.path.abspath("extra.zip"), os.path.abspath("folder")]
    sys.meta_path.insert(0, Finder())
    import from_folder
    import from_zip
    import made_up

    assert (from_zip.VALUE, from_folder.VALUE, made_up.VALUE) == ("zip", "folder", "made up")
