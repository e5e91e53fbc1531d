#!/usr/bin/env bash
# shellcheck disable=SC2317 # its functions are called by xargs
# Each rule of authority that is not one of the numbered ones in SQL is taken out, one after the other, and a test has to notice: a changed copy of the source is compiled and linked into that test
# before the library that has the real one.  A migration travels in the program too, so a changed one is taken out in the same way.  The numbered rules in SQL are mutated by
# tests/core/talk/authority_test.c and tests/core/agents/approvals_test.c.
# EDDY_TEST_MUTANTS: a word of those that are wanted.
# Each line: the rule | the source | what stands there | what stands there instead | the test that has to fail | its cases that are run (a pattern; none: all, to see which would do).
# What opens a side thread and what is posted of a resolution is filtered twice, when it is taken up and when it is put together: their mutants take out both.
# Copies are compiled without optimizing, and only one case is run for each: it has to fail by what it finds, not by waiting for what does not come.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 2
build=${EDDY_BUILD:-build}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/eddy-mutants.XXXXXX") || exit 2
trap 'rm -rf "$tmp"' EXIT

list() {
	cat <<'END'
approvals: what is announced to nobody is found by the clock|core/engine/claim.c|timers_after(e->timers, e->o.scan_ms, scan_due, e);|;|core/engine/approvals|approve__announced_to_nobody__*
approvals: what is decided elsewhere is announced|core/agents/approvals.c|look = dispatch.owner IS NOT NULL RETURNING 1) SELECT pg_notify('" APPROVAL_WORK "', '') FROM d" },|look = dispatch.owner IS NOT NULL RETURNING 1) SELECT 1 FROM d" },|core/engine/approvals|refuse__elsewhere__*

