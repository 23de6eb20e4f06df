# require: aiohttp httpx[http2] orjson psycopg[binary] uvloop
import asyncio
import aiohttp, httpx, orjson, psycopg
from aiohttp import web

async def answer(request): return web.json_response({"path": request.path})
async def main():
    application = web.Application()
    application.router.add_get("/x", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = "http://%s:%d/x" % runner.addresses[0]
    async with aiohttp.ClientSession() as session:
        assert orjson.loads(await (await session.get(url)).read()) == {"path": "/x"}
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(url)).json() == {"path": "/x"}
    await runner.cleanup()
import uvloop
uvloop.run(main())
assert psycopg.pq.version() > 100000
print("ok")
