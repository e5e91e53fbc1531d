// The widget on somebody's page, in a real browser beside the real daemon: pages that forbid nearly everything, throw it away, move or restyle it;
// browsers that keep nothing or tell the wrong day; strangers, forgers and bad lines; hostile texts; and axe in every state.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import WebSocket from 'ws';
import { Tab, launch } from './lib/browser.mjs';
import { corpus } from './lib/corpus.mjs';
import { Front } from './lib/front.mjs';
import { Rig } from './lib/rig.mjs';
import { Stage, p, rich } from './lib/stage.mjs';
import { patience, run, until } from './lib/tap.mjs';

const key = crypto.randomBytes(24).toString('hex');
const noise = /ERR_|WebSocket|Failed to load resource|CORS|403/;
let browser, rig, shop, foreign;

/* A site with its own policy, as strict as it can be; what a test wants of it stands in the address. */
function site() {
	const s = http.createServer((q, r) => {
		const u = new URL(q.url, 'http://x');
		if (u.pathname === '/token') return r.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token: s.token?.() }));
		if (u.pathname !== '/') return r.writeHead(404).end();
		const e = u.searchParams.get('eddy') ?? rig.front.origin;
		r.setHeader('content-security-policy', `default-src 'none'; script-src ${e}; connect-src 'self' ${e} ${e.replace('http', 'ws')}; style-src ${u.searchParams.has('css') ? "'unsafe-inline'" : "'none'"}; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'`);
		r.setHeader('content-type', 'text/html; charset=utf-8');
		r.end(`<!doctype html><html lang="${u.searchParams.get('lang') ?? 'en'}" dir="${u.searchParams.get('dir') ?? 'ltr'}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>A shop</title>${u.searchParams.has('css') ? `<style>${u.searchParams.get('css')}</style>` : ''}<script async src="${e}/widget.js" ${u.searchParams.get('a') ?? ''}></script></head>
<body><main><h1>A shop</h1><p>Welcome to it.</p><button type="button">Buy</button></main></body></html>`);
	});
	return new Promise((done) => s.listen(0, '127.0.0.1', () => done(Object.assign(s, { origin: `http://127.0.0.1:${s.address().port}` }))));
}

class Shop extends Tab {
	static async visit({ at = shop, query = {}, ...options } = {}) {
		const t = Object.setPrototypeOf(await Tab.open(browser, options), Shop.prototype);
		t.home = at;
		t.eddy = query.eddy ?? rig.front.origin;
		t.address = `${at.origin}/?${new URLSearchParams(query)}`;
		await t.page.goto(t.address);
		await t.in('.launcher').waitFor();
		return t;
	}

	in(what) {
		return this.page.locator(`eddy-widget ${what}`);
	}

	async open() {
		await this.in('.launcher').click();
		await this.in('textarea').waitFor();
	}

	async say(text) {
		await this.in('textarea').fill(text);
		await this.page.keyboard.press('Enter');
	}

	reads(text, timeout) {
		return this.in('[role=log]').getByText(text).first().waitFor({ timeout });
	}

	kept() {
		return this.page.evaluate(() => [Object.keys(localStorage), Object.keys(sessionStorage), document.cookie].flat().filter(Boolean));
	}

	async end() {
		await this.clean();
		this.stayedHome(this.home.origin, this.eddy, this.eddy.replace('http', 'ws'));
		await this.close();
	}
}

async function on(options, f) {
	const t = await Shop.visit(options);
	try {
		await f(t);
		await t.end();
	} catch (e) {
		await t.shot(`broken-widget-${Date.now() % 100000}`).catch(() => {});
		throw e;
	} finally {
		await t.close();
		rig.front.up();
	}
}

async function onStage(f, { query, ...options } = {}) {
	const front = await Front.open(rig.port);
	const stage = new Stage({ name: 'Visitor' });
	front.script(stage.player);
	try {
		await on({ query: { eddy: front.origin, ...query }, ...options }, (t) => f(t, stage, front));
	} finally {
		front.close();
	}
}