filter: a link's host is one that was named|core/talk/spoken.c|if (l == NULL \|\| l->all|if (true \|\| l->all|core/talk/spoken|spoken__each_case__*
filter: a quoted line vouches for nothing|core/talk/spoken.c|trusted && !quoted|trusted|core/talk/spoken|spoken__each_case__*
filter: an image becomes a link|core/talk/spoken.c|s[i] == '!' && is_image(s + i, n - i)|false|core/talk/spoken|spoken__each_case__*
filter: nobody is called|core/talk/spoken.c|(s[i] == '<' \|\| (s[i] == '@' && begins))|(false)|core/talk/spoken|spoken__each_case__*
filter: tokens of known issuers are left out|core/talk/spoken.c|(len = token_at(s + i, n - i)) > 0|(len = 0) > 0|core/talk/spoken|spoken__each_case__*
filter: secrets of the settings are left out|core/talk/spoken.c|len >= SECRET_MIN && len <= n|false|core/talk/spoken|spoken__each_case__*
filter: sealed secrets are left out|core/talk/spoken.c|return never_at(o->never, s, n);|return 0;|core/engine/attacks_carried|answer: a sealed secret
filter: of a sealed secret also with marks between its letters|core/talk/spoken.c|(!has_given(o, s, n) && has_given(o, out->p, out->len))|false|core/engine/attacks_carried|answer: a sealed secret with marks*
filter: sealed secrets are those of now|core/engine/hush.c|x->generation == config_cache_generation(e->configs)|true|core/engine/attacks_carried|answer:*
filter: what commands bring into other threads|core/engine/speak.c|spoken_never(o, never);|buf_add(out, text, n), n = 0;|core/engine/attacks_carried|edited resolution: everybody called
filter: what opens a side thread|core/engine/speak.c|spoken_never(o, never);|buf_add(out, text, n), n = 0;|core/engine/attacks_carried|side thread: everybody called
filter: the notice of a hand-over|core/engine/relay_line.c|	speak_over(r->e, r->ws, text);|	;|core/engine/attacks_carried|hand-over notice: everybody called
filter: what is passed on|core/engine/relay_line.c|	speak_over(r->e, r->ws, &b);|	;|core/engine/attacks_carried|passed to people: everybody called
filter: answers of commands|core/engine/run.c|		speak_over(r->e, r->ws, &r->answer);|		;|core/engine/attacks_carried|search: everybody called
filter: private keys are left out|core/talk/spoken.c|bool private = find(o->head, o->head_len, "PRIVATE") != NULL|bool private = false|core/talk/spoken|spoken__each_case__*
after reading: asked again when the answer is stored|core/engine/finish.c|coalesce(may_still_say($2, $3::uuid[]), false)|coalesce(true OR may_still_say($2, $3::uuid[]), false)|core/engine/readers|answer__source_closed_meanwhile__*
own account: only words of the asker's own|core/engine/track.c|if (n > 0 && !has_word(said, p, n))|if (false)|core/engine/tracker|words__of_others__*
own account: nothing once another's question has joined|core/engine/track.c|PQntuples(rows) > 0|PQntuples(rows) > 1000|core/engine/tracker|question__of_another_that_joins__*
own account: the host is the operator's|core/agents/tool_tracker.c|if (strcmp(hosts[i], host) == 0)|if (true)|core/engine/tracker|credential__is_sealed*
own account: never another's token|core/engine/track.c|AND p.id IN (SELECT same_user($2))|AND $2::uuid IS NOT NULL|core/engine/tracker|credential__of_a_linked*
widget: only HS256|adapters/web/identity.c|if (strcmp(json_str(head, "alg", ""), "HS256") != 0)|if (false)|adapters/web/identity|algorithms__*
widget: the signature is ours|adapters/web/identity.c|CRYPTO_memcmp(ours, mac, SHA256_DIGEST_LENGTH) == 0|true|adapters/web/identity|forged__*
widget: a key has its length|adapters/web/identity.c|strlen(key) >= IDENTITY_KEY_MIN|true|adapters/web/identity|keys__*
widget: the audience is ours|adapters/web/identity.c|if (!is_for(json_object_get(claims, "aud"), r->audience))|if (r->audience == NULL)|adapters/web/identity|audience__*
widget: a token ends|adapters/web/identity.c|if (now >= exp + IDENTITY_LEEWAY_S)|if (false)|adapters/web/identity|times__*
widget: a token does not live long|adapters/web/identity.c|exp - iat > IDENTITY_LIFE_S|false|adapters/web/identity|times__*
widget: a token is not from the future|adapters/web/identity.c|if (iat > now + IDENTITY_LEEWAY_S)|if (false)|adapters/web/identity|times__*
widget: guest and member are all the roles|adapters/web/identity.c|strcmp(role, "guest") != 0 && strcmp(role, "member") != 0|false|adapters/web/identity|claims__*
widget: a named token belongs to one tab|adapters/web/identity.c|CRYPTO_memcmp(x->shown, shown, sizeof shown) == 0 ? ERR_NONE : ERR_DENIED|ERR_NONE|adapters/web/identity|use__*
page: an origin has to be allowed|adapters/web/guard.c|return rest != NULL && host != NULL|return true \|\| host == NULL|adapters/web/guard|origin__*
API: the role at the node|core/api/api.c|if (role < p->role)|if (false)|core/api/roles|people__of_every_role__*
API: the scope of a key|core/api/api.c|if ((c->by->scopes & p->scope) != p->scope)|if (false)|core/api/roles|keys__with*
API: who has no role there finds nothing|core/api/api.c|(e == ERR_NONE && role == ROLE_NONE)|(false)|core/api/roles|people__of_every_role__*
key: the secret is the right one|core/people/keys.c|known && same ? ERR_NONE|known \|\| same ? ERR_NONE|core/people/keys|key__forged__*
log-in: a code works once|core/people/session.c|AND code_hash = $2 AND used_at IS NULL|AND code_hash = $2|core/people/session|code__used_once__*
log-in: a code ends|core/people/session.c|used_at IS NULL AND expires_at > now()|used_at IS NULL|core/people/session|code__after_ten_minutes__*
link: wrong codes are counted|core/people/links.c|n >= LINK_TRIES|n >= 1000000|core/people/links|code__guessed__*
settings: of numbers the least of all layers counts|core/teams/config.c|json_integer_value(says) < json_integer_value(was) ? json_integer_value(says) :|true ? json_integer_value(says) :|core/teams/config|config_merge__lets*
settings: of times the shortest counts|core/teams/config.c|json_integer_value(says) > json_integer_value(was)))|false))|core/teams/config|config_merge__lets*
settings: what is switched off above stays off|core/teams/config.c|json_is_true(was) && json_is_true(says)|json_is_true(says)|core/teams/config|config_merge__puts*
settings: lists of marks only grow|core/teams/config.c|case CONFIG_UNION:|case CONFIG_UNION: return json_deep_copy(says);|core/teams/config|config_merge__puts*
settings: what is out of the bounds above is passed over|core/teams/config.c|== ERR_NONE && within(bounds, says)|== ERR_NONE|core/teams/config|config_merge__puts*
settings: bounds set later bring values within|core/teams/config.c|value = bring_within(value, bounds);|;|core/teams/config|config_merge__puts*
settings: a lock above holds|core/teams/config.c|takes = locked == NULL && (k->layers|takes = (k->layers|core/teams/config|config_merge__puts*
settings: a layer has its own keys|core/teams/config.c|locked == NULL && (k->layers & (1u << l->layer)) != 0|locked == NULL|core/teams/config|config_merge__puts*
settings: bounds of a locked key are closed|core/teams/config.c|*narrower = locked == NULL && b != NULL|*narrower = b != NULL|core/teams/config|config_merge__puts*
settings: what is locked is refused when written|core/teams/config.c|if (by != NULL)|if (false)|core/teams/config|config_fits__*
settings: a key of another layer is refused|core/teams/config.c|if (!new_mark && (k->layers|if (false && (k->layers|core/teams/config|config_fits__*
settings: what is out of bounds is refused|core/teams/config.c|if (!within(bounds, v)) {|if (false) {|core/teams/config|config_fits__*
settings: more than above is refused|core/teams/config.c|was != NULL && json_integer_value(v) > json_integer_value(was)|false|core/teams/config|config_fits__*
settings: longer than above is refused|core/teams/config.c|k->merge == CONFIG_SHORTEST && json_integer_value(was) > 0 &&|false &&|core/teams/config|config_fits__*
settings: to switch on what is off above is refused|core/teams/config.c|k->merge == CONFIG_EVERY && json_is_false(was) && json_is_true(v)|false|core/teams/config|config_fits__*
settings: wider bounds are refused|core/teams/config.c|if (wider \|\| empty)|if (empty)|core/teams/config|config_fits__*
settings: bounds that leave nothing are refused|core/teams/config.c|if (wider \|\| empty)|if (wider)|core/teams/config|config_fits__*
settings: answers in the making only fewer below|core/teams/config_keys.c|"limits.concurrent", CONFIG_INT, CONFIG_LEAST|"limits.concurrent", CONFIG_INT, CONFIG_REPLACE|core/teams/config|config_keys__that_bound__*
settings: money of a run only less below|core/teams/config_keys.c|"budget.run_cents", CONFIG_INT, CONFIG_LEAST|"budget.run_cents", CONFIG_INT, CONFIG_REPLACE|core/teams/config|config_keys__that_bound__*
settings: money of a person only less below|core/teams/config_keys.c|"budget.person_day_cents", CONFIG_INT, CONFIG_LEAST|"budget.person_day_cents", CONFIG_INT, CONFIG_REPLACE|core/teams/config|config_keys__that_bound__*
settings: offers switched off above stay off|core/teams/config_keys.c|"threads.offers", CONFIG_BOOL, CONFIG_EVERY|"threads.offers", CONFIG_BOOL, CONFIG_REPLACE|core/teams/config|config_keys__that_bound__*
settings: the temperature is the team's|core/teams/config_keys.c|"agent.temperature",|"agent.temperature-",|core/engine/config_keys|temperature__*
approvals: one way only, whoever updates the row|migrations/033_approvals.up.sql|CREATE TRIGGER approval_one_way BEFORE UPDATE ON approvals FOR EACH ROW EXECUTE|CREATE TRIGGER approval_one_way BEFORE UPDATE ON approvals FOR EACH ROW WHEN (false) EXECUTE|core/agents/approvals|approval__decided*
search: nothing that was deleted|core/talk/search.c|ANY ($2::uuid[]) AND m.state <> 2 AND|ANY ($2::uuid[]) AND|core/agents/tools|policy__*
search: nothing from the question on|core/talk/search.c|" AND NOT ($5::int8 > 0 AND m.thread_id = $4::uuid AND m.seq >= $5)"|" AND ($5::int8 IS NULL OR $4::uuid IS NULL OR true)"|core/agents/tools|policy__*
search: only what may be read|core/talk/search.c|"m.ws = $1 AND m.audience_id = ANY ($2::uuid[])|"m.ws = $1 AND ($2::uuid[] IS NOT NULL)|core/agents/tools|policy__*
search: a guest gets the thread alone|core/talk/search.c|m.state <> 2 AND ($3::uuid IS NULL OR m.thread_id = $3)"|m.state <> 2 AND ($3::uuid IS NULL OR true)"|core/agents/tools|policy__*
hold: messages that are deleted or edited|migrations/038_holds.up.sql|WHEN (OLD.state <> 2 AND (NEW.state = 2 OR OLD.body IS DISTINCT FROM NEW.body))|WHEN (false)|core/memory/hold|hold__on_a_person*
hold: resolutions that are edited|migrations/038_holds.up.sql|WHEN (OLD.body IS DISTINCT FROM NEW.body OR OLD.headline IS DISTINCT FROM NEW.headline)|WHEN (false)|core/memory/hold|hold__on_everything__*
hold: what is remembered, by its source|migrations/038_holds.up.sql|BEFORE DELETE ON context_sources FOR EACH ROW EXECUTE|BEFORE DELETE ON context_sources FOR EACH ROW WHEN (false) EXECUTE|core/memory/hold|hold__on_one_thread__*
hold: what is remembered|migrations/038_holds.up.sql|BEFORE DELETE ON context_items FOR EACH ROW EXECUTE|BEFORE DELETE ON context_items FOR EACH ROW WHEN (false) EXECUTE|core/memory/hold|hold__on_everything__*
hold: what runs have worked out|migrations/038_holds.up.sql|BEFORE DELETE ON run_steps FOR EACH ROW EXECUTE|BEFORE DELETE ON run_steps FOR EACH ROW WHEN (false) EXECUTE|core/memory/hold|hold__on_everything__*
hold: what people thought of an answer|migrations/038_holds.up.sql|BEFORE DELETE ON feedback FOR EACH ROW EXECUTE|BEFORE DELETE ON feedback FOR EACH ROW WHEN (false) EXECUTE|core/memory/hold|hold__on_everything__*
hold: covers a person|migrations/038_holds.up.sql|CASE h.kind WHEN 1 THEN h.subjects && persons|CASE h.kind WHEN 1 THEN false|core/memory/hold|hold__on_a_person*
hold: covers a thread|migrations/038_holds.up.sql|WHEN 2 THEN thread = ANY (h.subjects)|WHEN 2 THEN false|core/memory/hold|hold__on_a_thread*
hold: covers a place|migrations/038_holds.up.sql|WHEN 3 THEN place = ANY (h.subjects)|WHEN 3 THEN false|core/memory/hold|hold__on_a_thread*
hold: one that has ended covers nothing|migrations/038_holds.up.sql|h.ended_at IS NULL AND CASE h.kind|CASE h.kind|core/memory/hold|hold__two_of_them*
hold: what another still covers stays|core/memory/hold.c|WHERE r.ws = $1 AND NOT hold_covers|WHERE r.ws = $1 OR NOT hold_covers|core/memory/hold|hold__two_of_them*
hold: two different admins, where it takes two|core/memory/hold.c|(asked && id_equal(pg_get_id(r, 0, 0), by))|false|core/memory/hold|hold__that_takes_two*
hold: neither of them the terminal|core/memory/hold.c|(id_is_none(by) \|\| (asked|(false \|\| (asked|core/memory/hold|hold__that_takes_two*
replay: the rule as it is now is asked|core/talk/rejudge.c|coalesce(may_still_say(f.id, f.reads), false)|true|core/api/replay|replay__source_closed*
replay: what was left out then is told apart|core/talk/rejudge.c|f.error IS NOT DISTINCT FROM 'readers',|false,|core/api/replay|replay__left_out*
replay: it is for admins|core/api/api_authority.c|.role = ROLE_ADMIN|.role = ROLE_MEMBER|core/api/replay|replay__of_a_member__*
replay: who looked is written down|core/api/api_authority.c|e = noted(c, &n, json_array_size(differences));|(void)noted;|core/api/replay|replay__each_call*
log-in: whoever may not use Eddy gets none|core/people/login.c|"(role_at($2, $1) >= 2 OR|"(true OR|core/people/login|code__of_somebody_whose_role*
log-in: of an account that its platform vouches for|core/people/login.c|i.external_id = $3 AND i.verified >= 1"|i.external_id = $3"|core/people/login|account__that_nothing_proves__*
session: one that has ended is void|core/people/session.c|AND id = $2 AND ended_at IS NULL AND expires_at > now() FOR UPDATE|AND id = $2 AND expires_at > now() FOR UPDATE|core/people/session|logout__*
session: one that was not used ends|core/people/session.c|ended_at IS NULL AND expires_at > now() FOR UPDATE|ended_at IS NULL FOR UPDATE|core/people/session|session__unused*
session: a link to set a password logs nobody in|core/people/session.c|" AND via <> 'password' RETURNING|" RETURNING|core/people/session|code__to_set_a_password__*
session: everywhere ends all of a person|core/people/session.c|(id = $2 OR subject = $3) RETURNING id|(id = $2 AND $3::text IS NOT DISTINCT FROM $3) RETURNING id|core/people/session|logout__*
refusal: what a command refuses has its code|core/engine/ask.c|if (e == ERR_NONE && a->r->refused != API_OK && a->md->len > 0)|if (false)|core/engine/refusals|refusals__have_code_and_reference__in_slack
refusal: each is in the audit log|core/engine/finish.c|if (r->refused != API_OK)|if (false)|core/engine/refusals|refusals__have_code_and_reference__in_slack
END
}

# A line's fields, \x01 between them; "\|" is a bar.
fields() {
	sed 's/\\|/\x02/g; s/|/\x01/g; s/\x02/|/g'
}

# What `make` would run for all that is mutated and tested here, asked once.
ask_make() {
	local rule source from to test cases old=() targets=()
	while IFS=$'\x01' read -r rule source from to test cases; do
		case $source in
		*.sql) targets+=("$build/gen/embedded.o") old+=(-W "$source") ;;
		*) targets+=("$build/${source%.c}.o") old+=(-W "$source") ;;
		esac
		targets+=("$build/tests/${test}_test") old+=(-W "tests/${test}_test.c")
	done
	make -n "${old[@]}" "${targets[@]}" 2>/dev/null | sed 's/^echo "[^"]*"; *//' >"$tmp/commands"
}

# The command that makes $1.
command_for() {
	grep -F -- "-o $1 " "$tmp/commands" | tail -1
}

one() { # number, line
	local n=$1 rule source from to test cases
	IFS=$'\x01' read -r rule source from to test cases <<<"$(fields <<<"$2")"
	local program=$build/tests/${test}_test object=$build/${source%.c}.o dir=$tmp/$n mutant=$tmp/$n/mutant.c began=${EPOCHREALTIME/./}
	mkdir -p "$dir"
	[ "$source" = "${source%.sql}" ] || mutant=$dir/mutant.sql
	FROM=$from TO=$to perl -0pe 's/\Q$ENV{FROM}\E/$ENV{TO}/' "$source" >"$mutant"
	if cmp -s "$source" "$mutant"; then
		echo "not ok $n - $rule: \"$from\" does not stand in $source"
		return
	fi
	if [ "$mutant" != "$dir/mutant.c" ]; then
		sed "s|incbin \\\\\"$source\\\\\"|incbin \\\\\"$mutant\\\\\"|" "$build/gen/embedded.c" >"$dir/mutant.c"
		source=$build/gen/embedded.c object=$build/gen/embedded.o
	fi
	local compile link
	compile=$(command_for "$object")
	link=$(command_for "$program")
	compile=${compile/ -c / -Wno-error -w -O0 -g0 -iquote $(dirname "$source") -c }
	compile=${compile/"-o $object"/-o $dir/mutant.o}
	compile=${compile/%"$source"/$dir/mutant.c}
	link=${link/"-o $program "/-Wl,-S -o $dir/test }
	link=${link/" $build/tests/support.a"/ $dir/mutant.o $build/tests/support.a}
	if ! (eval "$compile" && eval "$link") >"$dir/log" 2>&1; then
		echo "not ok $n - $rule: the mutant is not C"
		sed 's/^/# /' "$dir/log" | head -20
	elif env ${cases:+"EDDY_TEST_ONLY=$cases"} timeout 300 "$dir/test" >"$dir/out" 2>&1; then
		if grep -q '^ok' "$dir/out"; then
			echo "not ok $n - $rule: $test${cases:+, $cases,} notices nothing"
		else
			echo "not ok $n - $rule: $test has no case ${cases:-at all}"
		fi
	elif grep -v 'GROUP' "$dir/out" | grep -q '^not ok [0-9]'; then
		echo "ok $n - $rule: $(sed -n 's/^not ok [0-9]* - //p' "$dir/out" | paste -sd,) (after $(((${EPOCHREALTIME/./} - began) / 1000)) ms)"
	else
		echo "not ok $n - $rule: $test does not end well"
		tail -5 "$dir/out" | sed 's/^/# /'
	fi
	rm -rf "$dir"
}

if [ "$build" != build ]; then
	echo "1..0 # SKIP only the plain build is mutated"
	exit 0
fi
export -f one command_for fields
export build tmp
mapfile -t lines < <(list | grep -F -- "${EDDY_TEST_MUTANTS:-|}")
printf '%s\n' "${lines[@]}" | fields | ask_make
echo "1..${#lines[@]}"
for ((i = 0; i < ${#lines[@]}; i++)); do
	printf '%d\0%s\0' $((i + 1)) "${lines[i]}"
done | xargs -0 -n2 -P2 bash -c 'one "$@"' _ | tee "$tmp.out"
! grep -q '^not ok' "$tmp.out"
status=$?
rm -f "$tmp.out"
exit $status
