#!/usr/bin/env bash
# Installs what is missing on a Debian-like machine, and nothing that is there already.
#
#     e2e/setup.sh NEED...      NEED is one of: cc rust go openssl buildah node h2load cargo-deny
#     e2e/setup.sh toolchain    prints the installed Rust toolchain to use in place of the one that rust-toolchain.toml names, if that is needed
#
# Debian packages come by apt (as root, or through sudo), Rust by rustup as rust-toolchain.toml says, and everything heavy goes to
# ${PODGATE_CACHE:-$HOME/.cache/podgate}, in a folder named by its version. Run it again at any time: it is silent when nothing is missing.
# Other scripts may source this file to get the PATH that the needs were installed to.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${PODGATE_CACHE:-$HOME/.cache/podgate}
go_version=${PODGATE_GO_VERSION:-1.26.8}
deny_version=0.20.2
deny_root=$cache/cargo-deny-$deny_version

export PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin:/usr/local/go/bin:$cache/go-$go_version/bin:$deny_root/bin"

have() { command -v "$1" >/dev/null 2>&1; }
say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 2; }

# apt_install PACKAGE...: the package lists are fetched once a run.
apt_updated=no
apt_install() {
    have apt-get || fail "please install by hand (no apt-get here): $*"
    local as_root=()
    if [[ $(id -u) != 0 ]]; then
        have sudo || fail "please install as root: apt-get install $*"
        as_root=(sudo)
        [[ -t 0 ]] || as_root+=(--non-interactive)
    fi
    say "installing $*"
    if [[ $apt_updated = no ]]; then
        "${as_root[@]}" apt-get update -qq >/dev/null || say "the package lists could not be refreshed; trying with those here"
        apt_updated=yes
    fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# A C compiler and linker, and what every step fetches and talks with.
need_cc() {
    local missing=()
    have cc || missing+=(gcc libc6-dev)
    have c++ || missing+=(g++)
    have make || missing+=(make)
    have curl || missing+=(curl)
    [[ -s /etc/ssl/certs/ca-certificates.crt ]] || missing+=(ca-certificates)
    [[ ${#missing[@]} = 0 ]] || apt_install "${missing[@]}"
}

# The version of Rust that rust-toolchain.toml names.
channel() { sed -n 's/^channel *= *"\(.*\)".*/\1/p' "$root/rust-toolchain.toml"; }

# The very version may be installed under another name, as `stable`: then nothing needs to be downloaded.
toolchain() {
    have rustup || return 0
    local name wanted
    wanted=$(channel)
    rustup toolchain list 2>/dev/null | awk -v "wanted=$wanted-" 'index($1, wanted) == 1 {found = 1} END {exit !found}' && return
    while read -r name _; do
        [[ $(RUSTUP_TOOLCHAIN=$name rustc --version 2>/dev/null) = "rustc $wanted "* ]] || continue
        RUSTUP_TOOLCHAIN=$name cargo clippy --version >/dev/null 2>&1 && RUSTUP_TOOLCHAIN=$name cargo fmt --version >/dev/null 2>&1 || continue
        echo "$name"
        return
    done < <(rustup toolchain list 2>/dev/null)
}

need_rust() {
    need_cc
    if ! have cargo && ! have rustup; then
        if have apt-get && [[ -n $(apt-cache search --names-only '^rustup$' 2>/dev/null) ]]; then
            apt_install rustup
        else
            say "installing rustup"
            curl --proto '=https' --tlsv1.2 -fsSL https://sh.rustup.rs | sh -s -- -y --no-modify-path --default-toolchain none >&2
        fi
    fi
    local other
    if other=$(toolchain) && [[ -n $other ]]; then export RUSTUP_TOOLCHAIN=$other; fi
    if have rustup; then
        # In this folder rustup reads rust-toolchain.toml; older ones install when asked for anything, newer ones only when told.
        (cd "$root" && rustup show active-toolchain >/dev/null 2>&1 && cargo --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 \
            && cargo fmt --version >/dev/null 2>&1) && return
        say "installing Rust $(channel)"
        rustup toolchain install "$(channel)" --no-self-update --profile minimal --component rustfmt --component clippy >&2
    fi
    (cd "$root" && cargo --version >/dev/null) || fail "cargo does not run; install Rust as rust-toolchain.toml says"
}

# Go 1.21 and later fetch the toolchain a module asks for by themselves; an older one is used once, to fetch a newer.
need_go() {
    if have go && go_is_enough go; then return; fi
    [[ -x $cache/go-$go_version/bin/go ]] || {
        have go || apt_install golang-go
        go_is_enough go && return
        fetch_go
    }
    PATH=$cache/go-$go_version/bin:$PATH
}

go_is_enough() {
    local version
    version=$(cd / && "$1" env GOVERSION 2>/dev/null) || return 1
    [[ $version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= 21))
}

# Go's own toolchains are published as modules, and any `go` can download a module.
fetch_go() {
    local arch work dir
    case $(uname -m) in
        x86_64) arch=amd64 ;;
        aarch64) arch=arm64 ;;
        *) fail "please install Go $go_version by hand on $(uname -m)" ;;
    esac
    say "fetching Go $go_version"
    work=$(mktemp -d)
    printf 'module fetch\n' >"$work/go.mod"
    dir=$(cd "$work" && GOFLAGS=-mod=mod \
        go mod download -json "golang.org/toolchain@v0.0.1-go$go_version.linux-$arch" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)".*/\1/p')
    rm -rf "$work"
    [[ -n $dir ]] || fail "Go $go_version could not be fetched"
    mkdir -p "$cache"
    rm -rf "$cache/go-$go_version.part"
    cp -r "$dir" "$cache/go-$go_version.part"
    chmod -R u+w "$cache/go-$go_version.part"
    chmod +x "$cache/go-$go_version.part/bin/"* "$cache/go-$go_version.part/pkg/tool/"*/*
    mv "$cache/go-$go_version.part" "$cache/go-$go_version"
}

need_openssl() { have openssl || apt_install openssl; }

# The image is built without a container engine.
need_buildah() { have buildah || apt_install buildah uidmap; }

# What makes this machine a node: what the kubelet and kube-proxy call, and what runc is built with.
need_node() {
    local missing=()
    have ip || missing+=(iproute2)
    have iptables || missing+=(iptables)
    have conntrack || missing+=(conntrack)
    have socat || missing+=(socat)
    have nsenter || missing+=(util-linux)
    have pkg-config || missing+=(pkg-config)
    [[ -x /usr/lib/cni/ptp ]] || missing+=(containernetworking-plugins)
    pkg-config --exists libseccomp 2>/dev/null || missing+=(libseccomp-dev)
    [[ ${#missing[@]} = 0 ]] || apt_install "${missing[@]}"
}

# The other database of the ledger's store. The package's own server is not started.
need_postgres() {
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return
    mkdir -p /etc/postgresql-common 2>/dev/null && printf 'create_main_cluster = false\n' >/etc/postgresql-common/createcluster.conf 2>/dev/null || true
    apt_install postgresql
}

# The browser that looks at the console, and what types and clicks in it.
need_chromium() { have chromium && have chromedriver || apt_install chromium chromium-driver; }

# What sends the load of `make bench`.
need_h2load() { have h2load || apt_install nghttp2-client; }

need_cargo_deny() {
    need_rust
    [[ -x $deny_root/bin/cargo-deny ]] && return
    say "building cargo-deny $deny_version (once; a few minutes)"
    mkdir -p "$cache"
    (cd "$root" && cargo install cargo-deny --version "$deny_version" --locked --root "$deny_root" >&2)
}

if [[ ${BASH_SOURCE[0]} = "$0" ]]; then
    for need in "$@"; do
        case $need in
            cc | rust | go | openssl | buildah | node | postgres | chromium | h2load) "need_$need" ;;
            cargo-deny) need_cargo_deny ;;
            toolchain) toolchain ;;
            *) fail "unknown need: $need" ;;
        esac
    done
fi
