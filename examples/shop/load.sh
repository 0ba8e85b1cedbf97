#!/usr/bin/env bash
# Asks the example service for customers of all its cities, over and over: load.sh [requests] [at once] [address]
set -euo pipefail
requests="${1:-10000}" at_once="${2:-8}" address="${3:-http://127.0.0.1:3000}"
command -v curl >/dev/null || { echo "This needs curl." >&2; exit 1; }
for ((n = 0; n < requests; n++)); do
    printf '%s/customers?city=city-%02d\n' "$address" $((n % 20))
done | xargs -P "$at_once" -n 50 curl --silent --show-error --fail >/dev/null \
    || { echo "Some requests failed; does the service listen at $address?" >&2; exit 1; }
echo "$requests requests done"
