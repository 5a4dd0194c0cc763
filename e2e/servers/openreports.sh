#!/bin/bash
# Prints the folder of OpenReports' custom resources, from its public Go module. Go keeps that by version.
set -euo pipefail
export GOWORK=off GOFLAGS=-mod=mod

dir=$(cd / && go mod download -json github.com/openreports/reports-api@v0.2.1 | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
echo "$dir/config/crd"
