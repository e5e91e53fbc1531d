#!/usr/bin/env bash
# The page's modules that make nodes of what a server sends, in a real browser.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
browser "the page's modules in a browser"
exec node "$here/modules.mjs"
