# full
async def numbers():
    try:
        yield 1
    finally:
        print("left")


generator = numbers()
try:
    generator.__anext__().send(None)
except StopIteration:
    pass
