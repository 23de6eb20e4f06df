# require: websockets
import asyncio
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
async def echo(socket):
    async for message in socket: await socket.send(message[::-1])
async def main():
    async with serve(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}") as client:
            await client.send("abc")
            return await client.recv()
assert asyncio.run(main()) == "cba"
print("ok")
