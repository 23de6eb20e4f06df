#!/bin/sh
# Azure Artifact Signing (--sign-command ./azure-artifact-signing.sh, without --sign-certificates).
# ENDPOINT: such as https://eus.codesigning.azure.net. ACCOUNT, PROFILE: their names.
# The service gives new certificates every few days, and only together with a signature, so the
# request for certificates signs 32 zeros.
set -e
profile="$ENDPOINT/codesigningaccounts/$ACCOUNT/certificateprofiles/$PROFILE"
version='?api-version=2023-06-15-preview'
token=$(az account get-access-token --resource https://codesigning.azure.net \
    --query accessToken --output tsv)
ask() {
    printf 'Authorization: Bearer %s\n' "$token" |
        curl -fsS -H @- -H 'Content-Type: application/json' "$@"
}
if [ "$OXIDIZE_SIGN_REQUEST" = certificates ]; then
    digest=$(head -c 32 /dev/zero | base64 -w0)
else
    digest=$(base64 -w0)
fi
answer=$(ask -d "{\"signatureAlgorithm\":\"RS256\",\"digest\":\"$digest\"}" "$profile:sign$version")
id=$(printf %s "$answer" | jq -r .id)
while :; do
    case $(printf %s "$answer" | jq -r .status) in
    Succeeded) break ;;
    InProgress | NotStarted | Running) sleep 1 ;;
    *)
        printf '%s\n' "$answer" >&2
        exit 1
        ;;
    esac
    answer=$(ask "$profile/sign/$id$version")
done
if [ "$OXIDIZE_SIGN_REQUEST" = certificates ]; then
    # PKCS#7 in base64, in base64.
    printf %s "$answer" | jq -r .result.signingCertificate | base64 -d | base64 -di
else
    printf %s "$answer" | jq -r .result.signature | base64 -d
fi
