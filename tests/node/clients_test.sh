#!/usr/bin/env bash
# The real clients of npm against the fakes.  They are fetched once, pinned by package-lock.json; without node or a network the test
# is skipped and says so.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
packages 18 "real clients against the fakes"
exec node "$here/clients.mjs"
