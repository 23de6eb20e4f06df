# fast
import atexit
import os

atexit.register(lambda: print("exit function", os.getpid() == parent, flush=True))
parent = os.getpid()
file = open("both.txt", "a")
child = os.fork()
if child:
    os.waitpid(child, 0)
    file.write("parent\n")
else:
    file.write("child\n")
