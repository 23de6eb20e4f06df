#!/bin/sh
# SSL.com eSigner (--sign-command ./esigner.sh, without --sign-certificates).
# TOKEN: an access token. CREDENTIAL: the credential's id. OTP: the one-time code; without it the
# script asks for it.
set -e
# Neither the token nor the one-time code is in an argument, which other users of this machine see.
ask() {
    printf %s "$2" |
        curl -fsS -H @/dev/fd/3 -H 'Content-Type: application/json' -d @- \
            "https://cs.ssl.com/csc/v0/$1" 3<<HEADER
Authorization: Bearer $TOKEN
HEADER
}
if [ "$OXIDIZE_SIGN_REQUEST" = certificates ]; then
    ask credentials/info "{\"credentialID\":\"$CREDENTIAL\",\"certificates\":\"chain\"}" |
        jq -r '.cert.certificates[]' |
        while read -r certificate; do
            echo '-----BEGIN CERTIFICATE-----'
            echo "$certificate" | fold -w 64
            echo '-----END CERTIFICATE-----'
        done
    exit
fi
case $OXIDIZE_SIGN_ALGORITHM in
rsa-*) algorithm=1.2.840.113549.1.1.11 ;;
ecdsa-p256-*) algorithm=1.2.840.10045.4.3.2 ;;
*) algorithm=1.2.840.10045.4.3.3 ;;
esac
hash=$(base64 -w0)
if [ -z "$OTP" ]; then
    printf 'One-time code for eSigner: ' >/dev/tty
    read -r OTP </dev/tty
fi
request="\"credentialID\":\"$CREDENTIAL\",\"hash\":[\"$hash\"]"
activation=$(ask credentials/authorize "{$request,\"numSignatures\":1,\"OTP\":\"$OTP\"}" |
    jq -r .SAD)
ask signatures/signHash "{$request,\"SAD\":\"$activation\",\"signAlgo\":\"$algorithm\"}" |
    jq -r '.signatures[0]' | base64 -d
