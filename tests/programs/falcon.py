# require: falcon
import falcon, falcon.testing
class Thing:
    def on_get(self, request, response, name): response.media = {"name": name}
app = falcon.App()
app.add_route("/things/{name}", Thing())
assert falcon.testing.TestClient(app).simulate_get("/things/x").json == {"name": "x"}
print("ok")
