#!/usr/bin/env bash
# What Eddy refuses to start with, and how it says so: settings files, databases.  Each refusal has its exit status, names what and
# where, and how to mend it.  (Backup and restore through the command line: backup_test.sh.)
set -u
cd "$(dirname "$0")/../.." || exit 2
eddy=$PWD/${EDDY_BUILD:-build}/eddy
tmp=$(mktemp -d "${TMPDIR:-/tmp}/eddy-refusals.XXXXXX") || exit 2
chmod 755 "$tmp"
n=0
host=${EDDY_TEST_ADMIN_URL#*host=}
psql=$EDDY_TEST_PG_BIN/psql
declare -a databases=() roles=()
pg_pid=''
finish() {
	local d
	[ -z "$pg_pid" ] || { kill -QUIT "$pg_pid" && wait "$pg_pid"; } 2>/dev/null
	for d in "${databases[@]}"; do "$psql" -qX "$EDDY_TEST_ADMIN_URL" -c "DROP DATABASE IF EXISTS $d WITH (FORCE)" 2>/dev/null >&2; done
	for d in "${roles[@]}"; do "$psql" -qX "$EDDY_TEST_ADMIN_URL" -c "DROP ROLE IF EXISTS $d" 2>/dev/null >&2; done
	rm -rf "$tmp"
}
trap finish EXIT
unset EDDY_DATABASE_URL EDDY_DATABASE_ADMIN_URL DATABASE_URL SLACK_APP_TOKEN SLACK_BOT_TOKEN
sql() { "$psql" -qXAt -v ON_ERROR_STOP=1 "$@" >&2; }
result() { # ok?, name
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else
		echo "not ok $n - $2"
		sed 's/^/# /' "$tmp/out"
	fi
}
refused() { # name, status, words (each must be said), command...
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
file() { # name: from standard input
	cat >"$tmp/$1.yaml"
	echo "$tmp/$1.yaml"
}
check() { refused "settings: $1" 3 "$3" "$eddy" -c "$2" config check; }

# --- settings ---
f=$(printf 'slack:\n  app_tokn: x\n' | file typo)
check "a typo has its line and a suggestion" "$f" "$f:2: slack.app_tokn: unknown setting; did you mean slack.app_token?"
f=$(printf 'web:\n  listen: &here 127.0.0.1:0\nlog:\n  level: *here\n' | file anchor)
check "anchors and aliases are refused with their lines" "$f" "$f:2: web.listen: anchors
$f:4: log.level: aliases"
f=$(printf 'web:\n  connections: many\nslack:\n  limits: fast\n  gap: [1]\n' | file types)
check "all wrong types are told at once" "$f" "$f:2: web.connections:
$f:4: slack.limits: \"fast\" is not one of documented, adaptive
$f:5: slack.gap"
f=$(printf 'web:\n\tlisten: x\n' | file tab)
check "what is not YAML has its line" "$f" "$f:2"
f=$(printf 'log:\n  level: info\n  level: debug\n' | file twice)
check "the same twice" "$f" "$f:3: log.level"
f=$(printf 'log: {level: info\n' | file open)
check "a bracket that is never closed" "$f" "$f:"
f=$(printf 'log:\n  level: "\xff\xfe"\n' | file bytes)
check "bytes that are not UTF-8" "$f" "$f:"
check "a file that is not there" "$tmp/none.yaml" "$tmp/none.yaml: cannot be read: No such file or directory"
refused "settings: a wrong value in the environment is named" 3 "EDDY_LOG_LEVEL" env EDDY_LOG_LEVEL=loud "$eddy" config check
refused "settings: serve refuses them too" 3 "$tmp/typo.yaml:2: slack.app_tokn" "$eddy" -c "$tmp/typo.yaml" serve
refused "settings: listening beyond this machine without a log-in" 3 "web.listen
--insecure" env EDDY_WEB_LISTEN=0.0.0.0:0 EDDY_DATA_DIR="$tmp/d0" "$eddy" serve
refused "settings: certificates to trust that are not there" 3 "net.ca_file: cannot read $tmp/none.pem: No such file" \
	env EDDY_NET_CA_FILE="$tmp/none.pem" EDDY_DATA_DIR="$tmp/d0" "$eddy" serve
refused "settings: certificates to trust that are none" 3 "net.ca_file: $tmp/typo.yaml holds no certificates" \
	env SSL_CERT_FILE="$tmp/typo.yaml" EDDY_DATA_DIR="$tmp/d0" "$eddy" serve
refused "settings: doctor says the same" 1 "net.ca_file: $tmp is not a file" env EDDY_NET_CA_FILE="$tmp" EDDY_DATA_DIR="$tmp/d0" \
	EDDY_DATABASE_ADMIN_URL="$EDDY_TEST_ADMIN_URL" "$eddy" doctor

# --- databases ---
make_database() { # name: sets url
	databases+=("$1")
	sql "$EDDY_TEST_ADMIN_URL" -c "CREATE DATABASE $1"
	url="postgresql://postgres@/$1?host=$host"
}
settings=(env EDDY_WEB_LISTEN=127.0.0.1:0 "EDDY_DATA_DIR=$tmp/data")
refused "database: away" 1 "connect" "${settings[@]}" EDDY_DATABASE_ADMIN_URL="postgresql://postgres@/x?host=$tmp/nowhere" "$eddy" serve
refused "database: a malformed address, without its password" 3 "EDDY_DATABASE_URL: database.url: is not an address" "${settings[@]}" EDDY_DATABASE_URL="postgresql://u:geheim@[::1/x" "$eddy" serve
grep -q geheim "$tmp/out"
result $((!$?)) "database: the password is not shown"
make_database "eddy_newer_$$"
env EDDY_DATABASE_ADMIN_URL="$url" EDDY_DATA_DIR="$tmp/data" "$eddy" migrate up >"$tmp/out" 2>&1
result $? "database: migrate up"
sql "$url" -c "INSERT INTO eddy.schema_migrations SELECT (jsonb_populate_record(m, '{\"version\": 999}')).* FROM eddy.schema_migrations m LIMIT 1"
refused "database: a newer schema" 3 "eddy_newer_$$
999
install the newer eddy" "${settings[@]}" EDDY_DATABASE_ADMIN_URL="$url" "$eddy" serve
make_database "eddy_bypass_$$"
roles+=("eddy_by_$$")
sql "$url" -c "CREATE ROLE eddy_by_$$ LOGIN BYPASSRLS NOCREATEROLE"
refused "database: a role that goes round row security" 3 "row security" "${settings[@]}" EDDY_DATABASE_URL="postgresql://eddy_by_$$@/eddy_bypass_$$?host=$host" "$eddy" serve
make_database "eddy_lazy_$$"
sql "$url" -c "ALTER DATABASE eddy_lazy_$$ SET synchronous_commit = off"
refused "database: commits that are not waited for" 3 "synchronous_commit = off
set synchronous_commit = on" "${settings[@]}" EDDY_DATABASE_ADMIN_URL="$url" "$eddy" serve
databases+=("eddy_ascii_$$")
sql "$EDDY_TEST_ADMIN_URL" -c "CREATE DATABASE eddy_ascii_$$ TEMPLATE template0 ENCODING SQL_ASCII LOCALE 'C'"
refused "database: not in UTF-8" 3 "SQL_ASCII
ENCODING 'UTF8'" "${settings[@]}" EDDY_DATABASE_ADMIN_URL="postgresql://postgres@/eddy_ascii_$$?host=$host" "$eddy" serve

# What an address may be whose role can make roles: the administrator, which is said, and Eddy works under its own role.
taken() { # name, words (each must be said), role that works, command...
	local name=$1 words=$2 role=$3 pid bad=1 i w
	shift 3
	: >"$tmp/out" # what the one before said is not to be taken for this one's
	"$@" >"$tmp/out" 2>&1 </dev/null &
	pid=$!
	for ((i = 0; i < 1200; i++)); do
		grep -q 'is ready at' "$tmp/out" && { bad=0; break; }
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	while IFS= read -r w; do
		grep -qF -- "$w" "$tmp/out" || { bad=1; echo "does not say: $w" >>"$tmp/out"; }
	done <<<"$words"
	w=$("$psql" -qXAt "$url" -c "SELECT string_agg(DISTINCT usename, ' ') FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'eddy%'")
	[ "$w" = "$role" ] || { bad=1; echo "works as: $w" >>"$tmp/out"; }
	kill -TERM $pid 2>/dev/null
	wait $pid || { bad=1; echo "ended with $?" >>"$tmp/out"; }
	result $bad "$name"
}
make_database "eddy_super_$$"
taken "database.url of a superuser is the administrator's" "database.url: role postgres may make roles, so it is used as database.admin_url; Eddy works as eddy_super_$$""_eddy" \
	"eddy_super_$$""_eddy" "${settings[@]}" EDDY_DATABASE_URL="$url" "$eddy" serve
make_database "eddy_maker_$$"
roles+=("eddy_mk_$$")
sql "$url" -c "CREATE ROLE eddy_mk_$$ LOGIN CREATEROLE CREATEDB" -c "ALTER DATABASE eddy_maker_$$ OWNER TO eddy_mk_$$"
taken "database.url of a role that may make roles" "database.url: role eddy_mk_$$ may make roles, so it is used as database.admin_url; Eddy works as eddy_maker_$$""_eddy" \
	"eddy_maker_$$""_eddy" "${settings[@]}" EDDY_DATABASE_URL="postgresql://eddy_mk_$$@/eddy_maker_$$?host=$host" "$eddy" serve
roles+=("eddy_in_$$")
sql "$url" -c "CREATE ROLE eddy_in_$$ LOGIN" -c "GRANT eddy_maker_$$""_owner TO eddy_in_$$"
refused "database: a role that owns the tables through another" 3 "role eddy_in_$$ is a member of the owner role
row security would not bind it
database.admin_url" "${settings[@]}" EDDY_DATABASE_URL="postgresql://eddy_in_$$@/eddy_maker_$$?host=$host" "$eddy" serve
roles+=("eddy_no_$$")
sql "$url" -c "CREATE ROLE eddy_no_$$ LOGIN"
refused "database: a role without rights" 3 "GRANT eddy_maker_$$""_eddy TO eddy_no_$$" "${settings[@]}" EDDY_DATABASE_URL="postgresql://eddy_no_$$@/eddy_maker_$$?host=$host" "$eddy" serve

# A server that may lose what it has acknowledged: one of its own, because these settings are the whole server's.
as_pg=()
mkdir "$tmp/pg"
if [ "$(id -u)" = 0 ]; then
	chown postgres "$tmp/pg"
	as_pg=(setpriv --reuid=postgres "--regid=$(id -g postgres)" --init-groups --reset-env)
fi
(cd "$tmp/pg" && "${as_pg[@]}" "$EDDY_TEST_PG_BIN/initdb" -D "$tmp/pg/data" -A trust -U postgres --locale=C.UTF-8 -E UTF8 --no-sync) >"$tmp/out" 2>&1
result $? "database: a server of its own"
(cd "$tmp/pg" && exec "${as_pg[@]}" "$EDDY_TEST_PG_BIN/postgres" -D "$tmp/pg/data" -k "$tmp/pg" -c listen_addresses=) >"$tmp/pg.log" 2>&1 &
pg_pid=$!
for ((i = 0; i < 1200; i++)); do "$EDDY_TEST_PG_BIN/pg_isready" -q -h "$tmp/pg" && break; sleep 0.1; done
own="postgresql://postgres@/unsafe?host=$tmp/pg"
sql "postgresql://postgres@/postgres?host=$tmp/pg" -c "CREATE DATABASE unsafe"
for what in fsync full_page_writes; do
	sql "$own" -c "ALTER SYSTEM SET $what = off" -c "SELECT pg_reload_conf()"
	for ((i = 0; i < 1800; i++)); do [ "$("$psql" -qXAt "$own" -c "SHOW $what")" = off ] && break; sleep 0.05; done
	refused "database: $what is off" 3 "$what = off, so acknowledged messages could be lost
set $what = on in postgresql.conf" "${settings[@]}" EDDY_DATABASE_ADMIN_URL="$own" "$eddy" serve
	refused "database: $what is off, migrate up" 3 "set $what = on" "${settings[@]}" EDDY_DATABASE_ADMIN_URL="$own" "$eddy" migrate up
	[ "$("$psql" -qXAt "$own" -c "SELECT to_regnamespace('eddy') IS NULL AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname LIKE 'unsafe%')")" = t ]
	result $? "database: $what is off, and nothing was made in it"
	sql "$own" -c "ALTER SYSTEM RESET $what" -c "SELECT pg_reload_conf()"
done
echo "1..$n"
