#!/bin/sh
# Google Cloud KMS (--sign-command ./google-kms.sh --sign-certificates chain.pem).
# KMS has keys only. The authority that certified the key sends the certificates.
# KEY: the key version's resource name,
# projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V.
# `gcloud kms asymmetric-sign` takes no digests: it hashes what it gets.
set -e
if [ "$OXIDIZE_SIGN_REQUEST" = certificates ]; then
    echo 'Google Cloud KMS has no certificates: give them with --sign-certificates FILE' >&2
    exit 1
fi
digest=$(base64 -w0)
token=$(gcloud auth print-access-token)
printf 'Authorization: Bearer %s\n' "$token" |
    curl -fsS -H @- -H 'Content-Type: application/json' \
    -d "{\"digest\":{\"$OXIDIZE_SIGN_HASH\":\"$digest\"}}" \
    "https://cloudkms.googleapis.com/v1/$KEY:asymmetricSign" | jq -r .signature | base64 -d
