#!/bin/sh
# Installs what the tests of the emulators run against them: Slack's and GitHub's official SDKs; and what the tests of the demo's page
# drive a browser with. From the registries npm and pip are configured with. Safe to run again; does nothing when all is there.
set -eu
cd "$(dirname "$0")"

for tool in node npm python3; do
    command -v "$tool" >/dev/null || { echo "tests/clients/setup.sh needs $tool: install it and run this again" >&2; exit 1; }
done

# Copies of the manifests tell whether what is installed is what is asked for.
for client in slack_bolt_js octokit_js ../page; do
    if ! cmp -s $client/package-lock.json $client/node_modules/.installed-lock.json; then
        (cd $client && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
        cp $client/package-lock.json $client/node_modules/.installed-lock.json
    fi
done

if ! cmp -s slack_bolt_python/requirements.txt slack_bolt_python/.venv/installed-requirements.txt; then
    python3 -m venv slack_bolt_python/.venv || {
        echo "python3 has no venv module: install it (Debian: python3-venv) and run this again" >&2; exit 1;
    }
    slack_bolt_python/.venv/bin/python -m pip install --quiet --disable-pip-version-check -r slack_bolt_python/requirements.txt
    cp slack_bolt_python/requirements.txt slack_bolt_python/.venv/installed-requirements.txt
fi
