#!/bin/bash
# Prometheus and promtool, those of this machine or Debian's, and prints their folder. The package is not installed: that would
# start a server.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

if found=$(command -v prometheus) && [[ -x $(dirname "$found")/promtool ]]; then
  dirname "$found"
  exit
fi

version=$(apt-cache policy prometheus 2>/dev/null | sed -n 's/^ *Candidate: \([0-9].*\)/\1/p')
if [[ -z $version && $(id -u) = 0 ]]; then
  apt-get update -qq >&2
  version=$(apt-cache policy prometheus | sed -n 's/^ *Candidate: \([0-9].*\)/\1/p')
fi
[[ -n $version ]] || { echo "please install prometheus and promtool: apt knows none here" >&2; exit 2; }

recipe() {
  apt-get download -qq "prometheus=$version" 2>/dev/null
  dpkg-deb --extract prometheus_*.deb package
  mkdir -p out
  cp package/usr/bin/prometheus package/usr/bin/promtool out/
}

# A version of Debian's may hold what a folder's name should not.
in_cache "prometheus-${version//[^0-9A-Za-z.]/_}" prometheus promtool
