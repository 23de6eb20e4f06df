#!/bin/sh
# A token or service with a PKCS#11 module (--sign-command ./pkcs11.sh).
# MODULE: the module's path. ID: the key's id in hexadecimal, which `pkcs11-tool --list-objects
# --login` shows; told a label, some versions sign with any key. Without PIN, pkcs11-tool asks on the
# terminal.
set -e
: "${MODULE:?is not set: the path of the PKCS#11 module}"
: "${ID:?is not set: the id of the key}"
if [ "$OXIDIZE_SIGN_REQUEST" = certificates ]; then
    echo 'this script reads no certificates from the token: give them with --sign-certificates FILE' >&2
    exit 1
fi
umask 077
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
trap 'exit 1' HUP INT TERM
case $OXIDIZE_SIGN_ALGORITHM in
# What RSA signs is the hash's name in DER, then the digest.
rsa-*)
    printf '\060\061\060\015\006\011\140\206\110\001\145\003\004' >"$place/in"
    printf '\002\001\005\000\004\040' >>"$place/in"
    mechanism=RSA-PKCS
    ;;
*) mechanism=ECDSA ;;
esac
cat >>"$place/in"
# Standard input is at its end: read from there, an empty PIN would cost a try. As an argument,
# other users of this machine would see it.
terminal=/dev/tty
if [ -n "$PIN" ]; then
    export PIN
    terminal=/dev/null
fi
pkcs11-tool --module "$MODULE" --login ${PIN:+--pin env:PIN} \
    --sign --mechanism $mechanism --id "$ID" \
    --input-file "$place/in" --output-file "$place/out" <$terminal >&2
cat "$place/out"
