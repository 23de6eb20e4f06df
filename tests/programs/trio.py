# require: trio anyio
import subprocess, sys
import anyio, trio
async def main():
    send, receive = trio.open_memory_channel(0)
    async def produce():
        async with send:
            for number in range(3):
                await send.send(number)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(produce)
        got = [number async for number in receive]
    done = await trio.run_process([sys.executable, "-c", "print(6 * 7)"], capture_stdout=True)
    return got, done.stdout.strip()
assert trio.run(main) == ([0, 1, 2], b"42")
async def threads(): return await anyio.to_thread.run_sync(sum, [1, 2])
assert anyio.run(threads) == 3 and anyio.run(threads, backend="trio") == 3
print("ok")
