"""multiprocessing where the program says that it is frozen, as programs of other packagers do."""

import multiprocessing
import sys

import work


def run():
    sys.frozen = True
    sys._MEIPASS = work.__file__.rpartition("/")[0]
    try:
        multiprocessing.freeze_support()
        for method in multiprocessing.get_all_start_methods():
            with multiprocessing.get_context(method).Pool(2) as pool:
                assert pool.map(work.square, range(3)) == [0, 1, 4], method
    finally:
        del sys.frozen, sys._MEIPASS
