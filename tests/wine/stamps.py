"""A time stamp authority on the loopback device, which has openssl do the work.

It uses `tsa-key.pem` and `tsa-cert.pem` of the current directory, and prints its port.
"""

import http.server
import pathlib
import subprocess

CONFIG = """
[tsa]
default_tsa = stamp
[stamp]
serial = serial
default_policy = 1.2.3.4
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
"""
REPLY = "openssl ts -reply -config stamps.conf -queryfile query -signer tsa-cert.pem -inkey tsa-key.pem -out reply"


class Authority(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers["Content-Length"])
        pathlib.Path("query").write_bytes(self.rfile.read(length))
        subprocess.run(REPLY.split(), check=True, capture_output=True)
        reply = pathlib.Path("reply").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *arguments):
        pass


pathlib.Path("stamps.conf").write_text(CONFIG)
pathlib.Path("serial").write_text("01\n")
with http.server.HTTPServer(("127.0.0.1", 0), Authority) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
