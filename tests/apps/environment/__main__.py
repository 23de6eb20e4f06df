"""Prints everything that an environment variable could have changed, and which variables there are.

`names`: every variable that the packaged standard library names in its sources.
`report`: what the process is, and what a child of it is.
"""

import ast
import sys


SKIPPED = {"test", "tests", "idlelib", "lib2to3", "tkinter", "turtledemo"}


def names():
    import os

    found = set()

    def literal(node):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            # A WSGI application's own variables are none of the environment.
            if not node.value.startswith("wsgi."):
                found.add(node.value)

    def is_environment(node):
        text = ast.unparse(node)
        return text == "environ" or text.endswith((".environ", ".environb"))

    for directory, directories, files in os.walk(os.path.dirname(os.__file__)):
        directories[:] = [name for name in directories if name not in SKIPPED]
        for name in files:
            if not name.endswith(".py"):
                continue
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                tree = ast.parse(file.read())
            for node in ast.walk(tree):
                if isinstance(node, ast.Call):
                    function = ast.unparse(node.func)
                    if function.endswith(("environ.get", "environ.pop", "getenv")) and node.args:
                        literal(node.args[0])
                elif isinstance(node, ast.Subscript) and is_environment(node.value):
                    literal(node.slice)
                elif isinstance(node, ast.Compare) and any(map(is_environment, node.comparators)):
                    literal(node.left)
    print("\n".join(sorted(found)))


def report():
    import asyncio.coroutines
    import builtins
    import faulthandler
    import gc
    import locale
    import os
    import site
    import subprocess
    import sysconfig
    import tracemalloc
    import warnings
    import xml.dom
    import xml.sax
    import zoneinfo

    def show(name, value):
        print(f"{name} = {value!r}")

    show("flags", sys.flags)
    show("path", sys.path)
    show("prefixes", (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.platlibdir))
    show("executable", sys.executable)
    show("base", getattr(sys, "_base_executable", None))
    show("meta_path", [type(finder).__name__ for finder in sys.meta_path])
    show("modules", sorted(name for name in sys.modules if "evil" in name or "customize" in name))
    show("warnings", (sys.warnoptions, warnings.filters))
    show("xoptions", sys._xoptions)
    show("pycache", (sys.pycache_prefix, sys.dont_write_bytecode))
    show("digits", sys.get_int_max_str_digits())
    show("streams", [(s.encoding, s.errors, s.line_buffering, s.write_through) for s in (sys.stdin, sys.stdout, sys.stderr)])
    show("file system", (sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()))
    show("locale", locale.getpreferredencoding(False))
    show("tracing", (tracemalloc.is_tracing(), faulthandler.is_enabled()))
    show("allocator", "debug" in repr(sys.flags) and gc.isenabled())
    show("asyncio", asyncio.coroutines._is_debug_mode())
    show("processors", os.process_cpu_count() == os.process_cpu_count() and "cpu_count" not in sys._xoptions)
    show("user site", (site.ENABLE_USER_SITE, site.getuserbase()))
    show("platform", (sysconfig.get_platform(), sysconfig.is_python_build()))
    show("variables", len(sysconfig.get_config_vars()) > 5)
    show("paths", sysconfig.get_paths())
    show("time zones", zoneinfo.TZPATH)
    show("dom", type(xml.dom.getDOMImplementation()).__module__)
    show("sax", type(xml.sax.make_parser()).__module__)
    show("spawn", subprocess._USE_POSIX_SPAWN)
    show("hash", hash("a") != hash("b"))
    show("locations", hasattr(compile("1", "f", "eval"), "co_positions") and any(p[2] for p in compile("a+b", "f", "eval").co_positions()))
    import pydoc

    show("documentation", "evil" in str(pydoc.Doc().getdocloc(sys) or ""))
    try:
        import ssl

        show("key log", ssl.create_default_context().keylog_filename)
    except ImportError:
        pass
    try:
        import _pyrepl.trace

        show("trace", _pyrepl.trace.trace_file)
    except ImportError:
        pass
    called = []
    import pdb

    pdb.set_trace = lambda **_: called.append("pdb")
    builtins.breakpoint()
    show("breakpoint", called)
    sys.stdout.flush()


def main():
    if sys.argv[1:] == ["names"]:
        return names()
    report()
    if sys.argv[1:] == ["report"]:
        import os
        import subprocess

        code = "import sys; print(sys.flags, sys.path[1:], sys.warnoptions, sorted(m for m in sys.modules if 'custom' in m))"
        subprocess.run([sys.executable, "-c", code + "; import sysconfig; sysconfig.get_config_vars(); print(sysconfig.get_platform())"], check=True)


main()
