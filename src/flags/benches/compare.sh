#!/bin/sh
# All figures about flags in one run, each beside what others need on the same machine: evaluations a second beside OpenFeature's own evaluator
# for Node, requests a second beside Unleash's frontend API (when tests/clients/unleash/install.sh was run), and ten thousand who listen.
# Say how many listeners: compare.sh [10000]. Each needs an open file in two processes.
set -eu
cd "$(dirname "$0")/../../.."
listeners=${1:-10000}
ulimit -n $((listeners + 1000)) 2>/dev/null || {
    echo "so many open files are not allowed here: ulimit -n says $(ulimit -n)" >&2; exit 1;
}

echo "load of the machine before: $(cut -d' ' -f1-3 /proc/loadavg 2>/dev/null || uptime)"
cargo bench --locked --package otus-flags --bench evaluation -- --noplot
if [ -d tests/clients/openfeature_js/node_modules ]; then
    (cd tests/clients/openfeature_js && node speed.js)
else
    echo "OpenFeature's evaluator is not installed, so nothing is beside: run tests/clients/setup.sh"
fi
cargo run --locked --release --package otus-flags --example load -- "$listeners"
echo "load of the machine after: $(cut -d' ' -f1-3 /proc/loadavg 2>/dev/null || uptime)"
