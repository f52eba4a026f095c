#!/usr/bin/env bash
# Swift on a machine whose own distribution has none: Debian's `swiftlang` in a root of its own, entered by chroot.
#
#   xtask/swift-root.sh make              makes the root if it is not there, and prints its folder
#   xtask/swift-root.sh run [BIND…] -- COMMAND…   runs a command inside it, in the current folder
#
# BIND is a folder that is seen inside at the same place. The checkout always is. Environment variables whose name begins
# with BEISTAND_ go in; nothing else does but PATH and a home.
#
# The root is built beside its place and moved there when it is whole, so a run that was interrupted leaves nothing that
# looks finished. Every mount belongs to a mount namespace that ends with the process that made it: there is nothing to
# unmount afterwards, whatever happens. Needs root, because of chroot and mount.
set -euo pipefail

root=${BEISTAND_SWIFT_ROOT:-$HOME/.cache/beistand/swift-root}
here=$(cd "$(dirname "$0")/.." && pwd -P)
release=trixie
packages=(swiftlang libc6-dev libstdc++-14-dev git)

fail() { echo "swift-root: $1" >&2; exit 1; }

# The part of `make` that mounts; runs in a mount namespace of its own.
fill() {
    local part=$1 mirror=$2
    debootstrap --variant=minbase "$release" "$part" "$mirror" >"$part.log" 2>&1 || { tail -n 20 "$part.log" >&2; fail "debootstrap failed"; }
    mount -t proc proc "$part/proc"
    # This machine's way to its package source, seen through a mount and never copied.
    for place in /etc/apt/apt.conf.d /etc/apt/auth.conf.d; do
        if [ -d "$place" ]; then mkdir -p "$part$place"; mount --bind -o ro "$place" "$part$place"; fi
    done
    for file in /etc/resolv.conf /etc/hosts; do
        [ -f "$file" ] && { : >"$part$file"; mount --bind "$file" "$part$file"; }
    done
    if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
        mkdir -p "$part/etc/ssl/certs"
        mount --bind /etc/ssl/certs "$part/etc/ssl/certs"
    fi
    # Errors of the first look do not count: the second says them.
    DEBIAN_FRONTEND=noninteractive chroot "$part" sh -c \
        "apt-get update -qq && apt-get install -y -qq --no-install-recommends ${packages[*]}" >>"$part.log" 2>&1 ||
        { tail -n 20 "$part.log" >&2; fail "swiftlang could not be installed"; }
    chroot "$part" swift --version >&2
}

make_root() {
    [ -f "$root/.whole" ] && { echo "$root"; return; }
    [ "$(id -u)" = 0 ] || fail "only root can make a Debian root; install Swift 6 from swift.org so that 'swift' is on PATH"
    command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install -y debootstrap"
    mkdir -p "$(dirname "$root")"
    exec 9>"$root.lock"
    flock 9
    [ -f "$root/.whole" ] && { echo "$root"; return; }
    local part=$root.part mirror
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
    [ -n "$mirror" ] || mirror=http://deb.debian.org/debian
    # Left by a run that was interrupted; its mounts went with it.
    rm -rf --one-file-system "$part" "$root"
    mkdir -p "$part"
    unshare -m --propagation private "$0" fill "$part" "$mirror" >&2
    : >"$part/.whole"
    mv "$part" "$root"
    rm -f "$root.part.log"
    echo "$root"
}

# The part of `run` that mounts; runs in a mount namespace of its own.
enter() {
    local binds=("$here") folder keep=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do binds+=("$(cd "$1" && pwd -P)"); shift; done
    [ $# -gt 1 ] || fail "usage: swift-root.sh run [BIND…] -- COMMAND…"
    shift
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/tmp"
    for folder in "${binds[@]}"; do
        mkdir -p "$root$folder"
        mount --bind "$folder" "$root$folder"
    done
    while IFS= read -r name; do keep+=("$name=${!name}"); done < <(compgen -e | grep '^BEISTAND_' || true)
    mkdir -p "$root/root"
    exec chroot "$root" env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/root LANG=C.UTF-8 TMPDIR=/tmp "${keep[@]}" \
        sh -c 'cd "$1" && shift && exec "$@"' sh "$PWD" "$@"
}

case ${1:-} in
make) make_root ;;
fill) shift; fill "$@" ;;
enter) shift; enter "$@" ;;
run)
    shift
    [ -f "$root/.whole" ] || fail "there is no root yet: xtask/swift-root.sh make"
    exec unshare -m --propagation private "$0" enter "$@"
    ;;
*) fail "usage: swift-root.sh make | run [BIND…] -- COMMAND…" ;;
esac
