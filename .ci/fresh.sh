# The README's commands as a newcomer runs them: sourced by run.
#
# Everything is below $fresh: `checkout`, a clone; `cargo`, a cargo home that holds no crate; `bare`,
# a PATH of what a bare Debian has.
fresh=$PWD/target/fresh

fresh() {
    local first commands
    rm -rf "$fresh" && mkdir -p "$fresh/cargo" || return 1
    clone "$fresh/checkout" || return 1
    registry_settings >"$fresh/cargo/config.toml"
    bare_path "$fresh/bare"
    mapfile -t commands < <(readme_commands "$fresh/checkout/README.md")
    if [ ${#commands[@]} -ne 2 ]; then
        echo "README.md has ${#commands[@]} commands below 'Try it', not 2: ${commands[*]}"
        return 1
    fi
    first=${commands[0]}
    as_newcomer "$first" | tee "$fresh/first.log" || return 1
    tail -n 1 "$fresh/first.log" | grep -q '^Hello'
}

# The README's second command, its tests, in what `fresh` has built: most tools are missing, and
# what that skips has to be named.
newcomer() {
    local commands
    mapfile -t commands < <(readme_commands "$fresh/checkout/README.md")
    as_newcomer "${commands[1]}" | tee "$fresh/second.log" || return 1
    skips_are_named
}

# This checkout as it is, changes that are not committed included.
clone() {
    local untracked state
    untracked=$(git ls-files --others --exclude-standard)
    if [ -n "$untracked" ]; then
        printf 'not in git, and so not in a clone:\n%s\n  hint: git add\n' "$untracked"
        return 1
    fi
    git clone --quiet . "$1" || return 1
    git diff --quiet HEAD && return 0
    state=$(mktemp)
    git diff --binary HEAD >"$state" && git -C "$1" apply --index "$state"
    local status=$?
    rm -f "$state"
    return $status
}

# What the user's cargo is told about where crates come from, and nothing else.
registry_settings() {
    local home=${CARGO_HOME:-$HOME/.cargo}
    cat "$home/config.toml" "$home/config" 2>/dev/null |
        awk '/^\[/ { keep = /^\[(registries|registry|source|http|net)[].]/ } keep'
}

# The commands of a README's section "Try it": its lines that are indented by four.
readme_commands() { awk '/^## / { here = $0 == "## Try it" } here && sub(/^    /, "")' "$1"; }

as_newcomer() {
    echo "\$ $1" >&2
    (
        cd "$fresh/checkout" || exit 1
        unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_DIR CARGO_INCREMENTAL OXIDIZE_FORBID_SKIPS
        CARGO_HOME=$fresh/cargo PATH=$fresh/bare bash -c "$1" 2>&1
    )
}

# Lets the tests to come leave out what passed in `newcomer`: OXIDIZE_PASSED, which tests/src/lib.rs
# explains.
leave_out_what_passed() {
    awk '/^ +Running / { suite = $NF; sub(/.*\//, "", suite); sub(/-[0-9a-f]+\)$/, "", suite) }
        sub(/^test /, "") && sub(/ +\.\.\. ok$/, "") { print suite, $0 }' \
        "$fresh/second.log" >"$fresh/passed"
    export OXIDIZE_PASSED=$fresh/passed
}

# What tests lack on a bare Debian is named by the run; these are missing for certain.
skips_are_named() {
    local name unnamed=
    for name in llvm.strip eu.strip openssl; do
        # Not -q, which would end the first one by a signal.
        grep -E 'ignored|skipped' "$fresh/second.log" | grep -e "$name" >/dev/null || unnamed+=" $name"
    done
    [ -z "$unnamed" ] && return 0
    echo "skipped without a word:$unnamed"
    return 1
}

# Lets the steps to come use what is built.
move_to_fresh() {
    cd "$fresh/checkout" || exit 1
    export CARGO_HOME=$fresh/cargo
}
