import sys

GREETING = "hello from " + __name__
if __name__ == "__main__":
    print(GREETING, sys.argv[1:])
