# Packages that start Python in ways of their own: C code (libuv), and a copy of multiprocessing.
import asyncio
import sys

import billiard
import uvloop


def square(number):
    return number * number


async def child():
    program = "import json; print(json.dumps(['python']))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=-1)
    output, _ = await process.communicate()
    return output.decode().strip()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print("uvloop", runner.run(child()))
    for method in "fork", "spawn", "forkserver":
        with billiard.get_context(method).Pool(2) as pool:
            print(method, pool.map(square, range(4)))
