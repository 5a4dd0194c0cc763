#!/bin/bash
# Builds containerd, its shim and its client from their public Go module into the cache, and prints the folder.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

version=2.4.2
module=github.com/containerd/containerd/v2

recipe() {
  local name
  go_module "require $module v$version"
  go_packages $(for name in "$@"; do echo "$module/cmd/$name"; done)
  for name in "$@"; do
    echo "building $name $version"
    # These snapshotters are not used, and one of them needs C headers.
    CGO_ENABLED=0 go build -trimpath -tags 'no_btrfs no_zfs' -ldflags "-s -w -X $module/version.Version=v$version" -o "out/$name" "$module/cmd/$name"
  done
}

in_cache "containerd-$version" containerd containerd-shim-runc-v2 ctr
