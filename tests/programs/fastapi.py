# require: fastapi uvicorn httpx
"""A real server in a thread, asked over a socket."""
import socket, threading, time
import fastapi, httpx, pydantic, uvicorn

application = fastapi.FastAPI()
class Item(pydantic.BaseModel):
    name: str
    price: float = 1.5
@application.post("/items")
async def create(item: Item): return {"got": item.name, "price": item.price}
listening = socket.create_server(("127.0.0.1", 0))
server = uvicorn.Server(uvicorn.Config(application, log_level="warning"))
thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True); thread.start()
url = f"http://127.0.0.1:{listening.getsockname()[1]}"
for _ in range(100):
    try: answer = httpx.post(url + "/items", json={"name": "x"}, trust_env=False); break
    except httpx.ConnectError: time.sleep(0.1)
assert answer.json() == {"got": "x", "price": 1.5}
assert "Swagger" in httpx.get(url + "/docs", trust_env=False).text
server.should_exit = True; thread.join()
print("ok")