const b64 = (x) => Buffer.from(typeof x === 'string' ? x : JSON.stringify(x)).toString('base64url');
const sign = (claims, { head = { alg: 'HS256', typ: 'JWT' }, by = key } = {}) => {
	const now = Math.floor(Date.now() / 1000);
	const body = `${b64(head)}.${b64({ sub: 'ann', name: 'Ann', aud: rig.front.origin, iat: now, exp: now + 300, jti: crypto.randomUUID(), ...claims })}`;
	return `${body}.${crypto.createHmac('sha256', by).update(body).digest('base64url')}`;
};

const tests = {
	async widget__on_a_strict_page__adds_one_name_and_keeps_nothing_until_something_is_said() {
		await on({}, async (t) => {
			const globals = await t.page.evaluate(() => {
				const frame = document.createElement('iframe');
				const mine = new Set(['__seen', '__pwn', 'axe']);
				document.body.append(frame);
				const plain = new Set(Object.getOwnPropertyNames(frame.contentWindow));
				frame.remove();
				return Object.getOwnPropertyNames(window).filter((n) => !plain.has(n) && !mine.has(n) && !/^\d+$|playwright/i.test(n));
			});
			assert.deepEqual(globals, ['Eddy']);
			await t.open();
			await t.in('textarea').fill('a draft');
			assert.deepEqual(await t.kept(), []);
			await t.say('hello #1');
			await t.reads('Answer to #1.');
			assert.equal((await t.kept()).length, 1);
			assert.deepEqual((await t.context.cookies()).map((c) => c.name), []);
			await t.page.reload();
			await t.open();
			await t.reads('Answer to #1.');
			// What a visitor erases is gone, here and there.
			await t.in('.head .tool').first().click();
			await t.in('.danger').click();
			await t.in('.mine').waitFor({ state: 'hidden' });
			await until('it is gone', async () => (await rig.sql(`SELECT 1 FROM messages WHERE body = 'hello #1'`)).length === 0);
			await until('nothing is kept', async () => (await t.kept()).length === 0);
			assert.deepEqual(await t.odd(['eddy-widget', 'foreign-script']), []);
			// And it leaves when it is told to.
			await t.page.evaluate(() => Eddy.destroy());
			assert.deepEqual(await t.page.evaluate(() => [typeof window.Eddy, document.querySelectorAll('eddy-widget').length, document.body.children.length]), ['undefined', 0, 1]);
		});
	},

	async widget__thrown_away_and_moved_by_its_page__goes_on() {
		await on({}, async (t) => {
			await t.open();
			await t.say('before it goes #2');
			await t.reads('Answer to #2.');
			await t.page.evaluate(() => document.querySelector('eddy-widget').remove());
			await t.in('.panel').waitFor();
			await t.reads('Answer to #2.');
			await t.page.evaluate(() => document.body.replaceChildren(document.createElement('main')));
			await t.in('textarea').waitFor();
			await t.say('after it came back #3');
			await t.reads('Answer to #3.');
			await t.page.evaluate(() => {
				const box = document.createElement('footer');
				document.body.append(box);
				box.append(document.querySelector('eddy-widget'));
			});
			await t.say('from another place #4');
			await t.reads('Answer to #4.');
			assert.equal(await t.in('.mine').count(), 3);
			assert.equal(await t.page.locator('eddy-widget').count(), 1);
			// A page that keeps throwing it away wins, and nothing breaks.
			await t.page.evaluate(async () => {
				for (let n = 0; n < 80; n++) {
					document.querySelector('eddy-widget')?.remove();
					await new Promise((go) => setTimeout(go, 5));
				}
			});
			assert.equal(await t.page.locator('eddy-widget').count(), 0);
		});
	},

	async widget__restyled_by_its_page__keeps_its_looks() {
		const css = 'eddy-widget, eddy-widget * { display: none !important; opacity: 0 !important; visibility: hidden !important; left: 0 !important; z-index: -1 !important; transform: scale(9) !important; ' +
			'pointer-events: none !important; font-size: 60px !important; position: static !important; width: 3px !important } body > * { filter: blur(9px); margin: 99px !important } button, textarea { font: 60px serif !important }';
		const boxes = [];
		for (const query of [{}, { css }])
			await on({ query }, async (t) => {
				const closed = await t.in('.launcher').boundingBox();
				await t.open();
				boxes.push([closed, await t.in('.panel').boundingBox(), await t.in('textarea').evaluate((e) => getComputedStyle(e).fontSize)]);
			});
		assert.deepEqual(boxes[1], boxes[0]);
	},

	async widget__on_a_phone__fills_it_and_gives_it_back() {
		await on({ width: 320, height: 640, hasTouch: true, isMobile: true }, async (t) => {
			await t.in('.launcher').tap();
			await t.in('textarea').waitFor();
			assert.deepEqual(await t.in('.panel').boundingBox(), { x: 0, y: 0, width: 320, height: 640 });
			await t.in('.head .tool').last().tap();
			await t.in('.panel').waitFor({ state: 'hidden' });
			await t.in('.launcher').waitFor();
		});
	},

	async storage__forbidden_or_full__costs_only_the_memory() {
		const forbid = () => {
			for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get() {
				throw new DOMException('denied', 'SecurityError');
			} });
		};
		const fill = () => {
			Storage.prototype.setItem = () => {
				throw new DOMException('full', 'QuotaExceededError');
			};
		};
		for (const [n, init] of [forbid, fill].entries())
			await on({ init }, async (t) => {
				await t.open();
				for (const m of [10 + n, 12 + n]) {
					await t.say(`kept nowhere #${m}`);
					await t.reads(`Answer to #${m}.`);
				}
			});
	},

	async clock__wrong_by_a_day__disturbs_neither_visitor_nor_identity() {
		shop.token = () => sign({ sub: 'late' });
		for (const [n, days] of [-1, 1].entries())
			for (const [m, a] of ['', 'data-eddy-identity="/token"'].entries()) {
				const content = `{ const Real = Date, off = ${days} * 864e5; Date = class extends Real { constructor(...a) { a.length ? super(...a) : super(Real.now() + off); } static now() { return Real.now() + off; } }; }`;
				await on({ init: { content }, query: { a } }, async (t) => {
					await t.open();
					await t.say(`at which time #${20 + 2 * n + m}`);
					await t.reads(`Answer to #${20 + 2 * n + m}.`);
				});
			}
	},

	async identity__forged_expired_or_of_another_place__lets_nobody_in() {
		const hello = (frame, origin = shop.origin) => new Promise((done) => {
			const ws = new WebSocket(`ws://127.0.0.1:${rig.port}/`, 'eddy.v1', { origin });
			ws.on('error', (e) => done({ type: 'refused', message: e.message }));
			ws.on('open', () => ws.send(JSON.stringify({ type: 'hello', device: 'd1', ...frame })));
			ws.once('message', (data) => {
				ws.close();
				done(JSON.parse(String(data)));
			});
		});
		const now = Math.floor(Date.now() / 1000);
		assert.equal((await hello({ identity: sign({}) })).type, 'welcome');
		const good = sign({});
		const bad = {
			'another key': sign({}, { by: 'x'.repeat(48) }), 'no key': sign({}, { by: '' }), 'no signature': good.replace(/[^.]*$/, ''), 'alg none': `${b64({ alg: 'none' })}.${good.split('.')[1]}.`,
			'alg none, signed': sign({}, { head: { alg: 'none' } }), 'another alg': sign({}, { head: { alg: 'HS512', typ: 'JWT' } }), 'alg twice': good.replace(/^[^.]*/, b64('{"alg":"HS256","alg":"none"}')),
			expired: sign({ iat: now - 700, exp: now - 100 }), 'too long': sign({ exp: now + 86400 }), 'from tomorrow': sign({ iat: now + 86400, exp: now + 86700 }), 'not yet': sign({ nbf: now + 3000 }),
			'another audience': sign({ aud: 'https://other.example' }), 'no audience': sign({ aud: undefined }), 'nobody': sign({ sub: '' }), 'a number': sign({ sub: 7 }), 'no end': sign({ exp: undefined }),
			'claims of another': good.split('.').map((part, n) => (n === 1 ? b64({ sub: 'root', role: 'member', aud: rig.front.origin, iat: now, exp: now + 60 }) : part)).join('.'),
			'not a token': 'x', empty: '...', 'with more': `${good}.x`,
		};
		for (const [why, identity] of Object.entries(bad)) assert.equal((await hello({ identity })).code, 'denied', why);
		assert.equal((await hello({ identity: 'a'.repeat(20000) })).type, 'error');
		// The same token from another tab is a stolen one.
		assert.equal((await hello({ identity: good })).type, 'welcome');
		assert.equal((await hello({ identity: good, device: 'd2' })).code, 'denied');
		// Another site gets no connection at all, whatever it holds.
		for (const origin of [foreign.origin, 'null', `${shop.origin}.evil.example`, shop.origin.replace('http:', 'https:'), `${shop.origin}0`]) assert.match((await hello({ identity: sign({}) }, origin)).message, /403/, origin);
		// In the browser: no conversation opens in somebody's name.
		shop.token = () => sign({}, { by: 'x'.repeat(48) });
		await on({ query: { a: 'data-eddy-identity="/token"' }, quiet: noise }, async (t) => {
			await t.in('.launcher').click();
			await t.in('.panel').waitFor();
			await t.in('.page .lead').waitFor();
			assert.equal(await t.in('textarea').count(), 0);
		});
		assert.equal((await rig.sql(`SELECT 1 FROM identities WHERE external_id LIKE '%root%'`)).length, 0);
	},

	async origin__that_is_not_allowed__is_refused_and_says_so_kindly() {
		const t = await Shop.visit({ at: foreign, quiet: noise });
		await t.in('.launcher').click();
		await t.in('.panel').waitFor();
		await t.page.waitForTimeout(300);
		if (await t.in('textarea').count()) {
			await t.say('from a foreign site #66');
			await t.page.waitForTimeout(700);
		}
		assert.equal((await rig.sql(`SELECT 1 FROM messages WHERE body LIKE '%#66%'`)).length, 0);
		// Nor can its scripts use the log-in of the page.
		const calls = await t.page.evaluate(async (eddy) => {
			const out = [];
			for (const path of ['/api/login', '/api/refresh', '/api/logout', '/api/code'])
				out.push(await fetch(eddy + path, { method: 'POST', credentials: 'include', headers: { 'content-type': 'application/json', 'x-eddy': '1' }, body: '{}' }).then((r) => r.status, () => 'no'));
			return out;
		}, rig.front.origin);
		assert.deepEqual(calls, ['no', 'no', 'no', 'no']);
		await t.close();
	},

	async lines__cut_and_a_server_killed_in_the_middle_of_an_answer__lose_and_double_nothing() {
		await rig.model.control('options', { pace_ms: 10, words: 25 });
		await on({ quiet: noise }, async (t) => {
			await t.open();
			const want = [];
			for (let n = 0; n < 16; n++) {
				await t.say(`cut #${100 + n}`);
				want.push(`cut #${100 + n}`);
				await new Promise((go) => setTimeout(go, 40 + 10 * n));
				if (n === 8) await rig.restart('SIGKILL');
				else if (n % 4 === 3) {
					rig.front.down();
					await t.say(`below #${200 + n}`);
					want.push(`below #${200 + n}`);
					rig.front.up();
				} else rig.front.cut();
				await t.page.evaluate(() => void dispatchEvent(new Event('online')));
			}
			const stored = async () => (await rig.sql(`SELECT author_kind, body FROM messages WHERE thread_id = (SELECT thread_id FROM messages WHERE body = 'cut #100') ORDER BY seq`)).map(([k, b]) => (k === '1' ? b : 'eddy'));
			await until(() => 'all is answered', async () => {
				await t.page.evaluate(() => void dispatchEvent(new Event('online')));
				return (await stored()).filter((b) => b !== 'eddy').length === want.length && Number((await rig.sql('SELECT count(*) FROM runs WHERE state <= 2'))[0][0]) === 0;
			}, 40000);
			const all = await stored();
			assert.deepEqual(all.filter((b) => b !== 'eddy'), want);
			let last;
			await until('the widget shows what is stored', async () => {
				last = await t.in('[role=log]').evaluate((log) => [...log.querySelectorAll('.msg')].slice(1).map((m) => (m.classList.contains('mine') ? m.querySelector('.bubble').textContent : 'eddy')));
				return JSON.stringify(last) === JSON.stringify(all);
			}, 20000).catch(() => assert.deepEqual(last, all));
			assert.equal(await t.in('.state').filter({ hasText: /Sending|Waiting/ }).count(), 0);
		});
		await rig.model.control('options', { pace_ms: 0, words: 0 });
	},

	async person__asked_for__is_asked_for_once() {
		await onStage(async (t, stage) => {
			await t.page.route('**/api/widget', (r) => r.fulfill({ json: { visitors: true, handover: true, prechat: [] }, headers: { 'access-control-allow-origin': '*' } }));
			await t.open();
			await t.button('Talk to a person').dblclick();
			const wish = await until('the wish', () => stage.got.find((f) => f.type === 'handover'));
			await t.in('.offer').waitFor({ state: 'hidden' });
			await t.say('I need help');
			const said = await until('what was said', () => stage.got.find((f) => f.type === 'send'));
			assert.equal(said.thread, wish.thread);
			assert.equal(stage.got.filter((f) => f.type === 'handover').length, 1);
			stage.say(stage.threads.get(said.thread), 'person', 'Here I am.', { key: null, author: { kind: 'person', name: 'Ben' } });
			await t.reads('Here I am.');
			assert.equal(await t.in('.mine').count(), 1);
		});
	},

	async tabs__of_one_visitor__are_in_step() {
		await on({}, async (t) => {
			await t.open();
			await t.say('in the first tab #30');
			await t.reads('Answer to #30.');
			const page = await t.context.newPage();
			await page.goto(t.address);
			await page.locator('eddy-widget .launcher').click();
			await page.locator('eddy-widget [role=log]').getByText('Answer to #30.').waitFor();
			await page.locator('eddy-widget textarea').fill('in the second #31');
			await page.keyboard.press('Enter');
			await t.reads('in the second #31');
			await t.reads('Answer to #31.');
			await page.close();
		});
	},

	async texts__of_the_corpus__stay_text() {
		// What the server says of itself before anybody speaks.
		const x = corpus[5];
		const about = { visitors: true, handover: true, title: x, greeting: x, consent: x, privacy_url: `javascript:${x}`, ai_notice: x, prechat: [{ name: x, required: false }, { name: 'name', required: false }] };
		await onStage(async (t, stage) => {
			await t.page.route('**/api/widget', (r) => r.fulfill({ json: about, headers: { 'access-control-allow-origin': '*' } }));
			await t.in('.launcher').click();
			await t.in('#agree').waitFor();
			for (const field of await t.in('form input:not([type=checkbox])').all()) await field.fill(corpus[9]);
			assert.deepEqual(await t.page.evaluate(() => [...document.querySelector('eddy-widget').shadowRoot.querySelectorAll('a')].map((a) => a.protocol).filter((s) => s === 'javascript:')), [], 'privacy_url');
			await t.in('#agree').check();
			await t.in('.primary').click();
			await t.in('textarea').waitFor();
			const part = corpus.filter((s, n) => n % 5 === 0);
			let talk;
			stage.on = (f) => {
				if (f.type === 'send') talk = f.thread;
				return false;
			};
			await t.say(corpus[0]);
			await until('it came', () => talk);
			const thread = await until('the thread', () => stage.threads.get(talk));
			for (const s of part)
				stage.say(thread, 'eddy', [p(s, { t: s, c: [s] }), { t: 'code', lang: s, s }, p({ t: 'a', href: s, c: [s] }), { t: 'sources', i: [{ href: s, title: s }] }], {
					author: { kind: 'eddy', name: s }, components: [{ kind: 'button', label: s, action: s, value: s, style: s, fallback: s }, { kind: s, label: s, fallback: s }, { kind: 'link', label: s, value: s, fallback: s }],
				});
			stage.cast({ type: 'status', thread: talk, run: 'r1', text: part[1] });
			stage.cast({ type: 'tool', thread: talk, run: 'r2', step: 1, title: part[2], state: 'running' });
			stage.cast({ type: 'error', code: part[3], message: part[3] });
			await until('all is shown', async () => (await t.text()).includes(part.at(-1).replaceAll('\r', '')));
			const text = (await t.text()).replaceAll('\r', '');
			assert.deepEqual(part.slice(-95).filter((s) => !text.includes(s.replaceAll('\r', ''))), []);
			await t.page.evaluate(() => document.querySelector('eddy-widget').shadowRoot.querySelectorAll('*').forEach((el) => ['pointerover', 'mouseover', 'focusin', 'load', 'error', 'toggle'].forEach((name) => el.dispatchEvent(new Event(name, { bubbles: true })))));
			assert.deepEqual(await t.odd(['eddy-widget', 'foreign-script']), []);
		});
		// And through the real server, as a person whom a site names.
		shop.token = () => sign({ sub: 'evil', name: corpus[2] });
		await on({ query: { a: 'data-eddy-identity="/token"' } }, async (t) => {
			await t.open();
			const part = corpus.slice(100, 160).filter((s) => !/[\u0000\ud800-\udfff]/.test(s)).join('\n\n');
			await rig.model.control('script', { match: 'end-of-it', times: 1, answer: `${part}\n\nthat was all`, pace_ms: 0, piece: 4000 });
			await t.say(`${part}\n\nend-of-it`);
			await t.reads('that was all');
			assert.deepEqual(await t.odd(['eddy-widget', 'foreign-script']), []);
		});
	},

	async looks__of_all_states__are_accessible_and_fit() {
		const found = [];
		const about = { visitors: true, handover: true, title: '', greeting: '', consent: 'I agree that my messages are stored for thirty days.', privacy_url: 'https://example.org/privacy', ai_notice: '', prechat: [{ name: 'name', required: true }, { name: 'email', required: false }, { name: 'Order number', required: false }] };
		for (const [width, height] of [[1440, 900], [320, 640]])
			for (const scheme of ['light', 'dark'])
				await onStage(async (t, stage, front) => {
					await t.page.route('**/api/widget', (r) => r.fulfill({ json: about, headers: { 'access-control-allow-origin': '*' } }));
					const look = async (state) => {
						await t.shot(`widget-${state}-${width}-${scheme}`);
						found.push(...(await t.axe()).map((s) => `${state} ${width} ${scheme}: ${s}`));
						const box = (await t.in('.panel').count()) ? await t.in('.panel').boundingBox() : null;
						if (box && (box.x < 0 || box.y < 0 || box.x + box.width > width || box.y + box.height > height)) found.push(`${state}: the panel is at ${JSON.stringify(box)}`);
						assert.ok((await t.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
					};
					await look('closed');
					await t.in('.launcher').click();
					await t.in('#agree').waitFor();
					await look('form');
					await t.in('form input').first().fill('Ann');
					await t.in('#agree').check();
					await t.in('.primary').click();
					await t.in('textarea').waitFor();
					await look('empty');
					await t.say('Where is my order?');
					await t.reads('Where is my order?');
					const thread = [...stage.threads.values()][0];
					stage.say(thread, 'eddy', rich, { components: [{ kind: 'button', label: 'Track it', action: 'track', value: '1', style: 'primary', fallback: 'Track it' }] });
					stage.say(thread, 'person', 'Hello, this is Ben of the team. I look after it.', { key: null, author: { kind: 'person', name: 'Ben' } });
					stage.cast({ type: 'blocks', thread: thread.key, run: 'r1', attempt: 1, from: 0, blocks: [p('It was sent on')], final: 0 });
					await t.reads('It was sent on');
					await t.button('Track it').waitFor();
					await look('talk');
					await t.in('.head .tool').first().click();
					await t.in('.danger').waitFor();
					await look('erase');
					await t.page.keyboard.press('Escape');
					await t.in('textarea').waitFor();
					front.down();
					await t.in('.banner').waitFor();
					await t.say('Is anybody there?');
					await t.reads('Is anybody there?');
					await look('offline');
				}, { width, height, scheme, quiet: noise, query: { a: 'data-eddy-theme="auto"' } });
		assert.deepEqual([...new Set(found)], []);
	},
};
Shop.prototype.button = function button(name) {
	return this.page.getByRole('button', { name });
};

await run(tests, {
	before: async () => {
		shop = await site();
		foreign = await site();
		rig = await Rig.open({ env: { EDDY_WEB_WIDGET_ENABLED: 'true', EDDY_WEB_ALLOWED_ORIGINS: shop.origin, EDDY_WEB_WIDGET_IDENTITY_KEY: key, EDDY_WEB_WIDGET_MESSAGES_PER_MINUTE: '600' } });
		browser = await launch();
	},
	after: async () => {
		await browser?.close();
		shop?.close();
		foreign?.close();
		await rig?.close();
	},
	each: () => rig.model.control('clear'),
	limit: 300000,
});
