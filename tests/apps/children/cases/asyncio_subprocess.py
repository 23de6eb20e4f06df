"""asyncio starts sys.executable as well."""

import asyncio
import os
import sys


async def child():
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "work", "b", stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return process.returncode, output


def run():
    assert asyncio.run(child()) == (0, f"work ['b']{os.linesep}".encode())
