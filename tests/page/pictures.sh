#!/bin/sh
# Takes the pictures of the demo's page that the documentation shows: goes through the page's test, and keeps some of its screenshots.
set -eu
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
OTUS_PICTURES=$folder cargo test --locked -p otus --test page -- --exact the_tour_can_be_clicked_through
cp "$folder/step-2.png" docs/page.png
cp "$folder/dark.png" docs/page-dark.png
