# run:
# status: 2
# stderr: which case?
"""Virtual files: each module of `cases` is one test, `run(directory)` on a package's directory."""

import importlib
import os
import sys

import parcel

if len(sys.argv) < 2:
    sys.exit(print("which case?", file=sys.stderr) or 2)
importlib.import_module(f"cases.{sys.argv[1]}").run(os.path.dirname(parcel.__file__))
print("ok")
