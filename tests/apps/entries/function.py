# package: --entry function:main
# run:
# stdout: function __main__
# run: 7
# status: 7
# stdout: function __main__
# run: text
# status: 1
# stdout: function __main__
# stderr: text

import sys


def main():
    print(__name__, sys.modules["__main__"].__name__)
    if sys.argv[1:]:
        return int(sys.argv[1]) if sys.argv[1].isdigit() else sys.argv[1]
