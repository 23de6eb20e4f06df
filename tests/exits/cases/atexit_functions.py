# fast
import atexit
import sys


def say(text, *, end):
    print(text, end=end)


atexit.register(say, "first registered", end="!\n")
atexit.register(say, "second", end="\n")
atexit.register(lambda: 1 / 0)
atexit.register(sys.exit, 7)
gone = atexit.register(say, "unregistered", end="\n")
atexit.unregister(say)
atexit.register(say, "last", end="\n")


@atexit.register
def late():
    atexit.register(print, "registered too late")
    file = open("late.txt", "w")
    file.write("written at exit")
    globals()["file"] = file
