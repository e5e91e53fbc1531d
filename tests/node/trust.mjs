// Whatever the page is told stays text: hundreds of strings that want to be script, markup, style or a foreign address, in every field of every
// frame, through the real server too.  Each would call a function of ours; the page's policy tells us about what it had to stop, which counts
// as a failure: the policy is the second line, not the first.
import assert from 'node:assert/strict';
import { launch } from './lib/browser.mjs';
import { corpus } from './lib/corpus.mjs';
import { Rig } from './lib/rig.mjs';
import { Page, real, staged } from './lib/site.mjs';
import { id, p } from './lib/stage.mjs';
import { run, until } from './lib/tap.mjs';

let browser, rig;

async function on(where, f, options = {}) {
	const t = await Page.visit(browser, where, options);
	try {
		await f(t);
		assert.deepEqual(await t.odd(), []);
		await t.clean();
		t.stayedHome(where.origin);
	} catch (e) {
		await t.shot(`broken-trust-${Date.now() % 100000}`).catch(() => {});
		throw e;
	} finally {
		await t.close();
		where.close();
	}
}

/* What a person's pointer and keyboard would set off, in all trees. */
const stir = (t) => t.page.evaluate(() => {
	const walk = (r) => r.querySelectorAll('*').forEach((el) => {
		for (const name of ['pointerover', 'mouseover', 'focusin', 'load', 'error', 'toggle', 'animationstart', 'beforetoggle']) el.dispatchEvent(new Event(name, { bubbles: true }));
		if (el.shadowRoot) walk(el.shadowRoot);
	});
	walk(document);
});
const bare = (s) => s.replaceAll('\r', '');
const missing = async (t, strings) => {
	const text = bare(await t.text());
	return strings.filter((x) => !text.includes(bare(x)));
};

