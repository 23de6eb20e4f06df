"""Signing services as their documentation has them: services.py NAME ARGUMENT...

Plays the commands aws, az, gcloud and curl for the scripts in examples/signers. What it signs with
is KEYFILE, a key's file, and the certificates are those of CERTIFICATES. Whatever the documentation
does not have is an error.

AWS: "kms sign". Key Vault: "Sign" of its REST API 7.4. Google: "asymmetricSign" of Cloud KMS v1.
eSigner: CSC API 0.1.7.9. Artifact Signing: what jsign sends and reads.
"""

import base64
import json
import os
import subprocess
import sys

name, *arguments = sys.argv[1:]
TOKEN = "a-token"
environ = os.environ


def check(condition):
    if not condition:
        sys.exit(f"{name}: this is not in the documentation: {arguments}")


def option(option_name):
    check(arguments.count(option_name) == 1)
    return arguments[arguments.index(option_name) + 1]


def signed(digest, kind):
    """A signature as openssl writes it: for ECDSA in DER."""
    check(len(digest) == (48 if kind == "384" else 32))
    command = ["openssl", "pkeyutl", "-sign", "-inkey", environ["KEYFILE"]]
    command += ["-pkeyopt", f"digest:sha{kind}"]
    return subprocess.run(command, input=digest, capture_output=True, check=True).stdout


def numbers(der, kind):
    """Both numbers of an ECDSA signature in DER, one after the other."""
    size = {"256": 32, "384": 48}[kind]
    found, at = b"", 3 if der[1] & 0x80 else 2
    for _ in range(2):
        length = der[at + 1]
        found += der[at + 2 : at + 2 + length].lstrip(b"\0").rjust(size, b"\0")
        at += 2 + length
    return found


def text(content):
    return base64.b64encode(content).decode()


def certificates(form):
    command = ["openssl", "crl2pkcs7", "-nocrl", "-outform", form]
    for path in environ["CERTIFICATES"].split(","):
        command += ["-certfile", path]
    return subprocess.run(command, capture_output=True, check=True).stdout


def read(place):
    """What curl reads for `@PLACE`."""
    if place == "@-":
        return sys.stdin.read()
    with open(place[1:]) as file:
        return file.read()


def curl():
    check("Content-Type: application/json" in arguments and "-fsS" in arguments)
    # Arguments can be seen by others.
    check(TOKEN not in " ".join(arguments) and "123456" not in " ".join(arguments))
    headers = [value for option, value in zip(arguments, arguments[1:]) if option == "-H"]
    [header] = [value for value in headers if value[:1] == "@"]
    check(read(header) == f"Authorization: Bearer {TOKEN}\n")
    url = arguments[-1]
    body = option("-d") if "-d" in arguments else "null"
    body = json.loads(read(body) if body[:1] == "@" else body)
    if url == f"{environ['KEY']}/sign?api-version=7.4":
        check(set(body) == {"alg", "value"} and "=" not in body["value"])
        digest = base64.urlsafe_b64decode(body["value"] + "==")
        kind = body["alg"][2:]
        signature = signed(digest, kind)
        if body["alg"].startswith("ES"):
            signature = numbers(signature, kind)
        value = base64.urlsafe_b64encode(signature).decode().rstrip("=")
        return {"kid": environ["KEY"], "value": value}
    if url == f"https://cloudkms.googleapis.com/v1/{environ['KEY']}:asymmetricSign":
        [(hash, digest)] = body["digest"].items()
        return {"signature": text(signed(base64.b64decode(digest), hash[3:]))}
    if url == "https://cs.ssl.com/csc/v0/credentials/info":
        check(body == {"credentialID": "demo", "certificates": "chain"})
        bag = subprocess.run(
            ["openssl", "pkcs7", "-print_certs", "-inform", "DER"],
            input=certificates("DER"),
            capture_output=True,
            check=True,
        ).stdout.decode()
        blocks = [part.split("-----END")[0] for part in bag.split("CERTIFICATE-----\n")]
        found = [block.replace("\n", "") for block in blocks if block.startswith("MII")]
        return {"cert": {"certificates": found}}
    if url == "https://cs.ssl.com/csc/v0/credentials/authorize":
        check(body["credentialID"] == "demo" and body["OTP"] == "123456")
        check(body["numSignatures"] == 1)
        return {"SAD": f"for {body['hash'][0]}"}
    if url == "https://cs.ssl.com/csc/v0/signatures/signHash":
        check(body["SAD"] == f"for {body['hash'][0]}" and body["credentialID"] == "demo")
        algorithms = {
            "1.2.840.113549.1.1.11": "256",
            "1.2.840.10045.4.3.2": "256",
            "1.2.840.10045.4.3.3": "384",
        }
        kind = algorithms[body["signAlgo"]]
        return {"signatures": [text(signed(base64.b64decode(body["hash"][0]), kind))]}
    profile = "https://eus.codesigning.azure.net/codesigningaccounts/a/certificateprofiles/p"
    version = "?api-version=2023-06-15-preview"
    if url == f"{profile}:sign{version}":
        check(body["signatureAlgorithm"] == "RS256")
        with open(environ["STATE"], "w") as file:
            file.write(body["digest"])
        return {"id": "operation", "status": "InProgress"}
    check(url == f"{profile}/sign/operation{version}" and body is None)
    with open(environ["STATE"]) as file:
        signature = signed(base64.b64decode(file.read()), "256")
    # The service really names the signer's certificate twice.
    environ["CERTIFICATES"] += f",{environ['CERTIFICATES'].split(',')[0]}"
    bag = text(base64.encodebytes(certificates("DER")))
    result = {"signature": text(signature), "signingCertificate": bag}
    return {"id": "operation", "status": "Succeeded", "result": result}


if name == "az":
    check(arguments[:2] == ["account", "get-access-token"] and option("--output") == "tsv")
    check(option("--query") == "accessToken")
    check(option("--resource") in ("https://vault.azure.net", "https://codesigning.azure.net"))
    print(TOKEN)
elif name == "gcloud":
    check(arguments == ["auth", "print-access-token"])
    print(TOKEN)
elif name == "aws":
    check(arguments[:2] == ["kms", "sign"] and option("--message-type") == "DIGEST")
    check(option("--key-id") == environ["KEY"] and option("--message") == "fileb:///dev/stdin")
    check(option("--query") == "Signature" and option("--output") == "text")
    algorithm = option("--signing-algorithm")
    check(algorithm in ("RSASSA_PKCS1_V1_5_SHA_256", "ECDSA_SHA_256", "ECDSA_SHA_384"))
    print(text(signed(sys.stdin.buffer.read(), algorithm[-3:])))
else:
    check(name == "curl")
    print(json.dumps(curl()))
