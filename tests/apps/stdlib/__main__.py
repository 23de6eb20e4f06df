"""Imports every name of modules.txt in one process and prints what failed, as JSON."""

import ctypes.util
import importlib
import io
import json
import pkgutil
import sys
import warnings

warnings.simplefilter("ignore")
# _ios_support loads what the machine has under the name of the Objective-C runtime, if anything: not Apple's, and a static
# program cannot. The result must not depend on what is installed here.
ctypes.util.find_library = lambda name: None
failed = {}
for name in pkgutil.get_data("marker", "modules.txt").decode().split():
    output, sys.stdout = sys.stdout, io.StringIO()
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = f"{type(error).__name__}: {error}"
    finally:
        sys.stdout = output
json.dump(failed, sys.stdout, indent=1, sort_keys=True)
