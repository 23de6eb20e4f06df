"""multiprocessing: a function of the application's own __main__, by each start method."""

import concurrent.futures
import multiprocessing
import os
import sys


def run():
    square = sys.modules["__main__"].square
    for method in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            assert pool.map(square, range(3)) == [0, 1, 4], method
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
            assert list(pool.map(square, range(3))) == [0, 1, 4], method
    # What is not asked for is not run.
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert not pool.apply(has_run)
        assert pool.apply(square, (3,)) == 9
        assert pool.apply(has_run)
    # What fails in it is told each time.
    os.environ["BROKEN"] = "1"
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for _ in range(2):
            assert pool.apply(failure) == "broken in a child"


def has_run():
    return "square" in vars(sys.modules["__main__"])


def failure():
    try:
        sys.modules["__main__"].square
    except ImportError as error:
        return str(error)
