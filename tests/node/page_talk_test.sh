#!/usr/bin/env bash
# A conversation on the page, in a real browser.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
browser "a conversation on the page"
exec node "$here/talk.mjs"
