#!/bin/bash
# Builds runc from its public Go module into the cache, and prints the folder. Needs a C compiler, pkg-config and libseccomp's headers.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

version=1.5.1
module=github.com/opencontainers/runc

recipe() {
  go_module "require $module v$version"
  go_packages "$module"
  echo "building runc $version"
  # Without seccomp it would refuse every pod with a profile, and Podgate's own have one.
  CGO_ENABLED=1 go build -trimpath -tags seccomp -ldflags "-s -w" -o out/runc "$module"
}

in_cache "runc-$version" runc
