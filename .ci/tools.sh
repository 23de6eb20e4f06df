# What the tests drive besides a Rust toolchain, git, a C compiler and Python: sourced by run.
#
# One a line: a command, or a file that proves the package to be there, and the Debian package that
# brings it. binutils, elfutils and llvm are for the survival tests; qemu with Arm's glibc and wine run
# programs of other systems; softhsm2 and opensc hold a signing key in a token; jq is for the scripts
# in examples/signers.
tools='
cc gcc
c++ g++
python3 python3
pip3 python3-pip
readelf binutils
strace strace
eu-strip elfutils
llvm-strip llvm
llvm-mc llvm
patchelf patchelf
osslsigncode osslsigncode
openssl openssl
softhsm2-util softhsm2
pkcs11-tool opensc
jq jq
sudo sudo
qemu-aarch64 qemu-user
/usr/lib/binfmt.d/qemu-aarch64.conf qemu-user-binfmt
wine wine
/usr/lib/wine/wine64 wine64
/lib/ld-linux-aarch64.so.1 libc6:arm64
/usr/lib/aarch64-linux-gnu/libstdc++.so.6 libstdc++6:arm64
'
rust_targets='
x86_64-unknown-linux-musl
aarch64-unknown-linux-gnu
aarch64-unknown-linux-musl
x86_64-pc-windows-gnu
aarch64-apple-darwin
x86_64-apple-darwin
'
# Commands that a bare Debian with git, gcc and Python does not have, as patterns.
not_on_bare_debian='strace* eu-* llvm-* clang* lld* ld.lld* patchelf osslsigncode openssl softhsm2-* pkcs11-* jq qemu-* wine* valgrind* callgrind*'
formats=/proc/sys/fs/binfmt_misc

# The packages that are missing here, one a line, each behind what showed it.
missing_packages() {
    local proof package
    while read -r proof package; do
        [ -z "$proof" ] || command -v "$proof" >/dev/null || [ -e "$proof" ] || echo "$proof $package"
    done <<<"$tools"
}

missing_rust_targets() {
    comm -23 <(sort <<<"$rust_targets") <(rustup target list --installed | sort) | sed '/^$/d'
}

# Whether everything is there; says in one message what is not, and where it comes from.
tools() {
    local packages targets
    packages=$(missing_packages)
    targets=$(missing_rust_targets)
    [ -e $formats/qemu-aarch64 ] || packages+=$'\n'"$formats/qemu-aarch64 qemu-user-binfmt, registered with the kernel"
    packages=$(sed '/^$/d' <<<"$packages")
    [ -n "$packages$targets" ] || return 0
    echo "error: not everything that the tests need is here"
    [ -z "$packages" ] || sed 's/^\([^ ]*\) \(.*\)/  missing: \1 (Debian package \2)/' <<<"$packages"
    [ -z "$targets" ] || sed 's/.*/  missing: Rust target & (rustup target add &)/' <<<"$targets"
    echo "  hint: .ci/run install brings all of it; it installs packages, adds arm64 to dpkg's architectures"
    echo "        and mounts binfmt_misc"
    return 1
}

# Brings what is missing. Changes the machine, so it is a step of hosted CI (CI=true) and otherwise run by name only.
install() {
    local packages
    dpkg --print-foreign-architectures | grep -qx arm64 || dpkg --add-architecture arm64 || return 1
    packages=$(missing_packages | cut -d' ' -f2)
    if [ -n "$packages" ]; then
        # shellcheck disable=SC2086 # a list
        apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y $packages || return 1
    fi
    # The kernel starts aarch64 programs by qemu, so that they can start each other.
    [ -e $formats/register ] || mount -t binfmt_misc binfmt_misc $formats || return 1
    [ -e $formats/qemu-aarch64 ] || cat /usr/lib/binfmt.d/qemu-aarch64.conf >$formats/register || return 1
    # shellcheck disable=SC2086 # a list
    rustup target add $rust_targets
}

# A folder with links to every command of PATH that a bare Debian has, too, and a rustup that knows the host alone.
bare_path() {
    local folder=$1 directory pattern rustup
    rustup=$(command -v rustup)
    mkdir -p "$folder"
    while read -r directory; do
        [ -d "$directory" ] && find "$directory" -maxdepth 1 ! -type d -exec ln -sf -t "$folder" {} +
    done < <(tr : '\n' <<<"$PATH" | tac)
    for pattern in $not_on_bare_debian; do
        # shellcheck disable=SC2086 # a pattern
        rm -f "$folder"/$pattern
    done
    rm -f "$folder/rustup"
    cat >"$folder/rustup" <<END
#!/bin/sh
[ "\$*" != "target list --installed" ] || exec rustc --print host-tuple
exec "$rustup" "\$@"
END
    chmod +x "$folder/rustup"
}
