#!/bin/bash
# Builds Helm from its public Go module into the cache, and prints the folder.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

version=4.3.1
module=helm.sh/helm/v4

recipe() {
  go_module "require $module v$version"
  go_packages "$module/cmd/helm"
  echo "building helm $version"
  CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X $module/internal/version.version=v$version" -o out/helm "$module/cmd/helm"
}

in_cache "helm-$version" helm
