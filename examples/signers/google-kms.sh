#!/bin/sh
# Google Cloud KMS (--sign-command ./google-kms.sh). KEY: the key version's resource name,
# projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V.
# `gcloud kms asymmetric-sign` takes no digests: it hashes what it gets.
set -e
digest=$(base64 -w0)
token=$(gcloud auth print-access-token)
printf 'Authorization: Bearer %s\n' "$token" |
    curl -fsS -H @- -H 'Content-Type: application/json' \
    -d "{\"digest\":{\"$OXIDIZE_SIGN_HASH\":\"$digest\"}}" \
    "https://cloudkms.googleapis.com/v1/$KEY:asymmetricSign" | jq -r .signature | base64 -d
