#!/bin/sh
# Installs a real Unleash server (npm's unleash-server, 190 MB) for the tests of flags that are there. They are left out while it is missing,
# and say so. It also needs PostgreSQL, as other tests do. Safe to run again; does nothing when all is there.
set -eu
cd "$(dirname "$0")"

for tool in node npm; do
    command -v "$tool" >/dev/null || { echo "tests/clients/unleash/install.sh needs $tool: install it and run this again" >&2; exit 1; }
done

# A copy of the manifest tells whether what is installed is what is asked for.
if ! cmp -s package-lock.json node_modules/.installed-lock.json; then
    npm ci --ignore-scripts --no-audit --no-fund --omit=dev --loglevel=error
    cp package-lock.json node_modules/.installed-lock.json
fi
