# Children started as sys.executable, one file each in cases/. Run as `app NAME`.
import importlib
import sys

if __name__ == "__main__":
    importlib.import_module("cases." + sys.argv[1]).run()
    print("ok")
