#!/bin/sh
# What nobody could see without a Mac: whether packaged programs start there, and whether everything in them works.
#
#   1. anywhere, in a checkout with the stubs of both targets:    sh tests/smoke/macos.sh make DIR
#      packages the programs for both processors and puts a copy of this script beside them; fetches two wheels with pip
#   2. on the Mac, DIR copied there:                              sh DIR/macos.sh
#      exit status 0 and "all good", or one line for each thing that is not as it should be
#
# What 2. checks, for each processor this Mac runs (Intel programs by Rosetta where it is installed):
#   - codesign --verify --strict accepts the file, and finds it ad hoc signed; the libraries it names are the three we allow
#   - the program starts, also from a path with a space, from a read-only directory and with an empty environment
#   - macos/app/__main__.py: every module of the standard library is imported, and what depends on answers about macOS that were
#     not measured is tried: threads and their stacks, fork, spawn, posix_spawn, multiprocessing in both ways, semaphores, kqueue,
#     sendfile, pseudo-terminals, terminal descriptions, locales, proxies (_scproxy), certificates, callbacks of ctypes,
#     dbm.ndbm, sqlite, time zones, and what sysconfig says about all this
#   - macos/files and the cases of tests/apps/files that are not one system's: files below /~oxidize by open, stat, listdir,
#     scandir, realpath, dir_fd, mmap, copytree and importlib.resources; the mode of files that os.open makes elsewhere; sqlite
#     and ssl on virtual paths; programs in a package by subprocess, posix_spawn and exec; no file stays in the temporary directory
#   - a wheel with an extension module (MarkupSafe) and one that brings libraries along (Pillow) load from the cache, twice; a
#     file in the cache that was changed is not used
#   - a changed byte in the program makes codesign refuse it
# spctl's opinion is shown and does not count: ad-hoc signatures are nobody's, so Gatekeeper refuses such a file once it was
# downloaded with a browser. That is what signing with an identity and notarization are for.
set -u

here=$(cd "$(dirname "$0")" && pwd)

make() {
    root=$(cd "$here/../.." && pwd)
    tool=$root/target/release/oxidize-inject
    mkdir -p "$1" && out=$(cd "$1" && pwd)
    for target in aarch64-apple-darwin:macosx_11_0_arm64 x86_64-apple-darwin:macosx_11_0_x86_64; do
        triple=${target%%:*} platform=${target##*:}
        mkdir -p "$out/$triple"
        "$tool" "$out/$triple/smoke" --resources "$here/macos/app" --target "$triple" || exit 1
        "$tool" "$out/$triple/virtual" --resources "$here/macos/files" --target "$triple" || exit 1
        "$tool" "$out/$triple/files" --resources "$root/tests/apps/files" --target "$triple" || exit 1
        wheels=$(mktemp -d) && cp "$here/macos/wheels/__main__.py" "$wheels/" &&
            python3 -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --ignore-requires-python \
                --implementation cp --python-version 3.13 --platform "$platform" --only-binary :all: \
                --target "$wheels" markupsafe pillow || exit 1
        "$tool" "$out/$triple/wheels" --resources "$wheels" --script __main__.py --target "$triple" || exit 1
        rm -rf "$wheels"
    done
    cp "$here/macos.sh" "$out/"
    echo "on the Mac: sh $(basename "$out")/macos.sh"
}

bad=0
say() { printf '%s\n' "$*"; }
failed() { bad=$((bad + 1)); say "FAILED $*"; }
try() {
    what=$1
    shift
    if said=$("$@" 2>&1); then say "ok     $what"; else failed "$what: $(printf '%s' "$said" | tail -n 5)"; fi
}

check() {
    triple=$1 program=$here/$1/smoke
    try "$triple: codesign --verify --strict" codesign --verify --strict --verbose=4 "$program"
    try "$triple: signed ad hoc" sh -c "codesign --display --verbose=4 '$program' 2>&1 | grep -q 'Signature=adhoc'"
    libraries=$(otool -L "$program" | sed 1d | awk '{print $1}' | sort | tr '\n' ' ')
    expected="/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation /System/Library/Frameworks/SystemConfiguration.framework/Versions/A/SystemConfiguration /usr/lib/libSystem.B.dylib "
    [ "$libraries" = "$expected" ] || failed "$triple: it names the libraries $libraries"
    say "note   spctl: $(spctl --assess --verbose=2 "$program" 2>&1 | tail -n 1)"

    place=$(mktemp -d) && mkdir "$place/a b" && cp "$program" "$place/a b/smoke" && chmod 555 "$place/a b"
    try "$triple: from a read-only directory with a space in its name" "$place/a b/smoke" start
    try "$triple: with an empty environment" env -i "$place/a b/smoke" start
    ln -s "$place/a b/smoke" "$place/link"
    try "$triple: through a link" "$place/link" start
    if said=$("$program" all 2>&1); then
        say "ok     $triple: $(printf '%s\n' "$said" | grep -c '^ok') checks inside the program"
    else
        failed "$triple: inside the program:"
        printf '%s\n' "$said" | grep -v '^ok'
    fi

    # A home of its own, so that the cache is empty at first.
    mkdir "$place/home" "$place/here"
    if said=$(cd "$place/here" && HOME="$place/home" "$here/$triple/virtual" 2>&1); then
        say "ok     $triple: $(printf '%s\n' "$said" | grep -c '^ok') checks of virtual files"
    else
        failed "$triple: virtual files:"
        printf '%s\n' "$said" | grep -v '^ok'
    fi
    for case in attributes children descriptors errors extended_attributes library_users listings open_and_read outside programs threads two_paths; do
        try "$triple: virtual files: $case" sh -c "cd '$place/here' && HOME='$place/home' '$here/$triple/files' $case"
        rm -rf "$place/here" && mkdir "$place/here"
    done
    left=$(find "$(getconf DARWIN_USER_TEMP_DIR)" -maxdepth 1 -name '.oxidize-*' 2>/dev/null)
    [ -z "$left" ] || failed "$triple: left in the temporary directory: $left"

    try "$triple: wheels with extension modules" env HOME="$place/home" "$here/$triple/wheels"
    try "$triple: the same from the cache" env HOME="$place/home" "$here/$triple/wheels"
    cached=$(find "$place/home/Library/Caches/oxidize-inject" -name '*.so' | head -n 1)
    if [ -n "$cached" ]; then
        printf x >>"$cached"
        try "$triple: a changed file in the cache is replaced" env HOME="$place/home" "$here/$triple/wheels"
    else
        failed "$triple: nothing in the cache"
    fi

    cp "$program" "$place/changed"
    size=$(stat -f %z "$place/changed")
    printf x | dd of="$place/changed" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
    if codesign --verify --strict "$place/changed" 2>/dev/null; then failed "$triple: a changed byte goes unnoticed"; fi
    chmod 755 "$place/a b"
    rm -rf "$place"
}

if [ "${1:-}" = make ]; then
    make "${2:?the directory to write to}"
    exit
fi
[ "$(uname -s)" = Darwin ] || { say "this is not a Mac; to prepare: sh macos.sh make DIR"; exit 2; }
say "macOS $(sw_vers -productVersion), $(uname -m)"
if [ "$(uname -m)" = arm64 ]; then
    check aarch64-apple-darwin
    if arch -x86_64 /usr/bin/true 2>/dev/null; then check x86_64-apple-darwin; else say "note   no Rosetta: the Intel program is not tried"; fi
else
    check x86_64-apple-darwin
fi
[ "$bad" -eq 0 ] && say "all good" || say "$bad FAILED"
[ "$bad" -eq 0 ]
