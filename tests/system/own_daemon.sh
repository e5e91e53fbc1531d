# shellcheck shell=bash
# What tests of erasing share: a daemon of their own with its private cluster in $tmp, a word that is planted, and where it still stands.  Sourced from the
# root of the tree, with "set -u"; $name is the test's.
eddy=$PWD/${EDDY_BUILD:-build}/eddy
tmp=$(mktemp -d "${TMPDIR:-/tmp}/eddy-${name:?}.XXXXXX") || exit 2
chmod 755 "$tmp"
n=0
pid=''
stop() { # the daemon, and its cluster with it
	[ -n "$pid" ] || return 0
	kill -TERM "$pid" 2>/dev/null
	wait "$pid"
	pid=''
}
finish() {
	stop
	rm -rf "$tmp"
}
trap finish EXIT
trap 'finish; exit 130' INT TERM
for v in $(compgen -e EDDY_) DATABASE_URL SLACK_APP_TOKEN SLACK_BOT_TOKEN ANTHROPIC_API_KEY OPENAI_API_KEY; do
	case $v in EDDY_TEST_* | EDDY_BUILD) ;; *) unset "$v" ;; esac
done
export EDDY_WEB_LISTEN=127.0.0.1:0 EDDY_DATA_DIR=$tmp/data HOME=$tmp EDDY_ENGINE_UPKEEP=1s
word=kanari$(od -An -N4 -tx4 /dev/urandom | tr -d ' ' | tr 0-9 g-p)
pg_dump=$(find /usr/lib/postgresql -path '*/bin/pg_dump' 2>/dev/null | sort -V | tail -1)

result() { # ok?, name
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else
		echo "not ok $n - $2"
		sed 's/^/# /' "$tmp/out"
		tail -20 "$tmp/log" | sed 's/^/# log: /'
	fi
}
serve() {
	rm -f "$tmp/data/local-port"
	"$eddy" serve >>"$tmp/log" 2>&1 &
	pid=$!
	local i
	for ((i = 0; i < 1200; i++)); do
		[ -s "$tmp/data/local-port" ] && return 0
		kill -0 "$pid" 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}
planted() { # files that hold the word, and rows of a dump, in text or in bytes
	grep -raliF "$word" "$tmp/data" "$tmp/log" 2>/dev/null
	local hex
	hex=$(printf '%s' "$word" | od -An -v -tx1 | tr -d ' \n')
	"$pg_dump" -h "$(sed -n 5p "$tmp/data/pg/postmaster.pid")" -U postgres eddy 2>>"$tmp/out" | grep -iE "$word|$hex" | cut -c1-200
}
comes() { # seconds, command: until it succeeds
	local i
	for ((i = 0; i < $1 * 5; i++)); do
		"${@:2}" && return 0
		sleep 0.2
	done
	return 1
}
none() { [ -z "$(planted)" ]; }
