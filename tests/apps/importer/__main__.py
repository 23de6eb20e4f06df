# The importer's duties, one file each in cases/. Run as `app NAME`.
import importlib
import sys

importlib.import_module("cases." + sys.argv[1]).run()
print("ok")
