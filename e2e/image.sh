#!/usr/bin/env bash
# Builds the image from a static binary and looks into it.
#
#     e2e/image.sh BINARY [NAME]        writes dist/podgate.tar, an image archive that containerd, docker and podman load
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
self=e2e/image.sh

binary=${1:?the static binary}
name=${2:-localhost/podgate:dev}
say() { printf 'image: %s\n' "$*"; }
fail() { printf 'image: %s\n' "$*" >&2; exit 1; }

# Not root: go on inside a user namespace, where mounting is allowed.
if [[ $(id -u) != 0 ]]; then exec buildah unshare "$self" "$binary" "$name"; fi

# `vfs` and `chroot` need no kernel feature and no privilege that a container lacks; the storage is ours and thrown away.
work=$(mktemp -d)
buildah() { command buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }
cleanup() {
    [[ -z ${container:-} ]] || buildah umount "$container" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT

# A program that asks for a loader would not start in an image that has none. The kernel reads the loader's path from the file's INTERP header.
if readelf_out=$(readelf -l "$binary" 2>/dev/null) && grep -q INTERP <<<"$readelf_out"; then
    fail "$binary is not static"
fi

rm -rf dist
mkdir -p dist
install -m 0755 "$binary" dist/podgate
install -m 0644 /etc/ssl/certs/ca-certificates.crt dist/ca-certificates.crt

buildah build --quiet --isolation chroot --timestamp 0 --format oci --build-arg BINARIES=prebuilt --tag "$name" . >/dev/null

user=$(buildah inspect --type image --format '{{.OCIv1.Config.User}}' "$name")
[[ $user = 65532:65532 ]] || fail "runs as '$user', not as 65532:65532"
entrypoint=$(buildah inspect --type image --format '{{.OCIv1.Config.Entrypoint}}' "$name")
[[ $entrypoint = '[/podgate]' ]] || fail "starts $entrypoint, not /podgate"

container=$(buildah from --quiet "$name")
mounted=$(buildah mount "$container")
# Folders that the builder itself makes for mounts are empty and do not count.
files=$(cd "$mounted" && find . ! -type d | LC_ALL=C sort | tr '\n' ' ')
[[ $files = './etc/ssl/certs/ca-certificates.crt ./podgate ' ]] || fail "holds other files than the binary and the roots: $files"
cmp -s "$binary" "$mounted/podgate" || fail "the binary inside is not the one given"
[[ $(stat -c %a "$mounted/podgate") = 755 ]] || fail "/podgate has mode $(stat -c %a "$mounted/podgate")"
# With nothing but its own files around it, and as the user of the image.
chroot --userspec=65532:65532 "$mounted" /podgate version >/dev/null || fail "does not start in its own root"

buildah push --quiet "$name" "docker-archive:dist/podgate.tar:$name" >/dev/null
say "$name: user $user, $(stat -c %s "$mounted/podgate" | awk '{printf "%.1f MB", $1 / 1e6}') binary and the CA roots, nothing else; dist/podgate.tar"
