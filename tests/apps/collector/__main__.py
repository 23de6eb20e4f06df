# run:
# stdout: CPython's thresholds
# stdout: quiet
# stdout: garbage was bounded
# stdout: CPython's thresholds
# stdout: quiet again
# stdout: CPython's thresholds
# stdout: the program's own
import gc

assert gc.isenabled()
DEFAULT = (2000, 10, 10)


def show():
    threshold = gc.get_threshold()
    print("CPython's thresholds" if threshold == DEFAULT else threshold)


def again(name):
    __import__(name)
    assert gc.get_threshold() == (100000, 10, 10), gc.get_threshold()


class Cycle:
    alive = most = 0

    def __init__(self):
        self.own = self
        Cycle.alive += 1
        Cycle.most = max(Cycle.most, Cycle.alive)

    def __del__(self):
        Cycle.alive -= 1


show()
import asyncio, email.message, http.client, json, logging, unittest, xml.dom.minidom  # noqa: E401

again("csv")
print("quiet")
for _ in range(300_000):
    Cycle()
assert Cycle.most <= 110_000, Cycle.most
print("garbage was bounded")
show()
again("colorsys")
print("quiet again")
gc.collect()
show()
gc.set_threshold(700, 5, 5)
import wave, zipapp  # noqa: E401

assert gc.get_threshold() == (700, 5, 5)
gc.disable()
import wsgiref  # noqa: E402

assert not gc.isenabled() and gc.get_threshold() == (700, 5, 5)
print("the program's own")
