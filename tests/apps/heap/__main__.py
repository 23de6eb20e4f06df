# needs: posix
# run:
# stdout: contents kept: True
# stdout: aligned: True
# stdout: too much: MemoryError
# stdout: children that could allocate: 40
"""The heap under threads, in children forked while threads allocate, and at its limits."""

import ctypes
import os
import sys
import threading
import warnings
import zlib

# Of forking with threads, which is the point here.
warnings.simplefilter("ignore", DeprecationWarning)
stop = threading.Event()
kept = []


def churn(number):
    # Buffers of zlib and ctypes come from malloc, outside Python's lock for the former.
    fine = True
    round = 0
    while not stop.is_set():
        text = bytes([number]) * (1000 + 4096 * (round % 40))
        fine = fine and zlib.decompress(zlib.compress(text, 1)) == text
        blocks = [ctypes.create_string_buffer(size) for size in (1, 600, 70_000, 300_000)]
        for block in blocks:
            ctypes.memset(block, number, len(block))
        fine = fine and all(set(block.raw) == {number} for block in blocks[:2])
        round += 1
    kept.append(fine)


threads = [threading.Thread(target=churn, args=(number,)) for number in range(1, 5)]
for thread in threads:
    thread.start()
allocated = 0
for _ in range(40):
    process = os.fork()
    if process == 0:
        text = b"x" * 200_000
        os._exit(0 if zlib.decompress(zlib.compress(text)) == text else 1)
    allocated += os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
stop.set()
for thread in threads:
    thread.join()
print("contents kept:", kept == [True] * 4)
addresses = [ctypes.addressof(ctypes.create_string_buffer(size)) for size in range(600, 5000, 7)]
print("aligned:", all(address % 16 == 0 for address in addresses))
try:
    bytearray(sys.maxsize - 100)
except MemoryError:
    print("too much: MemoryError")
print("children that could allocate:", allocated)