const tests = {
	async watch__of_these_tests__sees_each_kind_of_breach() {
		const t = await Page.visit(browser, real(rig));
		assert.deepEqual(await t.odd(), []);
		await t.clean();
		const found = async (f, arg) => {
			await t.page.evaluate(f, arg);
			const odd = await t.odd();
			await t.page.evaluate(() => document.querySelectorAll('[data-odd]').forEach((el) => el.remove()));
			return odd.length;
		};
		const put = ([tag, name, value]) => {
			const el = document.createElement(tag);
			el.dataset.odd = 1;
			if (name) el.setAttribute(name, value);
			document.body.append(el);
		};
		for (const x of [['img'], ['p', 'onfoo', '1'], ['a', 'href', 'javascript:1'], ['a', 'href', '//foreign.example'], ['form', 'action', 'x'], ['base']]) assert.ok(await found(put, x), x.join());
		t.faults.length = 0;
		await t.page.evaluate(() => {
			window.__seen.csp.length = 0;
			document.body.setAttribute('style', 'color: red');
		});
		await assert.rejects(() => t.clean(), /style-src/);
		t.faults.length = 0;
		await t.page.evaluate(() => {
			window.__seen.csp.length = 0;
			try {
				document.body.insertAdjacentHTML('beforeend', '<b>x</b>');
			} catch {
				/* Trusted Types refuse it */
			}
		});
		await assert.rejects(() => t.clean(), /require-trusted-types-for/);
		t.faults.length = 0;
		await t.page.evaluate(() => {
			window.__seen.csp.length = 0;
			window.__pwn();
		});
		await assert.rejects(() => t.clean(), /pwned/);
		await t.close();
	},

	async texts__in_every_field_of_a_frame__stay_text() {
		const s = await staged(rig, { name: corpus[3], workspace: corpus[7] });
		const size = 90;
		s.stage.notice = corpus[11];
		for (let from = 0; from < corpus.length; from += size) {
			const part = corpus.slice(from, from + size);
			const talk = s.stage.thread({ title: `part ${from}` });
			for (const x of part) {
				s.stage.thread({ title: x, minutes: 100 });
				s.stage.say(talk, 'person', x, { author: { kind: 'person', name: x } });
				s.stage.say(talk, 'eddy', [p(x, { t: 'b', c: [x] }), { t: 'code', lang: x, s: x }, p({ t: 'a', href: x, c: [x] }), { t: 'sources', i: [{ href: x, title: x }] }, { t: x, s: x }], {
					author: { kind: 'eddy', name: x }, components: [
						{ kind: 'button', label: x, action: x, value: x, style: x, fallback: x }, { kind: x, label: x, fallback: x }, { kind: 'link', label: x, value: x, fallback: x },
						{ kind: 'card', label: x, value: x, fallback: x }, { kind: 'progress', label: x, value: x, fallback: x },
					],
				});
			}
			talk.runs = part.map((x) => ({ run: id(), state: x, at: Date.now(), ms: 1, model: x, input_tokens: 1, output_tokens: 1, cost_micros: 1, tools: [{ title: x, state: x, n: 1 }] }));
			talk.open = part.slice(0, 30).flatMap((x, n) => [
				{ type: 'status', thread: talk.key, run: `r${n}`, text: x }, { type: 'tool', thread: talk.key, run: `r${n}`, step: 1, title: x, state: x },
				{ type: 'blocks', thread: talk.key, run: `b${n}`, attempt: 1, from: 0, blocks: [p(x), { t: 'code', lang: x, s: x }], final: 1 },
				{ type: 'delta', thread: talk.key, run: `d${n}`, attempt: 1, offset: 0, text: x },
				{ type: 'typing', thread: talk.key, person: { id: x, name: x } }, { type: 'run', thread: talk.key, run: `q${n}`, state: x }, { type: 'error', code: x, message: x },
				{ type: x, thread: talk.key, text: x },
			]);
		}
		await on(s, async (t) => {
			for (let from = 0; from < corpus.length; from += size) {
				const part = corpus.slice(from, from + size);
				await t.go(`part ${from}`);
				await until('the part is there', async () => (await missing(t, part.slice(-1))).length === 0);
				await t.earlier();
				if (await t.button('Show what Eddy did').isVisible()) await t.button('Show what Eddy did').click();
				assert.deepEqual(await missing(t, part), []);
				assert.deepEqual(await t.odd(), []);
				await stir(t);
			}
			assert.deepEqual(await missing(t, [corpus[3]]), []); // the person's name
		});
	},

	async texts__of_a_refusal__stay_text() {
		const s = await staged(rig);
		const some = corpus.filter((x, n) => n % 6 === 0 && x.trim());
		let n = 0;
		s.stage.limits = { frames_per_second: 1000, burst: 1000 };
		s.stage.on = (f, say) => {
			if (f.type !== 'send') return false;
			say({ type: 'error', code: some[n % some.length], message: some[n++ % some.length], client_id: f.client_id });
			return true;
		};
		await on(s, async (t) => {
			for (const x of some) await t.send(x);
			await until('all were refused', () => n >= some.length);
			await t.log.getByText('Not sent').nth(some.length > 80 ? 79 : some.length - 1).waitFor();
			assert.deepEqual(await missing(t, some.map((x) => x.trim()).slice(-70)), []);
			await stir(t);
		});
	},

	async texts__through_the_real_server__stay_text() {
		const size = 60, parts = [];
		for (let from = 0; from < corpus.length; from += size) parts.push(corpus.slice(from, from + size).filter((x) => !/[\u0000\ud800-\udfff]/.test(x)).join('\n\n'));
		for (const [n, part] of parts.entries()) await rig.model.control('script', { match: `part-${n}-of-all`, times: 1, answer: `${part}\n\nend of part ${n}`, pace_ms: 0, piece: 4000 });
		await on(real(rig), async (t) => {
			for (const [n, part] of parts.entries()) {
				await t.button('New conversation').first().click();
				await t.box.fill(`${part}\n\npart-${n}-of-all`); // its first line becomes the title
				await t.box.press('Enter');
				await t.reads(`end of part ${n}`);
				await stir(t);
				assert.deepEqual(await t.odd(), []);
			}
			await t.page.reload();
			await t.box.waitFor();
			await t.reads(`end of part ${parts.length - 1}`);
		});
	},

	async names__of_people__stay_text() {
		for (const name of ['<img src=x onerror=__pwn()>', '"><svg onload=__pwn()>', '\u202e__pwn()', '${__pwn()}']) {
			const r = await fetch(`http://127.0.0.1:${rig.port}/api/code`, {
				method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${rig.localToken()}` }, body: JSON.stringify({ person: `p${id().slice(-4)}`, name }),
			});
			assert.equal(r.status, 200, await r.clone().text());
			const { url } = await r.json();
			const site = { ...real(rig), link: async () => `${rig.front.origin}/${new URL(url).hash}` };
			await on(site, async (t) => {
				await until('the name is shown', async () => (await missing(t, [name])).length === 0);
				await stir(t);
			});
		}
	},

	async addresses__with_script_in_them__open_the_page_and_no_more() {
		const t = await Page.visit(browser, real(rig), { quiet: /Failed to load resource/ }); // 401, 404
		for (const hash of ['#login=<img src=x onerror=__pwn()>', '#login=javascript:__pwn()//aaaaaaaaaaaaaaaa', '#/t/<svg onload=__pwn()>', '#/t/00000000-0000-4000-8000-00000000000<script>', '#%3Cscript%3E__pwn()%3C/script%3E', '#__proto__', '#login=aaaaaaaaaaaaaaaaaaaaaaaaaaaa']) {
			await t.page.goto('about:blank');
			await t.page.goto(`${rig.front.origin}/${hash}`);
			await t.page.locator('eddy-chat, .login').first().waitFor();
			assert.deepEqual(await t.odd(), []);
			await stir(t);
			await t.clean();
		}
		for (const path of ['/<script>__pwn()</script>', '/%3Cscript%3E__pwn()%3C/script%3E', '/a/x"onload="__pwn().js', '/index.html?x=<script>__pwn()</script>', '//foreign.example/', '/api/page?callback=__pwn']) {
			const r = await fetch(`${rig.front.origin}${path}`);
			const body = await r.text();
			assert.ok(!body.includes('__pwn()</script>'), path);
			assert.ok(r.status === 404 || /json|html/.test(r.headers.get('content-type')), path);
			assert.equal(r.headers.get('x-content-type-options'), 'nosniff', path);
		}
		await t.close();
	},

	async policy__of_the_page__is_the_strict_one() {
		const r = await fetch(`${rig.front.origin}/`);
		const policy = r.headers.get('content-security-policy');
		for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"])
			assert.ok(policy.split(/; */).includes(part), part);
		assert.doesNotMatch(policy, /unsafe|\*|https:|strict-dynamic/);
		assert.equal(r.headers.get('x-content-type-options'), 'nosniff');
		assert.equal(r.headers.get('referrer-policy'), 'no-referrer');
		assert.equal(r.headers.get('cross-origin-opener-policy'), 'same-origin');
		assert.doesNotMatch(await r.text(), /<script>|<style|\son\w+=|style=/);
	},
};

await run(tests, {
	before: async () => {
		rig = await Rig.open();
		browser = await launch();
	},
	after: async () => {
		await browser?.close();
		await rig?.close();
	},
	each: () => rig.model.control('clear'),
	limit: 300000,
});
