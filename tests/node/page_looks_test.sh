#!/usr/bin/env bash
# The page in every state and size: screenshots, and what axe finds.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
browser "the page's looks"
exec node "$here/looks.mjs"
