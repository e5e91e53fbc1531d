// Log-in by a service, end to end: the real daemon and a real service (npm oidc-provider), by a walker that keeps cookies and by a real browser.
import assert from 'node:assert/strict';
import { Tab, launch } from './lib/browser.mjs';
import { Service, Walker, sha256 } from './lib/provider.mjs';
import { Rig } from './lib/rig.mjs';
import { run, until } from './lib/tap.mjs';

let browser, rig, service, callbacks, ws;
const login = (w, name = 'oidc', stop) => w.follow(`${rig.front.origin}/api/login/${name}`, stop);
const atEnd = (url) => url.includes('/#login=');
const atCallback = (url) => url.includes('/callback');
const refusals = () => rig.sql("SELECT facts->>'why' FROM audit WHERE verb = 'login.refused' ORDER BY id").then((l) => l.map((x) => x[0]));
const env = (more = {}) => Object.assign(rig.env, more);

/* What the page does with the code at the end of the way. */
async function enter(w, url) {
	const r = await w.go(`${rig.front.origin}/api/login`, {
		method: 'POST', body: JSON.stringify({ code: new URL(url).hash.slice('#login='.length) }),
		headers: { 'content-type': 'application/json', 'x-eddy': '1', origin: rig.front.origin },
	});
	assert.equal(r.status, 200);
	return (await r.json()).person;
}

/* Somebody whom Eddy knows in Slack, with a code of `link`. */
async function member(user, code) {
	await rig.sql(`INSERT INTO people (ws, id, name) VALUES ('${ws}', md5('${user}')::uuid, 'Ana of Slack') ON CONFLICT DO NOTHING;
		INSERT INTO identities (ws, adapter, external_id, person_id, verified) VALUES ('${ws}', 'slack', '${user}', md5('${user}')::uuid, 2) ON CONFLICT DO NOTHING`);
	if (code)
		await rig.sql(`INSERT INTO link_codes (ws, code_hash, person_id, adapter, expires_at) VALUES ('${ws}', '\\x${sha256(code.replace('-', ''))}', md5('${user}')::uuid, 'slack', now() + interval '5 min')`);
}
const post = (w, body, headers = {}) => w.go(`${rig.front.origin}/api/login/oidc/link`, {
	method: 'POST', body: new URLSearchParams(body).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded', origin: rig.front.origin, ...headers },
});

