# Children started as sys.executable, one file each in cases/. Run as `app NAME`.
import importlib
import sys


def square(number):
    return number * number


if __name__ == "__main__":
    importlib.import_module("cases." + sys.argv[1]).run()
    print("ok")
