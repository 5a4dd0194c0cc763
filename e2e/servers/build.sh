#!/bin/bash
# Builds Kubernetes' own servers, and etcd, from their public Go modules into the cache.
#
#   build.sh [KUBERNETES_VERSION [BINARY...]]      prints the folder that holds the binaries
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

version=${1:-1.37.2}
version=${version#v}
shift || true
[ $# -gt 0 ] || set -- etcd kube-apiserver kubectl

# The package behind each name. To build one more server, add its line here.
package() {
  case $1 in
    etcd) echo go.etcd.io/etcd/server/v3 ;;
    kube-apiserver | kube-controller-manager | kube-scheduler | kube-proxy | kubelet | kubectl) echo "k8s.io/kubernetes/cmd/$1" ;;
    *) echo "build.sh: no recipe for '$1'" >&2; return 1 ;;
  esac
}

recipe() {
  local upstream module name minor stamp flags
  go_module "require k8s.io/kubernetes v$version"
  upstream=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/^[[:space:]]*"GoMod": "\(.*\)",*$/\1/p')
  # k8s.io/kubernetes finds its staging modules through replaces to its own tree, which do not count for a module that
  # requires it: each is named again here, at the version it was published as, v0.<minor>.<patch>.
  sed -n 's|^[[:space:]]*\(k8s\.io/[a-z0-9-]*\) => \./staging/.*|\1|p' "$upstream" | while read -r module; do
    echo "replace $module => $module v0.${version#1.}" >>go.mod
  done
  go_packages $(for name in "$@"; do package "$name"; done)

  minor=${version#1.}
  minor=${minor%%.*}
  stamp=k8s.io/component-base/version
  flags="-s -w -X $stamp.gitVersion=v$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor"
  for name in "$@"; do
    echo "building $name for Kubernetes $version"
    CGO_ENABLED=0 go build -trimpath -ldflags "$flags" -o "out/$name" "$(package "$name")"
  done
}

for name in "$@"; do package "$name" >/dev/null; done
in_cache "kubernetes-$version" "$@"
