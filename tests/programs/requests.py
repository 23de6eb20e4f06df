# require: requests
"""certifi's file and a server on this machine."""
import http.server, threading
import certifi, requests, ssl

assert ssl.create_default_context(cafile=certifi.where()).cert_store_stats()["x509_ca"] > 100
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"hi")
    def log_message(self, *a): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
assert requests.get(f"http://127.0.0.1:{server.server_port}", timeout=5).text == "hi"
session = requests.Session(); session.verify = certifi.where()
try: session.get("https://127.0.0.1:1", timeout=2)
except requests.ConnectionError: pass
print("ok")
