# full
import asyncio


async def fail():
    raise ValueError("nobody asks")


async def work():
    global task
    task = asyncio.ensure_future(fail())
    await asyncio.sleep(0.001)


asyncio.run(work())
