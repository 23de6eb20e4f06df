"""Packages of the standard library that need what no stub has say what that is."""

import importlib.util


def run():
    for name, missing in {"tkinter": "Tk", "dbm.gnu": "the GNU database library"}.items():
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            assert missing in str(error) and name in str(error), error
            assert error.name in ("_tkinter", "_gdbm"), error.name
        else:
            raise AssertionError(f"{name} was imported")
    assert importlib.util.find_spec("_tkinter") is None
    # What tries the one after the other goes on.
    import dbm

    assert dbm.whichdb("nothing") is None
