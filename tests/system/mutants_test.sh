#!/usr/bin/env bash
# shellcheck disable=SC2317 # its functions are called by xargs
# Each rule of authority that is written in C is taken out, one after the other, and a test has to notice: a changed copy of the source is compiled and linked into that test before the library that
# has the real one.  The rules in SQL are mutated by tests/core/talk/authority_test.c and tests/core/agents/approvals_test.c.
# EDDY_TEST_MUTANTS: a word of those that are wanted.  Each line: the rule | the source | what stands there | what stands there instead | the test that has to fail.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 2
build=${EDDY_BUILD:-build}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/eddy-mutants.XXXXXX") || exit 2
trap 'rm -rf "$tmp"' EXIT

list() {
	cat <<'END'
filter: a link's host is one that was named|core/talk/spoken.c|if (l == NULL \|\| l->all|if (true \|\| l->all|core/talk/spoken
filter: a quoted line vouches for nothing|core/talk/spoken.c|trusted && !quoted|trusted|core/talk/spoken
filter: an image becomes a link|core/talk/spoken.c|s[i] == '!' && is_image(s + i, n - i)|false|core/talk/spoken
filter: nobody is called|core/talk/spoken.c|(s[i] == '<' \|\| (s[i] == '@' && begins))|(false)|core/talk/spoken
filter: tokens of known issuers are left out|core/talk/spoken.c|(len = token_at(s + i, n - i)) > 0|(len = 0) > 0|core/talk/spoken
filter: secrets of the settings are left out|core/talk/spoken.c|len >= SECRET_MIN && len <= n|false|core/talk/spoken
filter: sealed secrets are left out|core/talk/spoken.c|return never_at(o->never, s, n);|return 0;|core/engine/attacks_carried
filter: of a sealed secret also with marks between its letters|core/talk/spoken.c|(!has_given(o, s, n) && has_given(o, out->p, out->len))|false|core/engine/attacks_carried
filter: sealed secrets are those of now|core/engine/hush.c|x->generation == config_cache_generation(e->configs)|true|core/engine/attacks_carried
filter: what commands bring into other threads|core/engine/ask.c|speak_whole(a->e, a->r->ws, s->text, s->text_len, &text)|buf_add(&text, s->text, s->text_len)|core/engine/attacks_carried
filter: what opens a side thread|core/engine/ask_forks.c|	speak_over(a->e, a->r->ws, &o->text);|	;|core/engine/attacks_carried
filter: the notice of a hand-over|core/engine/relay_line.c|	speak_over(r->e, r->ws, text);|	;|core/engine/attacks_carried
filter: what is passed on|core/engine/relay_line.c|	speak_over(r->e, r->ws, &b);|	;|core/engine/attacks_carried
filter: answers of commands|core/engine/run.c|		speak_over(r->e, r->ws, &r->answer);|		;|core/engine/attacks_carried
filter: private keys are left out|core/talk/spoken.c|bool private = find(o->head, o->head_len, "PRIVATE") != NULL|bool private = false|core/talk/spoken
after reading: asked again when the answer is stored|core/engine/finish.c|coalesce(may_still_say($2, $3::uuid[]), false)|coalesce(true OR may_still_say($2, $3::uuid[]), false)|core/engine/readers
own account: only words of the asker's own|core/engine/track.c|if (n > 0 && !has_word(said, p, n))|if (false)|core/engine/tracker
own account: nothing once another's question has joined|core/engine/track.c|PQntuples(rows) > 0|PQntuples(rows) > 1000|core/engine/tracker
own account: the host is the operator's|core/agents/tool_tracker.c|if (strcmp(hosts[i], host) == 0)|if (true)|core/engine/tracker
own account: never another's token|core/engine/track.c|AND p.id IN (SELECT same_user($2))|AND $2::uuid IS NOT NULL|core/engine/tracker
widget: only HS256|adapters/web/identity.c|if (strcmp(json_str(head, "alg", ""), "HS256") != 0)|if (false)|adapters/web/identity
widget: the signature is ours|adapters/web/identity.c|CRYPTO_memcmp(ours, mac, SHA256_DIGEST_LENGTH) == 0|true|adapters/web/identity
widget: a key has its length|adapters/web/identity.c|strlen(key) >= IDENTITY_KEY_MIN|true|adapters/web/identity
widget: the audience is ours|adapters/web/identity.c|if (!is_for(json_object_get(claims, "aud"), r->audience))|if (r->audience == NULL)|adapters/web/identity
widget: a token ends|adapters/web/identity.c|if (now >= exp + IDENTITY_LEEWAY_S)|if (false)|adapters/web/identity
widget: a token does not live long|adapters/web/identity.c|exp - iat > IDENTITY_LIFE_S|false|adapters/web/identity
widget: a token is not from the future|adapters/web/identity.c|if (iat > now + IDENTITY_LEEWAY_S)|if (false)|adapters/web/identity
widget: guest and member are all the roles|adapters/web/identity.c|strcmp(role, "guest") != 0 && strcmp(role, "member") != 0|false|adapters/web/identity
widget: a named token belongs to one tab|adapters/web/identity.c|CRYPTO_memcmp(x->shown, shown, sizeof shown) == 0 ? ERR_NONE : ERR_DENIED|ERR_NONE|adapters/web/identity
page: an origin has to be allowed|adapters/web/guard.c|return rest != NULL && host != NULL|return true \|\| host == NULL|adapters/web/guard
API: the role at the node|core/api/api.c|if (role < p->role)|if (false)|core/api/roles
API: the scope of a key|core/api/api.c|if ((c->by->scopes & p->scope) != p->scope)|if (false)|core/api/roles
API: who has no role there finds nothing|core/api/api.c|(e == ERR_NONE && role == ROLE_NONE)|(false)|core/api/roles
key: the secret is the right one|core/people/keys.c|known && same ? ERR_NONE|known \|\| same ? ERR_NONE|core/people/keys
log-in: a code works once|core/people/session.c|AND code_hash = $2 AND used_at IS NULL|AND code_hash = $2|core/people/session
log-in: a code ends|core/people/session.c|used_at IS NULL AND expires_at > now()|used_at IS NULL|core/people/session
link: wrong codes are counted|core/people/links.c|n >= LINK_TRIES|n >= 1000000|core/people/links
END
}

