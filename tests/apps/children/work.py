"""What the children do."""

import os
import sys


def square(number):
    return number * number


def surroundings(_):
    return os.environ.get("OXIDIZE_STARTED_BY"), sys.executable, os.getpid()


if __name__ == "__main__":
    print("work", sys.argv[1:])
