#!/usr/bin/env bash
# Backup and restore through the command line, on a private cluster with a conversation in it: what a person does before an upgrade and
# after a lost disk.  And every moment and file in which a restore must touch nothing.
set -u
cd "$(dirname "$0")/../.." || exit 2
eddy=$PWD/${EDDY_BUILD:-build}/eddy
tmp=$(mktemp -d "${TMPDIR:-/tmp}/eddy-backup.XXXXXX") || exit 2
chmod 755 "$tmp"
n=0
pid=''
stop() { # the daemon, and its cluster with it
	[ -n "$pid" ] || return 0
	kill -TERM "$pid" 2>/dev/null
	wait "$pid"
	local status=$?
	pid=''
	return $status
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
export EDDY_WEB_LISTEN=127.0.0.1:0 EDDY_DATA_DIR=$tmp/data HOME=$tmp
thread=0b3a6a52-7a39-4d0e-9b6a-6c1f3f1b5a10

result() { # ok?, name
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else
		echo "not ok $n - $2"
		sed 's/^/# /' "$tmp/out"
		[ ! -f "$tmp/log" ] || tail -20 "$tmp/log" | sed 's/^/# log: /'
	fi
}
serve() {
	rm -f "$tmp/data/local-port"
	: >"$tmp/log" # not the words of the one before
	"$eddy" serve >"$tmp/log" 2>&1 &
	pid=$!
	local i
	for ((i = 0; i < 1200; i++)); do
		grep -q 'is ready at' "$tmp/log" && return 0
		kill -0 "$pid" 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}
chat() { # question: the answer in out
	timeout 180 "$eddy" chat --url "http://127.0.0.1:$(cat "$tmp/data/local-port")" --thread $thread "$1" >"$tmp/out" 2>&1 </dev/null
}
does() { # name, status, words (each must be said), command...
	local name=$1 status=$2 words=$3 got bad=0 w
	shift 3
	timeout 180 "$@" >"$tmp/out" 2>&1 </dev/null
	got=$?
	[ "$got" = "$status" ] || { bad=1; echo "exit status $got, not $status" >>"$tmp/out"; }
	while IFS= read -r w; do
		grep -qF -- "$w" "$tmp/out" || { bad=1; echo "does not say: $w" >>"$tmp/out"; }
	done <<<"$words"
	result $bad "$name"
}
remembers() { # name: Eddy answers, and finds what was said
	local bad=1
	chat "who said harbour?" && grep -q "harbour on Friday" "$tmp/out" && bad=0
	result $bad "$1"
}

does "backup: before there is anything" 3 "nothing to back up" "$eddy" backup "$tmp/none"
serve
result $? "serve: a new private cluster"
chat "Lunch is at the harbour on Friday"
result $? "chat: something to keep"
remembers "chat: Eddy finds it"
does "backup: while Eddy serves" 0 "$tmp/kept: "$'\n'"/master.keys as well" "$eddy" backup "$tmp/kept"
[ "$(stat -c %a "$tmp/kept")" = 600 ] && [ ! -e "$tmp/kept.part" ]
result $? "backup: one file, for its owner only"
does "backup: never over a file that is there" 3 "is there already" "$eddy" backup "$tmp/kept"
does "restore: not while Eddy serves" 1 "another eddy uses the database in $tmp/data: stop it first" "$eddy" restore "$tmp/kept"
does "restore: not even with --replace" 1 "stop it first" "$eddy" restore --replace "$tmp/kept"
chat "The password for the boat is stored elsewhere"
result $? "chat: Eddy went on through all that"
stop
result $? "serve: ends"
does "restore: not over data" 1 "holds data
--replace" "$eddy" restore "$tmp/kept"

# Files that are no good, with --replace: nothing is destroyed.
size=$(stat -c %s "$tmp/kept")
for cut in 0 100 $((size / 2)) $((size - 1)); do
	head -c "$cut" "$tmp/kept" >"$tmp/bad"
	does "restore: a file cut off after $cut of $size bytes" 3 "$tmp/bad is " "$eddy" restore --replace "$tmp/bad"
done
cp "$tmp/kept" "$tmp/bad"
printf 'XXXX' | dd of="$tmp/bad" bs=1 seek=$((size / 3)) conv=notrunc status=none
does "restore: a file with four wrong bytes" 3 "is damaged" "$eddy" restore --replace "$tmp/bad"
does "restore: another kind of file" 3 "is not a backup of Eddy" "$eddy" restore --replace "$eddy"
does "restore: no file" 3 "No such file" "$eddy" restore --replace "$tmp/nowhere"
serve
remembers "restore: after all these the old data is there"
bad=1
chat "who said boat?" && grep -q "stored elsewhere" "$tmp/out" && bad=0
result $bad "restore: also what came after the backup"
stop

# The disk is lost.
rm -rf "$tmp/data"
does "restore: into an empty folder" 0 "1 threads" "$eddy" restore "$tmp/kept"
serve
result $? "serve: on what was restored"
remembers "chat: the history is there and Eddy answers"
bad=1
chat "who said boat?" && ! grep -q "stored elsewhere" "$tmp/out" && bad=0
result $bad "chat: what came after the backup is not"
stop
does "restore: over data when asked to" 0 "1 threads" "$eddy" restore --replace "$tmp/kept"
serve
remembers "chat: it is there again"
stop
echo "1..$n"
