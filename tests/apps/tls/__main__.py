"""requests against a server of its own, whose certificate an authority of its own has signed. The
directory with certificates is the first argument. And a time zone that only a package knows."""

import datetime
import http.server
import os
import ssl
import sys
import threading
import zoneinfo

import requests


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"hi")

    def log_message(self, *_):
        pass


def main():
    place = sys.argv[1]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(place, "server.pem"), os.path.join(place, "key.pem"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"https://localhost:{server.server_port}/"
    ca = os.path.join(place, "ca.pem")

    def get(**options):
        try:
            return requests.get(url, timeout=20, **options).text
        except requests.exceptions.SSLError as error:
            return "refused" if "unable to get local issuer" in str(error) else str(error)

    # certifi's authorities are in the package, and ours is none of them.
    print("certifi:", get())
    print("verify:", get(verify=ca))
    os.environ["REQUESTS_CA_BUNDLE"] = ca
    print("variable:", get())
    zoneinfo.reset_tzpath([])
    when = datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    print("tzdata:", when.utcoffset(), len(zoneinfo.available_timezones()) > 400)


main()
