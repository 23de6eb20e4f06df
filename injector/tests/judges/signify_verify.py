"""Verifies Windows programs with signify: signify_verify.py AUTHORITY.pem PROGRAM...

signify reads keys with oscrypto. oscrypto 1.3.0 looks for OpenSSL's version with a pattern that has
one digit for each of the three numbers, so it does not find 3.0.10 or later. The pattern is widened
while oscrypto is imported.
"""

import json
import re
import sys

search = re.search


def widened(pattern, *arguments, **options):
    if isinstance(pattern, str):
        pattern = pattern.replace(r"\d\.\d\.\d", r"\d+\.\d+\.\d+")
    return search(pattern, *arguments, **options)


re.search = widened
import oscrypto.asymmetric  # noqa: E402, F401

re.search = search

from signify.authenticode import AuthenticodeFile  # noqa: E402
from signify.x509 import Certificate, CertificateStore  # noqa: E402

authority, *programs = sys.argv[1:]
with open(authority, "rb") as file:
    trusted = CertificateStore([Certificate.from_pem(file.read())], trusted=True)
found = []
for path in programs:
    with open(path, "rb") as file:
        program = AuthenticodeFile.from_stream(file)
        result, error = program.explain_verify(trusted_certificate_store=trusted)
        signatures = []
        for signature in program.iter_signatures() if result.name == "OK" else ():
            signer = signature.signer_info
            stamp = signer.countersigner
            signatures.append(
                {
                    "name": signer.program_name,
                    "url": signer.more_info,
                    "hash": signature.indirect_data.digest_algorithm.__name__,
                    "stamped": stamp is not None,
                }
            )
    found.append({"result": result.name, "error": str(error), "signatures": signatures})
print(json.dumps(found))
