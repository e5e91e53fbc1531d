# shellcheck shell=bash
# To be sourced: $here/node_modules as package-lock.json says, fetched once.  Without node ($1 or newer) or a network the test is skipped
# and says so; $2 is what it would have shown.
skip() {
	echo "1..1"
	echo "ok 1 - $what # SKIP $1"
	exit 0
}
# shellcheck disable=SC2154 # here is the caller's
packages() { # oldest node, what is tested
	what=$2
	command -v node >/dev/null || skip "no node"
	[ "$(node -p 'parseInt(process.versions.node)')" -ge "$1" ] || skip "node is older than $1"
	local stamp=$here/node_modules/.installed
	cmp -s "$here/package-lock.json" "$stamp" && return
	command -v npm >/dev/null || skip "no npm"
	exec 7<"$here" # two test programs run at a time
	flock 7
	if ! cmp -s "$here/package-lock.json" "$stamp"; then
		(cd "$here" && timeout 120 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2 || skip "the packages could not be fetched"
		cp "$here/package-lock.json" "$stamp"
	fi
	exec 7>&-
}
# The same for a test in Debian's Chromium (scripts/setup test installs it).
browser() { # what is tested
	what=$1
	[ -x /usr/bin/chromium-headless-shell ] || [ -x /usr/bin/chromium ] || skip "no chromium-headless-shell"
	packages 20 "$1"
}
