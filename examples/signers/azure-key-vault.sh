#!/bin/sh
# Azure Key Vault (--sign-command ./azure-key-vault.sh --sign-certificates chain.pem).
# A vault may have the signer's certificate, but not the ones above it, so give the whole chain.
# KEY: the key's identifier, https://VAULT.vault.azure.net/keys/NAME/VERSION.
set -e
if [ "$OXIDIZE_SIGN_REQUEST" = certificates ]; then
    echo 'this script reads no certificates from the vault: give them with --sign-certificates FILE' >&2
    exit 1
fi
case $OXIDIZE_SIGN_ALGORITHM in
rsa-*) algorithm=RS256 ;;
ecdsa-p256-*) algorithm=ES256 ;;
*) algorithm=ES384 ;;
esac
token=$(az account get-access-token --resource https://vault.azure.net \
    --query accessToken --output tsv)
# base64url without padding goes there and comes back.
digest=$(base64 -w0 | tr '+/' '-_' | tr -d =)
signature=$(printf 'Authorization: Bearer %s\n' "$token" |
    curl -fsS -H @- -H 'Content-Type: application/json' \
    -d "{\"alg\":\"$algorithm\",\"value\":\"$digest\"}" "$KEY/sign?api-version=7.4" | jq -r .value)
case $((${#signature} % 4)) in
2) signature="$signature==" ;;
3) signature="$signature=" ;;
esac
printf %s "$signature" | tr -- '-_' '+/' | base64 -d
