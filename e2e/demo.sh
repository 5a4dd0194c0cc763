#!/usr/bin/env bash
# Serves on loopback with the policies of this repository, posts the AdmissionReviews of e2e/reviews/ to it, and prints a verdict for each.
#
# Then it goes on serving, and shows each decision as it is recorded, until it is interrupted. With DEMO_ONCE=1 it ends after the verdicts,
# and fails if one of them is not the expected one. PODGATE_BIN is the program to run, target/release/podgate if it is not set.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What the policies below make of each review. The library's fourth, hardened, would refuse all pods here: none has a user namespace of its own.
policies=(--policies policies/baseline --policies policies/restricted --policies policies/shared-kernel)
expected() {
    case $1 in
        small | typical | large | deployment | update | namespace) echo allowed ;;
        violating | ephemeral) echo denied ;;
        *) echo unknown ;;
    esac
}

podgate=${PODGATE_BIN:-target/release/podgate}
once=${DEMO_ONCE:-}
say() { printf '%s\n' "$*"; }

[[ -x $podgate ]] || { say "demo: $podgate is not there: run \`make build\`" >&2; exit 2; }

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
    green=$'\e[32m' red=$'\e[31m' bold=$'\e[1m' plain=$'\e[0m'
else
    green='' red='' bold='' plain=''
fi

# The first port from $1 on that nothing on loopback listens to.
free_port() {
    local port=$1
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    echo "$port"
}
port=$(free_port 8443)
admin=$(free_port 8080)
[[ $admin != "$port" ]] || admin=$(free_port $((port + 1)))
console=$(free_port 8090)

work=$(mktemp -d)
server='' follower=''

# Ends what was started, lets podgate finish what it has in hand, and hands on its exit code if nothing else went wrong.
finish() {
    local code=$? ended=0
    trap '' INT TERM
    trap - EXIT
    [[ -z $follower ]] || kill "$follower" 2>/dev/null || true
    if [[ -n $server ]]; then
        kill -TERM "$server" 2>/dev/null || true
        wait "$server" || ended=$?
        if ((ended != 0)); then
            say "demo: podgate ended with exit code $ended" >&2
            tail -n 20 "$work/log" >&2
        fi
    fi
    rm -rf "$work"
    ((code != 0)) || code=$ended
    exit "$code"
}
trap finish EXIT
trap 'say; say "stopping"; exit 0' INT TERM

# Its own process group (`set -m`), so that Ctrl-C reaches this script, which then stops podgate once, and gracefully.
set -m
"$podgate" serve "${policies[@]}" --tls-self-signed --listen "127.0.0.1:$port" --admin-listen "127.0.0.1:$admin" --record all --shutdown-grace 0s \
    --ledger "sqlite:$work/ledger.db" --console "127.0.0.1:$console" \
    >"$work/records" 2>"$work/log" </dev/null &
server=$!
set +m

ready=''
for _ in $(seq 150); do
    if [[ $(curl -s -o /dev/null -w '%{http_code}' --max-time 2 "http://127.0.0.1:$admin/readyz") = 200 ]]; then
        ready=yes
        break
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
if [[ -z $ready ]]; then
    say "demo: podgate is not ready; it said:" >&2
    cat "$work/log" "$work/records" >&2
    exit 1
fi
say "podgate serves on https://127.0.0.1:$port, admin on http://127.0.0.1:$admin, policies baseline, restricted and shared-kernel of policies/"
say

# field JSON NAME: the first string or literal of that name, with its escapes undone and control characters dropped.
field() {
    local pattern="\"$2\":[[:space:]]*(\"(([^\"\\\\]|\\\\.)*)\"|true|false)"
    if [[ $1 =~ $pattern ]]; then
        if [[ ${BASH_REMATCH[1]} = \"* ]]; then
            printf '%b' "${BASH_REMATCH[2]//\\\"/\"}" | LC_ALL=C tr -d '\000-\010\013-\037\177'
        else
            printf '%s' "${BASH_REMATCH[1]}"
        fi
    fi
}

wrong=0 count=0
for review in e2e/reviews/*.json; do
    name=$(basename "$review" .json)
    if ! answer=$(curl -sk --max-time 10 -H 'Content-Type: application/json' --data-binary "@$review" "https://127.0.0.1:$port/validate?timeout=10s"); then
        say "demo: $name: no answer" >&2
        tail -n 20 "$work/log" >&2
        exit 1
    fi
    uid=$(field "$(head -c 4096 "$review")" uid)
    case $(field "$answer" allowed) in
        true) verdict=allowed color=$green ;;
        false) verdict=denied color=$red ;;
        *) verdict=unreadable color=$red ;;
    esac
    printf '%s%-11s%s %s%s%s  (%s)\n' "$bold" "$name" "$plain" "$color" "$verdict" "$plain" "$review"
    if [[ $verdict = denied ]]; then
        field "$answer" message | sed 's/^/    /'
        say
    elif [[ $verdict = unreadable ]]; then
        printf '%s\n' "$answer" | LC_ALL=C tr -d '\000-\010\013-\037\177' | head -c 2000 | sed 's/^/    /'
        say
    fi
    count=$((count + 1))
    if [[ $verdict != "$(expected "$name")" ]]; then
        say "    expected: $(expected "$name")"
        wrong=$((wrong + 1))
    elif [[ $(field "$answer" uid) != "$uid" ]]; then
        say "    the answer is not to this review: its uid is $(field "$answer" uid), not $uid"
        wrong=$((wrong + 1))
    fi
done
say
say "$count reviews, $wrong not as expected"
((count > 0)) || wrong=1
say
say "The same, as the ledger has it, and whether anything of it is missing:"
# Records are stored some moments after the answer.
for _ in $(seq 50); do
    denied=$("$podgate" ledger query --ledger "sqlite:$work/ledger.db" --decision denied -o json | grep -c '"decisionId"') || true
    ((denied >= 2)) && break
    sleep 0.1
done
"$podgate" ledger incidents --ledger "sqlite:$work/ledger.db" --decision denied
"$podgate" ledger verify "sqlite:$work/ledger.db" || wrong=$((wrong + 1))

if [[ -n $once ]]; then
    ((wrong == 0)) || exit 1
    exit 0
fi

say
say "Post your own:"
say "    curl -sk -H 'Content-Type: application/json' --data-binary @e2e/reviews/violating.json https://127.0.0.1:$port/validate"
say "    curl -s http://127.0.0.1:$admin/metrics"
say "The console: http://127.0.0.1:$console"
say "Serving until Ctrl-C. Each decision is shown as it is recorded:"
set -m
tail -n 1 -f "$work/records" &
follower=$!
set +m
# Ends when podgate does; a signal ends the wait and runs the trap.
ended=0
wait "$server" || ended=$?
server=''
say "demo: podgate ended by itself, with exit code $ended" >&2
tail -n 20 "$work/log" >&2
exit "$((ended == 0 ? 1 : ended))"
