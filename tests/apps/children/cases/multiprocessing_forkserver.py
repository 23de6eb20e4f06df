# needs: posix
"""multiprocessing, start method forkserver: a pool, a process with a queue, shared memory."""

import multiprocessing
import sys
from multiprocessing import shared_memory

import work


def run():
    context = multiprocessing.get_context("forkserver")
    with context.Pool(2) as pool:
        assert pool.map(work.square, range(5)) == [0, 1, 4, 9, 16]
        mark, executable, _ = pool.apply(work.surroundings, (0,))
        assert mark is None and executable == sys.executable
    queue = context.Queue()
    process = context.Process(target=queue.put, args=("from the child",))
    process.start()
    assert queue.get(timeout=30) == "from the child"
    process.join()
    assert process.exitcode == 0
    block = shared_memory.SharedMemory(create=True, size=16)
    block.buf[:2] = b"ok"
    block.close()
    block.unlink()
