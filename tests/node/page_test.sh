#!/usr/bin/env bash
# The page's modules that need no browser, by node's own test runner; nothing is fetched.
set -u
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v node >/dev/null || [ "$(node -p 'parseInt(process.versions.node)')" -lt 20 ]; then
	echo "1..1"
	echo "ok 1 - the page's modules # SKIP no node 20 or newer"
	exit 0
fi
# The page's files are modules by being loaded as such; node has to be told, where it does not look itself.
type=--experimental-default-type=module
node $type -e 0 2>/dev/null || type=
exec node ${type:+"$type"} --test --test-reporter=tap "$here"/page/*.test.mjs
