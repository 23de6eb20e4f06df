"""runpy: run_module of a module and of a package, under the name asked for."""

import contextlib
import io
import runpy
import sys

from where import virtual


def run():
    result = runpy.run_module("runnable")
    assert result["GREETING"] == "hello from runnable"
    assert result["__file__"] == virtual("/~oxidize/app/runnable.py")
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        runpy.run_module("runnable", run_name="__main__")
        runpy.run_module("runnable_package", run_name="__main__", alter_sys=True)
    assert output.getvalue() == f"hello from __main__ {sys.argv[1:]}\npackage __main__ runnable_package\n", output.getvalue()
    assert "runnable" not in sys.modules
