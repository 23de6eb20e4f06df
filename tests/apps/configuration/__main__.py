"""Writes what the run configuration decides, as JSON on the last line."""

import ctypes
import faulthandler
import gc
import json
import os
import signal
import ssl
import sys

name = ctypes.pythonapi.Py_GetProgramName
name.restype = ctypes.c_wchar_p
paths = ssl.get_default_verify_paths()
print(json.dumps({
    "program name": name(),
    "optimize": sys.flags.optimize,
    "assertions": __debug__,
    "UTF-8 mode": sys.flags.utf8_mode,
    "unbuffered": sys.stdout.line_buffering or sys.stdout.write_through,
    "inspect": sys.flags.inspect,
    "verbose": sys.flags.verbose,
    "warnings": sys.warnoptions,
    "X options": sys._xoptions,
    "environment": not sys.flags.ignore_environment,
    "site": "site" in sys.modules,
    "user site": not sys.flags.no_user_site,
    "sys.path": sys.path,
    "hash": hash("a"),
    "fault handler": faulthandler.is_enabled(),
    "development mode": sys.flags.dev_mode,
    # Not SIGINT, for which importing `signal` installs a handler in any case.
    "signal handlers": signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN,
    "variable": os.environ.get("COLOUR"),
    "another variable": os.environ.get("PYTHONWARNINGS"),
    "CA bundle": paths.openssl_cafile,
    "first threshold": gc.get_threshold()[0],
}))
