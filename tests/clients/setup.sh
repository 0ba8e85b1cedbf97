#!/bin/sh
# Installs what the tests run against the emulators and the flag service: Slack's, GitHub's and OpenFeature's official SDKs;
# Helm, which renders the chart; and what drives a browser over the demo's page. From the registries npm and pip are configured with. Safe to run again; does nothing when all is there.
set -eu
cd "$(dirname "$0")"

for tool in node npm python3; do
    command -v "$tool" >/dev/null || { echo "tests/clients/setup.sh needs $tool: install it and run this again" >&2; exit 1; }
done

# Copies of the manifests tell whether what is installed is what is asked for.
for client in slack_bolt_js octokit_js openfeature_js ../page; do
    if ! cmp -s $client/package-lock.json $client/node_modules/.installed-lock.json; then
        (cd $client && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
        cp $client/package-lock.json $client/node_modules/.installed-lock.json
    fi
done

for client in slack_bolt_python openfeature_python helm; do
    if ! cmp -s $client/requirements.txt $client/.venv/installed-requirements.txt; then
        python3 -m venv $client/.venv || {
            echo "python3 has no venv module: install it (Debian: python3-venv) and run this again" >&2; exit 1;
        }
        $client/.venv/bin/python -m pip install --quiet --disable-pip-version-check -r $client/requirements.txt
        cp $client/requirements.txt $client/.venv/installed-requirements.txt
    fi
done

# OpenFeature's provider in Rust is a program of its own, since it brings a second TLS provider.
(cd openfeature_rust && CARGO_TARGET_DIR=target cargo build --locked --quiet)

# The example page, built as its own script does it.
page=../../examples/flags-page
if ! cmp -s $page/package-lock.json $page/node_modules/.installed-lock.json; then
    (cd $page && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    cp $page/package-lock.json $page/node_modules/.installed-lock.json
fi
(cd $page && npm run --silent build -- --log-level=warning)
