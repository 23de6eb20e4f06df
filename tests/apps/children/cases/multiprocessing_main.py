"""multiprocessing: a function of the application's own __main__, by each start method."""

import concurrent.futures
import multiprocessing
import sys


def run():
    square = sys.modules["__main__"].square
    for method in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            assert pool.map(square, range(3)) == [0, 1, 4], method
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
            assert list(pool.map(square, range(3))) == [0, 1, 4], method
    # What is not asked for is not run: a child has CPython's bare `__main__`.
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert not pool.apply(hasattr_main, ("__file__",))


def hasattr_main(name):
    return hasattr(sys.modules["__main__"], name)
