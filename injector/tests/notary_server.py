"""Plays Apple's notary service, Amazon's storage and the ticket database, and is strict: what they would refuse, this refuses.
Argument: a directory with `public.pem`, the key that tokens are signed with. Prints the port. What happened is in `log` there, a JSON
object a line. The archive's name decides the rest:

* `rejected`: looked through and not liked; * `slow`: looked through once the file `release` is there;
* `stumbles`: the service has bad moments; * `unwanted`: the storage refuses.
"""

import base64
import hashlib
import hmac
import http.server
import io
import json
import os
import subprocess
import sys
import time
import uuid
import zipfile

PLACE = sys.argv[1]
ISSUER, KEY_ID = "57246542-96fe-1a63-e053-0824d011072a", "2X9R4HXF34"
ACCESS, SECRET, TOKEN = "ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AQoDYXdzEJr+/=="
submissions = {}


def log(**event):
    with open(os.path.join(PLACE, "log"), "a") as file:
        file.write(json.dumps(event) + "\n")


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(octets):
    """An INTEGER in DER."""
    octets = octets.lstrip(b"\0") or b"\0"
    if octets[0] & 0x80:
        octets = b"\0" + octets
    return b"\x02" + bytes([len(octets)]) + octets


def why_unauthorized(header):
    if not header or not header.startswith("Bearer "):
        return "no token"
    message, _, signature = header[7:].rpartition(".")
    head, claims = (json.loads(unpadded(part)) for part in message.split("."))
    if head != {"alg": "ES256", "kid": KEY_ID, "typ": "JWT"}:
        return f"header {head}"
    if (claims["iss"], claims["aud"]) != (ISSUER, "appstoreconnect-v1") or set(claims) != {"iss", "aud", "iat", "exp"}:
        return f"claims {claims}"
    if not time.time() - 30 < claims["iat"] <= time.time() + 1 or not 0 < claims["exp"] - claims["iat"] <= 1200:
        return f"times {claims}"
    signature = unpadded(signature)
    if len(signature) != 64:
        return "not an ES256 signature"
    numbers = number(signature[:32]) + number(signature[32:])
    with open(os.path.join(PLACE, "signature"), "wb") as file:
        file.write(b"\x30" + bytes([len(numbers)]) + numbers)
    verify = ["openssl", "dgst", "-sha256", "-verify", "public.pem", "-signature", "signature"]
    done = subprocess.run(verify, input=message.encode(), cwd=PLACE, capture_output=True)
    return None if done.returncode == 0 else "the signature is wrong"


