import asyncio

async def main():
    process = await asyncio.create_subprocess_exec("/bin/echo", "child", stdout=-1)
    print((await process.communicate())[0])
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0))
    print(await asyncio.to_thread(sum, [1, 2]))

asyncio.run(main())
