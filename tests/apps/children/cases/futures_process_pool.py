"""concurrent.futures.ProcessPoolExecutor with the spawn method."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import work


def run():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(work.square, range(4))) == [0, 1, 4, 9]