def why_unsigned(method, path, headers, body):
    """Amazon's judgement of an upload, by the description of Signature Version 4."""
    parts = dict(part.strip().split("=", 1) for part in headers["authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(","))
    digest = hashlib.sha256(body).hexdigest()
    if headers["x-amz-content-sha256"] != digest:
        return "XAmzContentSHA256Mismatch"
    names = parts["SignedHeaders"].split(";")
    if not {"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"} <= set(names) or names != sorted(names):
        return "SignedHeaders"
    moment = headers["x-amz-date"]
    if abs(time.mktime(time.strptime(moment, "%Y%m%dT%H%M%SZ")) - time.mktime(time.gmtime())) > 60:
        return "RequestTimeTooSkewed"
    scope = f"{moment[:8]}/us-west-2/s3/aws4_request"
    if parts["Credential"] != f"{ACCESS}/{scope}" or headers["x-amz-security-token"] != TOKEN:
        return "InvalidAccessKeyId"
    listed = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    request = "\n".join([method, path, "", listed, parts["SignedHeaders"], digest])
    key = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    wanted = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return None if parts["Signature"] == wanted else "SignatureDoesNotMatch"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def reply(self, status, body, kind="application/json"):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def is_authorized(self):
        why = why_unauthorized(self.headers["Authorization"])
        if why is None:
            return True
        log(unauthorized=why)
        title = "Authentication credentials are missing or invalid."
        self.reply(401, {"errors": [{"code": "NOT_AUTHORIZED", "status": "401", "title": title}]})
        return False

    def do_POST(self):
        body = json.loads(self.body())
        if self.path == "/tickets":
            names = [record["recordName"] for record in body["records"]]
            log(tickets=names)
            records = [{"recordName": name, "reason": "Record not found", "serverErrorCode": "NOT_FOUND"} for name in names]
            if os.path.exists(os.path.join(PLACE, "tickets")):
                ticket = base64.b64encode(b"s8ch" + names[-1].encode()).decode()
                field = {"signedTicket": {"type": "BYTES", "value": ticket}}
                records[-1] = {"recordName": names[-1], "recordType": "DeveloperIDTicket", "fields": field, "deleted": False}
            return self.reply(200, {"records": records})
        if not self.is_authorized():
            return None
        assert self.path == "/notary/v2/submissions" and set(body) == {"submissionName", "sha256"}, (self.path, body)
        identity = str(uuid.uuid4())
        submissions[identity] = {"name": body["submissionName"], "sha256": body["sha256"], "polls": 0, "uploads": 0, "stored": False}
        log(submitted=body["submissionName"], sha256=body["sha256"])
        attributes = {"awsAccessKeyId": ACCESS, "awsSecretAccessKey": SECRET, "awsSessionToken": TOKEN}
        attributes |= {"bucket": "notary-submissions", "object": f"prod/AROA:a+b c/{identity}"}
        data = {"attributes": attributes, "id": identity, "type": "newSubmissions"}
        return self.reply(200, {"data": data, "meta": {}})

    def do_PUT(self):
        body = self.body()
        assert self.path.startswith("/storage/notary-submissions/prod/AROA%3Aa%2Bb%20c/"), self.path
        submission = submissions[self.path.rpartition("/")[2]]
        submission["uploads"] += 1
        if "stumbles" in submission["name"] and submission["uploads"] == 1:
            return self.reply(503, b"<Error><Code>SlowDown</Code></Error>", "application/xml")
        why = why_unsigned("PUT", self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        if "unwanted" in submission["name"]:
            why = "ExpiredToken"
        if why:
            log(refused=why)
            text = f"<?xml version='1.0'?><Error><Code>{why}</Code><Message>It cannot be stored.</Message></Error>"
            return self.reply(403, text.encode(), "application/xml")
        entries = []
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for entry in archive.infolist():
                content = hashlib.sha256(archive.read(entry)).hexdigest()
                entries.append([entry.filename, oct(entry.external_attr >> 16), content])
        submission["stored"] = hashlib.sha256(body).hexdigest() == submission["sha256"]
        log(stored=entries)
        return self.reply(200, b"")

    def do_GET(self):
        if self.path.startswith("/log/"):
            if "Authorization" in self.headers or "?X-Amz-Signature=hidden" not in self.path:
                return self.reply(400, b"")
            issue = {"severity": "warning", "path": "app.zip/app", "message": "It is \"old\".", "architecture": "arm64"}
            if "rejected" in self.path:
                issue = {"severity": "error", "path": "app.zip/app", "message": "The binary is not signed.", "architecture": "x86_64"}
            return self.reply(200, {"logFormatVersion": 1, "issues": [issue]}, "application/octet-stream")
        if not self.is_authorized():
            return None
        path = self.path.removeprefix("/notary/v2/submissions/")
        identity, _, logs = path.partition("/")
        submission = submissions.get(identity)
        if not submission or not submission["stored"]:
            detail = "There is no resource of type 'submissions' with that id."
            return self.reply(404, {"errors": [{"code": "NOT_FOUND", "detail": detail, "title": "Not found"}]})
        name = submission["name"]
        if logs:
            host = self.headers["Host"]
            attributes = {"developerLogUrl": f"http://{host}/log/{name}?X-Amz-Signature=hidden"}
            return self.reply(200, {"data": {"attributes": attributes, "id": identity, "type": "submissionsLog"}})
        submission["polls"] += 1
        log(polled=name)
        if "stumbles" in name and submission["polls"] == 1:
            self.close_connection = True
            return None
        if "stumbles" in name and submission["polls"] == 2:
            return self.reply(500, b"oops", "text/plain")
        waits = submission["polls"] < 4
        if "slow" in name:
            waits = not os.path.exists(os.path.join(PLACE, "release"))
        status = "In Progress" if waits else "Invalid" if "rejected" in name else "Accepted"
        attributes = {"createdDate": "2026-01-01T00:00:00.000Z", "name": name, "status": status}
        return self.reply(200, {"data": {"attributes": attributes, "id": identity, "type": "submissions"}, "meta": {}})


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
