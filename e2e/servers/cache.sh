# Sourced by the scripts beside it: a cache outside the tree, a folder for each version of what is built from public Go modules.
# PODGATE_CACHE moves it. Needs go and flock.

# in_cache NAME-VERSION BINARY...: prints the folder that holds the binaries. Those it lacks are built first, by the caller's
# `recipe BINARY...`, which runs in a scratch folder and leaves each in out/.
#
# A binary that is there is not built again, so a second run takes no time, and two runs at once wait for each other.
in_cache() {
  local folder=${PODGATE_CACHE:-$HOME/.cache/podgate}/$1 wanted
  shift
  mkdir -p "$folder"
  if [ -n "$(missing "$folder" "$@")" ]; then
    exec 9>"$folder/.lock"
    flock 9
    # What a run that was killed has left.
    rm -rf "$folder"/.build.*
    # Another run may have built them while this one waited.
    read -ra wanted <<<"$(missing "$folder" "$@" | tr '\n' ' ')"
    [ ${#wanted[@]} -eq 0 ] || in_scratch "$folder" "${wanted[@]}"
    exec 9>&-
  fi
  echo "$folder"
}

missing() {
  local folder=$1 name
  shift
  for name in "$@"; do
    [ -x "$folder/$name" ] || echo "$name"
  done
}

# On the cache's own filesystem, so that the last step is a rename: a binary is there whole or not at all.
in_scratch() (
  folder=$1
  shift
  work=$(mktemp -d "$folder/.build.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  mkdir out
  recipe "$@" >&2
  for name in "$@"; do mv "out/$name" "$folder/$name"; done
)

# go_module LINE...: begins go.mod. The toolchain is the machine's own, whatever a workspace or flags around it say.
go_module() {
  export GOWORK=off GOFLAGS=-mod=mod
  printf 'module servers\ngo 1.24.0\n' >go.mod
  printf '%s\n' "$@" >>go.mod
}

# go_packages PACKAGE...: what is built, so that `go mod tidy` finds what it needs.
go_packages() {
  {
    printf '//go:build tools\n\npackage servers\n\nimport (\n'
    printf '\t_ "%s"\n' "$@"
    printf ')\n'
  } >tools.go
  go mod tidy
}
