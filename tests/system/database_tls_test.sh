#!/usr/bin/env bash
# A Postgres that is reached over TLS only, with a certificate of a private authority: Eddy works there with sslmode=verify-full, on every
# one of its connections, and does not start where the certificate is not the right one.
set -u
cd "$(dirname "$0")/../.." || exit 2
eddy=$PWD/${EDDY_BUILD:-build}/eddy
if ! command -v openssl >/dev/null; then
	echo "1..1"
	echo "ok 1 - a database over TLS # SKIP no openssl"
	exit 0
fi
tmp=$(mktemp -d "${TMPDIR:-/tmp}/eddy-dbtls.XXXXXX") || exit 2
pg=$(mktemp -d /tmp/eddy-dbtls-pg.XXXXXX) || exit 2
chmod 755 "$tmp"
pg_bin=$EDDY_TEST_PG_BIN
pg_pid='' eddy_pid='' n=0
finish() {
	[ -z "$eddy_pid" ] || { kill -TERM "$eddy_pid" && wait "$eddy_pid"; } 2>/dev/null
	[ -z "$pg_pid" ] || { kill -INT "$pg_pid" && wait "$pg_pid"; } 2>/dev/null
	rm -rf "$tmp" "$pg"
}
trap finish EXIT
trap 'exit 143' TERM INT
unset EDDY_DATABASE_URL EDDY_DATABASE_ADMIN_URL DATABASE_URL SLACK_APP_TOKEN SLACK_BOT_TOKEN ANTHROPIC_API_KEY OPENAI_API_KEY
result() { # ok?, name
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else
		echo "not ok $n - $2"
		sed 's/^/# /' "$tmp/out"
	fi
}

# --- certificates: an authority, a server, and one of another authority ---
key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
authority() { openssl req -x509 "${key[@]}" -keyout "$tmp/$1.key" -out "$tmp/$1.pem" -days 2 -subj "/CN=$1" 2>/dev/null; }
server() { # name, authority
	openssl req "${key[@]}" -keyout "$pg/$1.key" -out "$tmp/$1.csr" -subj /CN=database 2>/dev/null &&
		openssl x509 -req -in "$tmp/$1.csr" -CA "$tmp/$2.pem" -CAkey "$tmp/$2.key" -CAcreateserial -days 2 -out "$pg/$1.pem" \
			-extfile <(echo subjectAltName=DNS:localhost) 2>/dev/null
}
authority ca && authority other-ca && server server ca || { echo "no certificates could be made" >&2; exit 2; }
chmod 600 "$pg"/*.key
chmod 644 "$tmp"/*.pem

# --- the server: TCP with TLS, or the socket for this script ---
as_pg=()
if [ "$(id -u)" = 0 ]; then
	chown -R postgres "$pg"
	as_pg=(setpriv --reuid=postgres "--regid=$(id -g postgres)" --init-groups --reset-env)
fi
(cd / && "${as_pg[@]}" "$pg_bin/initdb" -D "$pg/data" -A trust -U postgres --locale=C.UTF-8 -E UTF8 --no-sync) >"$tmp/out" 2>&1 ||
	{ cat "$tmp/out" >&2; exit 2; }
cat >"$pg/data/pg_hba.conf" <<EOF
local all all trust
hostssl all postgres 127.0.0.1/32 trust
hostssl all all 127.0.0.1/32 scram-sha-256
EOF
port=''
for _ in $(seq 20); do
	port=$((20000 + RANDOM % 10000))
	(cd / && exec "${as_pg[@]}" "$pg_bin/postgres" -D "$pg/data" -k "$pg" -p $port -c listen_addresses=127.0.0.1 -c ssl=on \
		-c ssl_cert_file="$pg/server.pem" -c ssl_key_file="$pg/server.key") >"$tmp/pg.log" 2>&1 &
	pg_pid=$!
	for _ in $(seq 1800); do
		"$pg_bin/pg_isready" -q -h "$pg" -p $port && break 2
		kill -0 $pg_pid 2>/dev/null || break
		sleep 0.05
	done
done
sql() { "$pg_bin/psql" -qXAt -v ON_ERROR_STOP=1 -h "$pg" -p "$port" -U postgres "$@"; }
sql -c 'CREATE DATABASE tls' >"$tmp/out" 2>&1 || { cat "$tmp/pg.log" "$tmp/out" >&2; exit 2; }
url() { # authority, host name
	echo "postgresql://postgres@$2:$port/tls?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=$tmp/$1.pem"
}

# --- refused ---
settings=(env EDDY_WEB_LISTEN=127.0.0.1:0 "EDDY_DATA_DIR=$tmp/data" EDDY_SLACK_APP_TOKEN= EDDY_MODEL_PROVIDER=builtin)
refused() { # name, words, url
	timeout 180 "${settings[@]}" EDDY_DATABASE_URL="$3" "$eddy" serve >"$tmp/out" 2>&1 </dev/null
	local status=$? bad=0
	[ $status = 1 ] || { bad=1; echo "exit status $status, not 1" >>"$tmp/out"; }
	grep -qF -- "$2" "$tmp/out" || { bad=1; echo "does not say: $2" >>"$tmp/out"; }
	[ "$(sql -d tls -c "SELECT count(*) FROM pg_namespace WHERE nspname = 'eddy'")" = 0 ] || { bad=1; echo "it was there all the same" >>"$tmp/out"; }
	result $bad "$1"
}
refused "another authority's certificate is refused" "certificate verify failed" "$(url other-ca localhost)"
refused "a certificate for another name is refused" 'does not match host name "elsewhere.example"' "$(url ca elsewhere.example)"
refused "a file of authorities that is not there is told" "does not exist" "$(url none localhost)"

# --- taken ---
web=$((10000 + RANDOM % 10000))
settings[1]=EDDY_WEB_LISTEN=127.0.0.1:$web
"${settings[@]}" EDDY_DATABASE_URL="$(url ca localhost)" "$eddy" serve >"$tmp/out" 2>&1 </dev/null &
eddy_pid=$!
for _ in $(seq 1200); do
	grep -q 'is ready at' "$tmp/out" && break
	kill -0 $eddy_pid 2>/dev/null || break
	sleep 0.1
done
grep -q 'is ready at' "$tmp/out"
result $? "verify-full with a private authority: Eddy starts"
"${settings[@]}" timeout 180 "$eddy" chat "what can you do?" >"$tmp/chat" 2>&1 && [ -s "$tmp/chat" ]
result $? "and answers"
open=$(sql -c "SELECT count(*) || ' ' || count(*) FILTER (WHERE s.ssl) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) WHERE a.datname = 'tls'")
echo "connections, those with TLS: $open" >>"$tmp/out"
[ "${open% *}" -gt 2 ] && [ "${open% *}" = "${open#* }" ]
result $? "all its connections are encrypted"
sql -c "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'tls'" >/dev/null
"${settings[@]}" timeout 180 "$eddy" chat "help" >"$tmp/chat" 2>&1 && [ -s "$tmp/chat" ]
result $? "it comes back when they were cut"
echo "1..$n"
