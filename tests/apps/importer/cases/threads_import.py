"""Threads import the same and different modules at the same time."""

import importlib
import threading

# Not `sample.sub`, which `sample` itself imports: CPython 3.13 takes the locks of module and package in either order then and
# raises _DeadlockError when two threads meet (CPython's issue 83065), however the modules are stored.
NAMES = ["json", "email.message", "sample.inner.leaf", "decimal", "xml.dom.minidom", "asyncio", "sample", "http.client"]


def run():
    barrier = threading.Barrier(8)
    failures = []

    def work(offset):
        barrier.wait()
        try:
            for index in range(len(NAMES)):
                name = NAMES[(index + offset) % len(NAMES)]
                assert importlib.import_module(name).__name__ == name
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
