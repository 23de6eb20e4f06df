# require: bottle waitress
# musl
import threading, urllib.request
import bottle, waitress
@bottle.route("/<name>")
def index(name): return bottle.template("<b>{{name}}</b>", name=name)
server = waitress.create_server(bottle.default_app(), host="127.0.0.1", port=0)
threading.Thread(target=server.run, daemon=True).start()
assert urllib.request.urlopen(f"http://127.0.0.1:{server.effective_port}/%3Cx").read() == b"<b>&lt;x</b>"
print("ok")
