#!/usr/bin/env bash
# The real clients of npm against the fakes.  They are fetched once, pinned by package-lock.json; without node or a network the test
# is skipped and says so.
set -u
here=$(cd "$(dirname "$0")" && pwd)
skip() {
	echo "1..1"
	echo "ok 1 - real clients against the fakes # SKIP $1"
	exit 0
}
command -v node >/dev/null || skip "no node"
[ "$(node -p 'parseInt(process.versions.node)')" -ge 18 ] || skip "node is older than 18"
stamp=$here/node_modules/.installed
if ! cmp -s "$here/package-lock.json" "$stamp"; then
	command -v npm >/dev/null || skip "no npm"
	(cd "$here" && timeout 120 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2 || skip "the packages could not be fetched"
	cp "$here/package-lock.json" "$stamp"
fi
exec node "$here/clients.mjs"
