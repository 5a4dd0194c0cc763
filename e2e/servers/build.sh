#!/bin/bash
# Builds the servers the end-to-end tests run against, from their public Go modules, into a cache outside the tree.
#
#   build.sh [KUBERNETES_VERSION [BINARY...]]      prints the folder that holds the binaries
#
# A binary that is already there is not built again, so a second run takes no time. Two runs at once wait for each other.
# PODGATE_CACHE moves the cache. Needs go and flock.
set -euo pipefail

version=${1:-1.37.2}
version=${version#v}
shift || true
[ $# -gt 0 ] || set -- etcd kube-apiserver kubectl

cache=${PODGATE_CACHE:-$HOME/.cache/podgate}/kubernetes-$version
mkdir -p "$cache"

# The package behind each name. To build one more server, add its line here.
package() {
  case $1 in
    etcd) echo go.etcd.io/etcd/server/v3 ;;
    kube-apiserver | kube-controller-manager | kube-scheduler | kube-proxy | kubelet | kubectl) echo "k8s.io/kubernetes/cmd/$1" ;;
    *) echo "build.sh: no recipe for '$1'" >&2; return 1 ;;
  esac
}

missing() {
  for name in "$@"; do
    [ -x "$cache/$name" ] || echo "$name"
  done
}

for name in "$@"; do package "$name" >/dev/null; done
if [ -z "$(missing "$@")" ]; then
  echo "$cache"
  exit 0
fi

exec 9>"$cache/.lock"
flock 9
# Another run may have built them while this one waited.
read -ra wanted <<<"$(missing "$@" | tr '\n' ' ')"
if [ ${#wanted[@]} -eq 0 ]; then
  echo "$cache"
  exit 0
fi

# On the same filesystem as the cache, so that the last step is a rename: a binary is there whole or not at all.
work=$(mktemp -d "$cache/.build.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir out

printf 'module servers\ngo 1.24\nrequire k8s.io/kubernetes v%s\n' "$version" >go.mod
upstream=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/^[[:space:]]*"GoMod": "\(.*\)",*$/\1/p')
# k8s.io/kubernetes finds its staging modules through replaces to its own tree, which do not count for a module that
# requires it: each is named again here, at the version it was published as, v0.<minor>.<patch>.
sed -n 's|^[[:space:]]*\(k8s\.io/[a-z0-9-]*\) => \./staging/.*|\1|p' "$upstream" | while read -r module; do
  echo "replace $module => $module v0.${version#1.}" >>go.mod
done

{
  printf '//go:build tools\n\npackage servers\n\nimport (\n'
  for name in "${wanted[@]}"; do printf '\t_ "%s"\n' "$(package "$name")"; done
  printf ')\n'
} >tools.go
go mod tidy >&2

minor=${version#1.}
minor=${minor%%.*}
stamp=k8s.io/component-base/version
flags="-s -w -X $stamp.gitVersion=v$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor"
for name in "${wanted[@]}"; do
  echo "building $name for Kubernetes $version" >&2
  CGO_ENABLED=0 go build -trimpath -ldflags "$flags" -o "out/$name" "$(package "$name")"
  mv "out/$name" "$cache/$name"
done
echo "$cache"
