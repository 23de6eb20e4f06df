"""Imports every module of the standard library that imports silently, one after the other.

The list lies beside this file and is read through the loader, so the same program runs packaged and plain. Modules that
an interpreter lacks are left out of the count that is printed: a run that did less work than another shows. With the argument
`wait` the program stays until its input ends.
"""

import importlib
import posixpath
import sys
import warnings

warnings.simplefilter("ignore")
names = __loader__.get_data(posixpath.join(posixpath.dirname(__file__), "modules.txt")).decode().split()
imported = 0
for name in names:
    try:
        importlib.import_module(name)
        imported += 1
    except ImportError:
        pass
print(f"imported {imported} modules")
if sys.argv[1:] == ["wait"]:
    sys.stdout.flush()
    sys.stdin.read()
