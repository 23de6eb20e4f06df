# package: --script script.py
# run: a
# stdout: __main__ None None /~oxidize/app/script.py ['a']
# stdout: 49

import multiprocessing
import sys

import module_of_script


def square(number, queue):
    queue.put(number * number)


if __name__ == "__main__":
    print(__name__, __package__, __spec__, __file__, sys.argv[1:], flush=True)
    assert module_of_script.NAME == "module_of_script"
    # The child of the spawn method runs this file again, under another name.
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    process = context.Process(target=square, args=(7, queue))
    process.start()
    process.join()
    print(queue.get() if process.exitcode == 0 else process.exitcode)