const tests = {
	async service__names_somebody_nobody_knows__asks_for_a_link_and_takes_it() {
		const w = new Walker();
		service.account = 'ana';
		const seen = await login(w);
		assert.equal(seen.status, 200, seen.text);
		assert.match(seen.text, /Eddy does not know yet who that is/);
		assert.match(seen.text, /<b>Ana Ruiz<\/b>/);
		assert.deepEqual(await rig.sql("SELECT count(*) FROM identities WHERE external_id LIKE 'oidc:%'"), [['0']]); // nobody is made by looking
		await member('U1', 'ABCDE-FGHJK');
		assert.equal((await post(w, { code: 'ABCDE-FGHJK' }, { origin: 'http://evil.example' })).status, 403);
		assert.equal((await post(w, { code: 'WRONG-WRONG' })).status, 403);
		assert.deepEqual(await rig.sql("SELECT count(*) FROM identities WHERE external_id LIKE 'oidc:%'"), [['0']]);
		const ask = await (await post(w, { code: 'abcde fghjk' })).text();
		assert.match(ask, /That code was made by <b>Ana of Slack<\/b> through slack/);
		const done = await post(w, { code: 'abcde fghjk', confirm: 'yes' });
		assert.equal(done.status, 303);
		const person = await enter(w, done.headers.get('location'));
		assert.match(person.id, /^oidc:[\w-]{43}$/);
		assert.deepEqual(await rig.sql(`SELECT p.user_id = md5('U1')::uuid, p.guest FROM identities i JOIN people p ON p.id = i.person_id WHERE i.external_id = '${person.id}'`), [['t', 'f']]);
		// From now on without a question, and by name and never by address.
		const again = await login(new Walker(), 'oidc', atEnd);
		assert.equal((await enter(new Walker(), again.url)).id, person.id);
		assert.equal(w.jar.some((c) => c.name.startsWith('eddy_log') || c.name.startsWith('eddy_link')), false);
	},

	async cookie__of_a_log_in_that_was_begun__is_sealed_and_kept_from_scripts() {
		const w = new Walker();
		await login(w, 'oidc', (u) => !u.startsWith(rig.front.origin));
		const c = w.jar.find((x) => x.name === 'eddy_login_oidc');
		assert.match(c.line, /; Path=\/api\/login; Max-Age=600; HttpOnly; SameSite=Lax$/);
		const auth = await w.go(`${rig.front.origin}/api/login/oidc`);
		const q = new URL(auth.headers.get('location')).searchParams;
		assert.equal(q.get('code_challenge_method'), 'S256');
		assert.equal(q.get('scope'), 'openid profile');
		for (const name of ['state', 'nonce', 'code_challenge']) assert.ok(q.get(name).length >= 22);
		assert.equal(w.jar.some((x) => x.value.includes(q.get('state')) || x.value.includes(q.get('nonce'))), false);
	},

	async callback__that_this_browser_has_not_begun__is_refused() {
		const before = (await refusals()).length;
		const w = new Walker();
		const { url } = await login(w, 'oidc', atCallback);
		const other = new Walker();
		const r = await other.go(url); // somebody else's browser with this one's address: log-in by force
		assert.equal(r.status, 400);
		const text = await r.text();
		assert.match(text, /not begun in this browser/);
		const request = /request ([0-9a-f-]{36})/.exec(text)[1];
		assert.deepEqual(await rig.sql(`SELECT verb, facts->>'why' FROM audit WHERE id = '${request}'`), [['login.refused', 'state']]);
		const wrong = new URL(url);
		wrong.searchParams.set('state', 'x'.repeat(22));
		assert.equal((await w.go(wrong)).status, 400);
		const mixed = new URL(url);
		mixed.searchParams.set('iss', 'https://evil.example');
		assert.equal((await (await login(w, 'oidc', atCallback), w.go(mixed))).status, 400); // another state by now
		assert.equal((await refusals()).length - before, 3);
	},

	async callback__from_another_issuer_or_with_a_code_used_before__is_refused() {
		const w = new Walker();
		const first = new URL((await login(w, 'oidc', atCallback)).url);
		first.searchParams.set('iss', 'https://evil.example');
		assert.equal((await w.go(first)).status, 403);
		assert.equal((await refusals()).at(-1), 'issuer');
		const v = new Walker();
		const { url } = await login(v, 'oidc', atCallback);
		const kept = [...v.jar];
		assert.equal((await v.go(url)).status, 303);
		v.jar = kept; // a copy of the cookie does not help: the service takes its code once
		assert.equal((await v.go(url)).status, 403);
		assert.equal((await refusals()).at(-1), 'code');
	},

	async service__that_says_no__is_told_so_in_a_page() {
		service.declines = true;
		const seen = await login(new Walker());
		service.declines = false;
		assert.equal(seen.status, 403);
		assert.match(seen.text, /have said no/);
	},

	async keys__that_were_changed__are_fetched_again() {
		const port = service.port;
		await service.close();
		service = await Service.open(callbacks, { port, generation: 2 });
		await new Promise((done) => setTimeout(done, 1100)); // no more than once a second
		assert.ok(atEnd((await login(new Walker(), 'oidc', atEnd)).url));
		assert.ok(service.requests.includes('GET /jwks'));
		assert.ok(!service.requests.includes('GET /.well-known/openid-configuration'));
	},

	async role__taken_away__ends_log_ins_by_a_service() {
		await rig.sql(`INSERT INTO members (ws, node_id, person_id, role) VALUES ('${ws}', '${ws}', md5('U1')::uuid, 0)`);
		const seen = await login(new Walker());
		assert.equal(seen.status, 403);
		assert.match(seen.text, /may not log in here/);
		await rig.sql('DELETE FROM members');
	},

	async algorithms__of_all_three_kinds_and_both_ways_of_the_secret__work() {
		const works = async (id) => {
			env({ EDDY_LOGIN_OIDC_CLIENT_ID: id });
			await rig.restart();
			const { url, text } = await login(new Walker(), 'oidc', atEnd);
			assert.ok(atEnd(url), text);
		};
		await works('eddy-es');
		await works('eddy-ed');
		const port = service.port;
		await service.close();
		service = await Service.open(callbacks, { port, generation: 3, postOnly: true });
		await works('eddy-post');
		await service.close();
		service = await Service.open(callbacks, { port, generation: 4 });
		env({ EDDY_LOGIN_OIDC_CLIENT_ID: 'eddy' });
	},

	async newcomers__where_the_setting_lets_them__get_the_role_it_says() {
		env({ EDDY_LOGIN_OIDC_NEWCOMERS: 'viewer' });
		await rig.restart();
		service.account = 'newcomer';
		const w = new Walker();
		const person = await enter(w, (await login(w, 'oidc', atEnd)).url);
		assert.deepEqual(await rig.sql(`SELECT m.role, p.guest, role_at(p.id, p.ws) FROM set_config('app.ws', '${ws}', false), identities i JOIN people p ON p.id = i.person_id JOIN members m ON m.person_id = p.id WHERE i.external_id = '${person.id}'`), [['1', 't', '1']]);
		service.account = 'ana';
	},

	async slack__names_a_member__who_is_known_without_a_link() {
		env({ EDDY_LOGIN_SLACK_ISSUER: service.issuer, EDDY_LOGIN_SLACK_CLIENT_ID: 'eddy', EDDY_LOGIN_SLACK_CLIENT_SECRET: 'a secret: with + and %', EDDY_LOGIN_SLACK_TEAMS: 'T1,T9' });
		await rig.restart();
		await member('U2');
		await rig.sql(`INSERT INTO installs (adapter, external_id, ws) VALUES ('slack', 'T1', '${ws}') ON CONFLICT DO NOTHING`);
		const as = (team, user) => {
			service.claims = { 'https://slack.com/team_id': team, 'https://slack.com/user_id': user };
			return login(new Walker(), 'slack', atEnd);
		};
		const good = await as('T1', 'U2');
		assert.ok(atEnd(good.url), good.text);
		assert.match((await enter(new Walker(), good.url)).id, /^id:/);
		assert.equal((await as('T2', 'U2')).status, 403); // a workspace that may not
		assert.equal((await refusals()).at(-1), 'team');
		assert.equal((await as('T9', 'U2')).status, 403); // one that may, and is not this tenant's
		assert.equal((await as('T1', 'U404')).status, 403); // nobody
		assert.equal((await refusals()).at(-1), 'account');
		assert.equal((await as('T1', undefined)).status, 403);
		service.claims = undefined;
	},

	async page__with_services__shows_them_and_leads_there_and_back() {
		service.account = 'ana';
		const t = await Tab.open(browser, { quiet: /Failed to load resource/ });
		try {
			await t.page.goto(rig.front.origin);
			await t.page.getByRole('link', { name: 'Log in with Slack' }).waitFor();
			assert.deepEqual(await t.axe(), []);
			assert.deepEqual(await t.odd(), []);
			await t.shot('login-services');
			await t.page.getByRole('link', { name: 'Log in with Example ID' }).click();
			await t.page.getByRole('log').waitFor(); // away, and back, and in
			assert.equal(new URL(t.page.url()).origin, rig.front.origin);
			assert.doesNotMatch(t.page.url(), /login=/);
			await t.clean();
		} finally {
			await t.close();
		}
	},

	async page__for_whom_nobody_knows__can_be_used_without_a_script() {
		env({ EDDY_LOGIN_OIDC_NEWCOMERS: 'none' });
		await rig.restart();
		service.account = 'eve';
		service.name = "<b onclick='x'>Eve</b>";
		const t = await Tab.open(browser, { quiet: /Failed to load resource/ });
		try {
			await t.page.goto(`${rig.front.origin}/api/login/oidc`);
			await t.page.getByText("<b onclick='x'>Eve</b>").waitFor();
			await t.shot('login-link');
			await t.page.getByRole('textbox', { name: 'Code' }).fill('NOSUC-HCODE');
			await t.page.keyboard.press('Enter');
			await t.page.getByText('That code is wrong').waitFor();
			await t.clean();
		} finally {
			await t.close();
			service.account = 'ana';
			service.name = undefined;
		}
	},

	async doctor__asks_the_service__and_says_what_is_wrong() {
		const say = (more) => rig.eddy('doctor', ...more).catch((e) => e.stdout);
		assert.match(await say([]), /ok +web +people log in with http:/);
		assert.match(await say(['-s', `login.oidc.issuer=${service.issuer}/`]), /BAD +web +what .* is not of this issuer/);
		assert.match(await say(['-s', 'login.oidc.issuer=http://127.0.0.1:1']), /BAD +web +the log-in service .* does not answer/);
	},

	async service__that_is_away__is_told_so_in_a_page() {
		await service.close();
		await rig.restart(); // nothing is known of it
		const seen = await login(new Walker());
		assert.equal(seen.status, 502);
		assert.match(seen.text, /does not answer as it should/);
		await until('the audit log', async () => (await refusals()).at(-1) === 'service');
	},
};

await run(tests, {
	before: async () => {
		rig = await Rig.open();
		callbacks = ['oidc', 'slack'].map((name) => `${rig.front.origin}/api/login/${name}/callback`);
		service = await Service.open(callbacks);
		env({ EDDY_LOGIN_OIDC_ISSUER: service.issuer, EDDY_LOGIN_OIDC_CLIENT_ID: 'eddy', EDDY_LOGIN_OIDC_CLIENT_SECRET: 'a secret: with + and %', EDDY_LOGIN_OIDC_LABEL: 'Example ID' });
		await rig.restart();
		[[ws]] = await rig.sql("SELECT ws FROM installs WHERE adapter = 'web'");
		browser = await launch();
	},
	after: async () => {
		await browser?.close();
		await rig?.close();
		await service?.close().catch(() => {});
	},
});