# The command that `make` would run for $1 if $2 were newer, without what it prints.
command_for() {
	make -n -W "$2" "$1" 2>/dev/null | grep -F -- "-o $1 " | sed 's/^echo "[^"]*"; *//' | tail -1
}

one() { # number, line
	local n=$1 rule source from to test
	IFS=$'\x01' read -r rule source from to test <<<"$(sed 's/\\|/\x02/g; s/|/\x01/g; s/\x02/|/g' <<<"$2")"
	local program=$build/tests/${test}_test object=$build/${source%.c}.o dir=$tmp/$n
	mkdir -p "$dir"
	FROM=$from TO=$to perl -0pe 's/\Q$ENV{FROM}\E/$ENV{TO}/' "$source" >"$dir/mutant.c"
	if cmp -s "$source" "$dir/mutant.c"; then
		echo "not ok $n - $rule: \"$from\" does not stand in $source"
		return
	fi
	local compile link
	compile=$(command_for "$object" "$source")
	link=$(command_for "$program" "tests/${test}_test.c")
	compile=${compile/ -c / -Wno-error -w -iquote $(dirname "$source") -c }
	compile=${compile/"-o $object"/-o $dir/mutant.o}
	compile=${compile/%"$source"/$dir/mutant.c}
	link=${link/"-o $program "/-o $dir/test }
	link=${link/" $build/tests/support.a"/ $dir/mutant.o $build/tests/support.a}
	if ! (eval "$compile" && eval "$link") >"$dir/log" 2>&1; then
		echo "not ok $n - $rule: the mutant is not C"
		sed 's/^/# /' "$dir/log" | head -20
	elif EDDY_TEST_ONLY='' timeout 300 "$dir/test" >"$dir/out" 2>&1; then
		echo "not ok $n - $rule: $test notices nothing"
	elif grep -q '^not ok' "$dir/out"; then
		echo "ok $n - $rule: $(grep -m1 '^not ok' "$dir/out" | sed 's/^not ok [0-9]* - //')"
	else
		echo "not ok $n - $rule: $test does not end well"
		tail -5 "$dir/out" | sed 's/^/# /'
	fi
	rm -rf "$dir"
}

unset EDDY_TEST_ONLY
if [ "$build" != build ]; then
	echo "1..0 # SKIP only the plain build is mutated"
	exit 0
fi
export -f one command_for
export build tmp
mapfile -t lines < <(list | grep -F -- "${EDDY_TEST_MUTANTS:-|}")
echo "1..${#lines[@]}"
for ((i = 0; i < ${#lines[@]}; i++)); do
	printf '%d\0%s\0' $((i + 1)) "${lines[i]}"
done | xargs -0 -n2 -P2 bash -c 'one "$@"' _ | tee "$tmp.out"
! grep -q '^not ok' "$tmp.out"
status=$?
rm -f "$tmp.out"
exit $status
