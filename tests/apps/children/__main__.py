# Children started as sys.executable, one file each in cases/. Run as `app NAME`.
import importlib
import os
import sys

if __name__ == "__mp_main__" and "BROKEN" in os.environ:
    raise ImportError("broken in a child")


def square(number):
    return number * number


if __name__ == "__main__":
    importlib.import_module("cases." + sys.argv[1]).run()
    print("ok")
