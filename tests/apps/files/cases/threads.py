"""Many files from many threads at once, more of them than copies are kept."""

import os
import threading


def run(directory):
    library = os.path.dirname(os.__file__)
    names = sorted(name for name in os.listdir(library) if name.endswith(".py"))
    assert len(names) > 100
    sizes = {name: os.stat(os.path.join(library, name)).st_size for name in names}
    wrong = []

    def read(shift):
        for name in names[shift:] + names[:shift]:
            with open(os.path.join(library, name), "rb") as stream:
                described = os.fstat(stream.fileno())
                if len(stream.read()) != sizes[name] or described.st_size != sizes[name]:
                    wrong.append(name)

    threads = [threading.Thread(target=read, args=(shift,)) for shift in (0, 17, 41, 80)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
