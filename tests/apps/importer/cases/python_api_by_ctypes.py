# needs: gnu
# run: python_api_by_ctypes
# stdout: ok
"""The interpreter's C functions are there for ctypes and for libraries of wheels, though it is
linked into the executable."""

import ctypes
import sys


def run():
    version = ctypes.pythonapi.Py_GetVersion
    version.restype = ctypes.c_char_p
    assert version().decode() == sys.version
    new = ctypes.pythonapi.PyLong_FromLong
    new.restype = ctypes.py_object
    assert new(ctypes.c_long(41)) + 1 == 42
    # The stable ABI.
    assert ctypes.pythonapi.PyType_FromSpec
