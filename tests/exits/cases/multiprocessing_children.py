# fast
import multiprocessing
import sys


def work(name):
    file = open(name, "w")
    file.write("not flushed: the child ends at once")
    sys.stdout.write(f"{name}\n")


context = multiprocessing.get_context("fork")
child = context.Process(target=work, args=("child.txt",))
child.start()
child.join()
daemon = context.Process(target=__import__("time").sleep, args=(60,), daemon=True)
daemon.start()
print(child.exitcode)
