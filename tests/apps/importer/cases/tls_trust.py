# needs: /etc/ssl/certs/ca-certificates.crt
"""A default TLS context finds the system's certificates; the usual variables still win."""

import os
import ssl
import subprocess
import sys


def run():
    assert ssl.create_default_context().cert_store_stats()["x509_ca"] > 10
    if os.name == "nt":
        return  # The system's store always counts there.
    program = "import ssl; print(ssl.create_default_context().cert_store_stats()['x509_ca'])"
    environment = {**os.environ, "SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "/nonexistent"}
    count = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert count.stdout == "0\n", count
