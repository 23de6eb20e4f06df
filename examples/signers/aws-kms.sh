#!/bin/sh
# AWS KMS (--sign-command ./aws-kms.sh --sign-certificates chain.pem). KEY: the key's id, ARN or
# alias. KMS has keys only. The authority that certified the key sends the certificates.
set -e
if [ "$OXIDIZE_SIGN_REQUEST" = certificates ]; then
    echo 'AWS KMS has no certificates: give them with --sign-certificates FILE' >&2
    exit 1
fi
case $OXIDIZE_SIGN_ALGORITHM in
rsa-*) algorithm=RSASSA_PKCS1_V1_5_SHA_256 ;;
ecdsa-p256-*) algorithm=ECDSA_SHA_256 ;;
*) algorithm=ECDSA_SHA_384 ;;
esac
aws kms sign --key-id "$KEY" --message-type DIGEST --message fileb:///dev/stdin \
    --signing-algorithm $algorithm --query Signature --output text | base64 -d
