# require: starlette httpx jinja2 python-multipart
import pathlib
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient
import starlette
async def form(request): return JSONResponse(dict(await request.form()))
app = Starlette(routes=[Route("/form", form, methods=["POST"]),
    Mount("/static", StaticFiles(directory=pathlib.Path(starlette.__file__).parent))])
client = TestClient(app)
assert client.post("/form", data={"a": "b"}).json() == {"a": "b"}
assert "class Starlette" in client.get("/static/applications.py").text
print("ok")
