"""What site adds to builtins is there though site is not run."""

import builtins
import contextlib
import io
import sys


def run():
    assert "site" not in sys.modules
    for name in ("exit", "quit", "help", "copyright", "credits", "license"):
        assert hasattr(builtins, name), name
    assert "exit" in repr(exit) and "quit" in repr(quit)
    assert "Python Software Foundation" in repr(copyright)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        help(len)
    assert "len(obj, /)" in output.getvalue()
    try:
        exit(3)
    except SystemExit as error:
        assert error.code == 3
    else:
        raise AssertionError("exit did not raise")
