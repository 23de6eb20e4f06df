# fast
import asyncio


async def work():
    await asyncio.sleep(0.001)
    return asyncio.current_task()


task = asyncio.run(work())
loop = asyncio.new_event_loop()
loop.close()
print("done")
