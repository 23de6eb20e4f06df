# require: uvloop
import asyncio, sys, uvloop
async def main():
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(7)", stdout=asyncio.subprocess.PIPE)
    return (await process.communicate())[0]
assert uvloop.run(main()) == b"7\n"
print("ok")
