// The page in a person's hands, in a real browser beside the real daemon: log-in, keyboard, input methods, drafts, looks, languages, directions; and
// browsers that keep nothing or tell the wrong day.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { Tab, launch } from './lib/browser.mjs';
import { Rig } from './lib/rig.mjs';
import { Page, real, staged, visit } from './lib/site.mjs';
import { p, rich } from './lib/stage.mjs';
import { run, until } from './lib/tap.mjs';

let browser, rig, site;

async function on(where, f, options) {
	try {
		await visit(browser, where, 'use', f, options);
	} finally {
		where.close();
	}
}
const onStage = async (fill, f, options) => {
	const s = await staged(rig);
	await fill(s.stage);
	await on(s, (t) => f(t, s.stage, s), options);
};
const said = (t, text) => t.log.getByText(text, { exact: true });
const gate = (t) => t.page.getByRole('heading', { name: 'Open Eddy from the terminal' });
const settings = async (t) => {
	await t.button('Settings').click();
	return t.page.getByRole('dialog');
};
/* The element with the focus, in all trees. */
const focused = (t) => t.page.evaluate(() => {
	let a = document.activeElement;
	while (a?.shadowRoot?.activeElement) a = a.shadowRoot.activeElement;
	if (!a || a === document.body) return null;
	const s = getComputedStyle(a), r = a.getBoundingClientRect();
	return {
		name: a.getAttribute('aria-label') || a.textContent.trim().slice(0, 40) || a.localName, tag: a.localName,
		seen: r.width > 0 && r.height > 0 && s.visibility !== 'hidden' && r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth,
		ring: s.outlineStyle !== 'none' || s.boxShadow !== 'none' || !!a.closest('.box-in, .search, label'),
	};
});

const tests = {
	async login__by_link__works_once_and_leaves_no_trace() {
		const link = await rig.login(); // what the command prints
		const once = { ...site, link: async () => link };
		await on(once, async (t) => {
			await t.send('hello #1');
			await t.reads('Answer to #1.');
			assert.doesNotMatch(t.page.url(), /login/);
			const kept = await t.page.evaluate(() => JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, history.state]));
			assert.doesNotMatch(kept, /[0-9a-f]{32,}|eddy_refresh/, 'a token is kept where scripts can read it');
			const cookies = await t.context.cookies();
			assert.deepEqual(cookies.map((c) => [c.name.replace(/_[0-9a-f]{8}$/, ''), c.httpOnly, c.sameSite, c.path]), [['eddy_refresh', true, 'Strict', '/api']]);
			await t.page.reload(); // the cookie is enough
			await t.reads('Answer to #1.');
			const stranger = await Tab.open(browser, { quiet: /Failed to load resource/ });
			await stranger.page.goto(link);
			await stranger.page.getByText('This link was used already or is too old').waitFor();
			await stranger.clean();
			// Whoever has no link can paste a code.
			await stranger.page.getByRole('textbox', { name: 'Link or code' }).fill(await site.link());
			await stranger.page.keyboard.press('Enter');
			await stranger.page.getByRole('log').waitFor();
			await stranger.close();
		});
	},

	async login__of_many_tabs_that_open_at_once__holds() {
		await on(site, async (t) => {
			await t.send('many tabs #6');
			await t.reads('Answer to #6.');
			const tabs = [t];
			for (let n = 0; n < 4; n++) tabs.push(await t.again());
			// Each renews the log-in, and each renewal changes the cookie.
			for (let n = 0; n < 3; n++) await Promise.all(tabs.map((x) => x.page.reload()));
			for (const x of tabs) await x.reads('Answer to #6.');
			await t.page.reload();
			await t.reads('Answer to #6.');
			for (const x of tabs.slice(1)) await x.clean();
		});
	},

	async logout__here_or_everywhere__ends_the_sessions_that_it_says() {
		const quiet = /Failed to load resource/; // 401
		const a = await Page.visit(browser, site, { quiet });
		const tab = await a.again();
		const b = await Page.visit(browser, site, { quiet });
		await a.box.fill('half a secret');
		await (await settings(a)).getByRole('button', { name: 'Log out', exact: true }).click();
		await gate(a).waitFor();
		await gate(tab).waitFor(); // the same session
		assert.equal(await a.page.evaluate(() => JSON.stringify({ ...localStorage })).then((s) => s.includes('secret')), false);
		await a.page.reload();
		await gate(a).waitFor();
		await b.send('still here #2');
		await b.reads('Answer to #2.');
		const c = await Page.visit(browser, site, { quiet });
		await (await settings(c)).getByRole('button', { name: 'Log out everywhere' }).click();
		for (const t of [c, b]) await gate(t).waitFor();
		for (const t of [a, tab, b, c]) await t.clean();
		for (const t of [a, b, c]) await t.close();
	},

	async logout__without_a_line__ends_the_session_before_anybody_gets_in_again() {
		const t = await Page.visit(browser, site, { quiet: /Failed to load resource/ });
		await t.context.setOffline(true);
		await (await settings(t)).getByRole('button', { name: 'Log out', exact: true }).click();
		await gate(t).waitFor();
		await t.context.setOffline(false);
		await t.page.reload();
		await gate(t).waitFor();
		await t.clean();
		await t.close();
	},

	async login__by_a_link_in_a_page_in_use__leaves_one_line_and_nothing_of_the_other_person() {
		const t = await Page.visit(browser, site, { quiet: /Failed to load resource/, watch: (p) => {
			p.lines = new Set();
			p.on('websocket', (w) => {
				p.lines.add(w);
				w.on('close', () => p.lines.delete(w));
			});
		} });
		await t.send('of the first person #7');
		await t.reads('Answer to #7.');
		const tab = await t.again();
		await t.box.fill('a draft of the first');
		const hash = async (person) => new URL(await site.link(person)).hash;
		await t.page.evaluate((l) => (location.hash = l), await hash({}));
		await until('one line', () => t.page.lines.size === 1);
		await t.page.evaluate((l) => (location.hash = l), await hash({ person: 'ana', name: 'Ana Ruiz' }));
		await t.page.locator('.me').getByText('Ana Ruiz').waitFor();
		await until('one line', () => t.page.lines.size === 1);
		assert.equal(await t.log.getByText('of the first person #7').count(), 0);
		assert.equal(await t.box.inputValue(), '');
		// The other tab has the cookie of Ana's now: it is hers as soon as its own token ends.
		const other = await Page.visit(browser, site, { quiet: /Failed to load resource/ });
		await (await settings(other)).getByRole('button', { name: 'Log out everywhere' }).click();
		await tab.page.locator('.me').getByText('Ana Ruiz').waitFor();
		assert.equal(await tab.log.getByText('of the first person #7').count(), 0);
		await other.close();
		await t.clean();
		await t.close();
	},

	async login__at_the_gate_after_the_session_was_ended__shows_the_conversation_again() {
		const quiet = /Failed to load resource/;
		const a = await Page.visit(browser, site, { quiet });
		await a.send('seen before the gate #8');
		await a.reads('Answer to #8.');
		const b = await Page.visit(browser, site, { quiet });
		await (await settings(b)).getByRole('button', { name: 'Log out everywhere' }).click();
		await gate(a).waitFor();
		await a.page.getByRole('textbox', { name: 'Link or code' }).fill(await site.link());
		await a.page.keyboard.press('Enter');
		await a.reads('Answer to #8.');
		for (const t of [a, b]) {
			await t.clean();
			await t.close();
		}
	},

	async line__of_a_client_that_only_answers_pings__stays() {
		const own = await Rig.open({ env: { EDDY_WEB_IDLE_TIMEOUT: '5s' } });
		const w = new WebSocket(`ws://127.0.0.1:${own.port}/socket`, 'eddy.v1'); // it answers pings by itself
		let closed = null;
		w.on('close', (code) => (closed = code));
		w.on('open', () => w.send(JSON.stringify({ type: 'hello', token: own.localToken() })));
		await new Promise((done) => setTimeout(done, 12500));
		assert.equal(w.readyState, WebSocket.OPEN, `closed: ${closed}`);
		w.close();
		await own.close();
	},

	async keyboard__enter_sends__shift_enter_breaks_the_line_and_a_composition_keeps_it() {
		await on(site, async (t) => {
			await t.box.click();
			await t.page.keyboard.type('one');
			await t.page.keyboard.press('Shift+Enter');
			await t.page.keyboard.type('two #3');
			assert.equal(await t.box.inputValue(), 'one\ntwo #3');
			// An input method's own Enter takes its word over; it never sends.
			const cdp = await t.context.newCDPSession(t.page);
			await cdp.send('Input.imeSetComposition', { text: 'にほん', selectionStart: 3, selectionEnd: 3 });
			await cdp.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', windowsVirtualKeyCode: 229, key: 'Enter', code: 'Enter' });
			await t.box.evaluate((el) => {
				el.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true, composed: true }));
				el.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true, composed: true }));
			});
			assert.equal(await t.box.inputValue(), 'one\ntwo #3にほん');
			assert.equal(await t.log.locator('.msg').count(), 0);
			await cdp.send('Input.insertText', { text: '日本' });
			await t.page.keyboard.press('Enter');
			await t.reads(/two #3日本/);
			assert.equal(await t.box.inputValue(), '');
			assert.equal((await focused(t)).tag, 'textarea');
			await t.reads('Answer to #3.');
			await t.box.fill('   \n ');
			await t.page.keyboard.press('Enter');
			assert.equal(await t.log.locator('.msg.person').count(), 1, 'nothing was said');
		});
	},

	async keyboard__up__edits_the_last_message_and_escape_leaves_it() {
		await on(site, async (t) => {
			await t.send('mistakn #4');
			await t.reads('Answer to #4.');
			await t.box.focus();
			await t.page.keyboard.press('ArrowUp');
			const edit = t.page.getByRole('textbox', { name: 'Edit the message' });
			await edit.waitFor();
			assert.equal(await edit.inputValue(), 'mistakn #4');
			await t.page.keyboard.press('Escape');
			await edit.waitFor({ state: 'hidden' });
			assert.equal((await focused(t)).tag, 'textarea');
			await t.page.keyboard.press('ArrowUp');
			await edit.fill('mistaken #4');
			await t.page.keyboard.press('Enter');
			await said(t, 'mistaken #4').waitFor();
			await t.log.getByText('edited').first().waitFor();
			await until('the edit is stored', async () => (await rig.sql(`SELECT 1 FROM messages WHERE body = 'mistaken #4'`)).length === 1);
			await t.page.reload();
			await said(t, 'mistaken #4').waitFor();
		});
	},

	async keyboard__alone__reaches_everything_and_is_trapped_nowhere() {
		await onStage((stage) => {
			const talk = stage.thread({ title: 'By keyboard' });
			stage.say(talk, 'person', 'A question');
			stage.say(talk, 'eddy', [p('An answer'), ...rich]);
		}, async (t) => {
			await t.go('By keyboard');
			await t.reads('An answer');
			const names = [], hidden = [], ringless = [];
			for (let n = 0; n < 60; n++) {
				await t.page.keyboard.press('Tab');
				const e = await focused(t);
				if (!e) continue;
				names.push(e.name);
				if (!e.seen) hidden.push(e.name);
				if (!e.ring) ringless.push(e.name);
			}
			for (const need of [/^Message to/, /^New conversation/, /^Search/, /^By keyboard/, /^Copy$/, /^Copy code/, /^Good answer/, /^Bad answer/, /^Settings/, /^Show what Eddy did/, /^build 4711/])
				assert.ok(names.some((n) => need.test(n)), `${need} is not reached: ${names.join(' | ')}`);
			assert.deepEqual(hidden, [], 'something that cannot be seen has the focus');
			assert.deepEqual(ringless, [], 'the focus cannot be seen');
			// The list is searched and gone through without a mouse.
			await t.page.keyboard.press('Control+k');
			assert.match((await focused(t)).name, /^Search/);
			await t.page.keyboard.type('by key');
			await t.page.keyboard.press('Enter');
			await until('the box has the focus', async () => (await focused(t)).tag === 'textarea');
			const dialog = await settings(t);
			for (let n = 0; n < 12; n++) {
				await t.page.keyboard.press('Tab');
				const inside = await dialog.evaluate((d) => !document.activeElement || document.activeElement === document.body || d.contains(document.activeElement));
				assert.ok(inside, 'the focus leaves a dialog that is open');
			}
			await t.page.keyboard.press('Escape');
			await dialog.waitFor({ state: 'hidden' });
			assert.match((await focused(t)).name, /^Settings/); // back where it was
		});
	},

	async draft__survives__a_reload_and_another_conversation() {
		await onStage((stage) => {
			stage.thread({ title: 'First talk', minutes: 1 });
			stage.thread({ title: 'Second talk', minutes: 2 });
		}, async (t) => {
			const has = (text) => until(`the box holds ${JSON.stringify(text)}`, async () => (await t.box.inputValue()) === text);
			await t.box.fill('not begun');
			await t.go('First talk');
			await has('');
			await t.box.fill('half a thought');
			await t.go('Second talk');
			await has('');
			await t.box.fill('another half');
			await t.go('First talk');
			await has('half a thought');
			const other = await t.again();
			await until('the other tab has it too', async () => (await other.box.inputValue()) === 'half a thought');
			await other.page.close();
			await t.page.reload();
			await t.box.waitFor();
			await has('half a thought');
			await t.go('Second talk');
			await has('another half');
			await t.send('said now');
			await t.reads('said now');
			await t.page.reload();
			await t.box.waitFor();
			await t.reads('said now');
			await has('');
			await t.button('New conversation').first().click();
			await has('not begun');
		});
	},

	async message__refused__is_shown_as_failed_and_can_be_sent_again_or_discarded() {
		await onStage(() => {}, async (t, stage) => {
			let held;
			stage.on = (f, say) => f.type === 'send' && (held = () => say({ type: 'error', code: 'refused', message: 'This cannot be stored.', client_id: f.client_id }), true);
			await t.send('not wanted');
			await t.log.getByText('Sending').first().waitFor({ state: 'attached' });
			await until('it came', () => held);
			held();
			await t.log.getByText(/Not sent/).first().waitFor();
			await t.reads(/This cannot be stored/);
			stage.on = null;
			await t.button('Try again').first().click();
			await t.log.getByText(/Not sent/).first().waitFor({ state: 'hidden' });
			await t.log.getByText('Sent', { exact: true }).first().waitFor({ state: 'attached' });
			assert.equal(await said(t, 'not wanted').count(), 1);
			stage.on = (f, say) => f.type === 'send' && (say({ type: 'error', code: 'refused', message: 'No.', client_id: f.client_id }), true);
			await t.send('second thoughts');
			await t.button('Discard').click();
			await said(t, 'second thoughts').waitFor({ state: 'hidden' });
		});
	},

	async looks__chosen__stay_and_are_shared_by_the_tabs() {
		await on(site, async (t) => {
			const dark = (x) => x.page.evaluate(() => getComputedStyle(document.documentElement).colorScheme + getComputedStyle(document.body).backgroundColor);
			const light = await dark(t);
			const other = await t.again();
			await (await settings(t)).getByLabel('Look').selectOption('dark');
			await until('it is dark', async () => (await dark(t)) !== light);
			await until('the other tab is dark too', async () => (await dark(other)) === (await dark(t)));
			await t.page.reload();
			await t.box.waitFor();
			assert.notEqual(await dark(t), light);
			await (await settings(t)).getByLabel('Look').selectOption('auto');
			await until('it is light again', async () => (await dark(t)) === light);
			await t.page.emulateMedia({ colorScheme: 'dark' });
			await until('it follows the system', async () => (await dark(t)) !== light);
		});
	},

	async languages__of_the_browser_or_chosen__are_spoken_whole() {
		const words = { de: 'Neue Unterhaltung', fr: 'Nouvelle conversation', es: 'Nueva conversación', ja: '新しい会話' };
		const english = new Set(['New conversation', 'Settings', 'Conversations', 'Send', 'What Eddy did', 'What shall we work on?']);
		for (const locale of ['de-AT', 'fr-FR', 'es-MX', 'ja-JP'])
			await on(site, async (t) => {
				assert.equal(await t.page.evaluate(() => document.documentElement.lang), locale.slice(0, 2));
				const text = (await t.text()).split('\n').map((s) => s.trim());
				assert.deepEqual(text.filter((s) => english.has(s)), [], locale);
				assert.ok(text.some((s) => s.includes(words[locale.slice(0, 2)]) || s), locale);
			}, { locale });
		await on(site, async (t) => {
			const dialog = await settings(t);
			await dialog.getByLabel('Language').selectOption('de');
			await until('German', () => t.page.evaluate(() => document.documentElement.lang === 'de'));
			await t.page.reload();
			await t.box.waitFor();
			assert.equal(await t.page.evaluate(() => document.documentElement.lang), 'de');
			await t.send('auf Deutsch #5');
			await t.reads('Answer to #5.');
		});
	},

	async direction__from_right_to_left__turns_the_page_and_texts_turn_by_themselves() {
		await onStage((stage) => {
			const talk = stage.thread({ title: 'שלום' });
			stage.say(talk, 'person', 'מה שלומך היום?');
			stage.say(talk, 'eddy', [p('הכול בסדר, תודה.'), ...rich]);
			stage.say(talk, 'person', 'And in English?');
		}, async (t) => {
			await t.go('שלום');
			await t.reads('And in English?');
			const way = (text) => t.log.getByText(text).first().evaluate((e) => getComputedStyle(e).direction);
			assert.equal(await way('מה שלומך היום?'), 'rtl');
			assert.equal(await way('And in English?'), 'ltr');
			await t.page.evaluate(() => localStorage.setItem('eddy.dir', 'rtl'));
			await t.page.reload();
			await t.reads('And in English?');
			const at = async (what) => (await what.boundingBox()).x;
			assert.equal(await t.page.evaluate(() => document.dir), 'rtl');
			assert.ok((await at(t.page.getByRole('navigation'))) > (await at(t.page.getByRole('main'))), 'the list stands at the right');
			assert.ok((await t.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
			assert.equal(await t.log.locator('pre').first().evaluate((e) => getComputedStyle(e).direction), 'ltr', 'code reads from the left');
			await t.shot('rtl-1440-light');
			assert.deepEqual(await t.axe(), []);
		});
	},

	async storage__forbidden_or_full__costs_only_what_would_have_been_kept() {
		const forbid = () => {
			for (const name of ['localStorage', 'sessionStorage'])
				Object.defineProperty(window, name, { get() {
					throw new DOMException('denied', 'SecurityError');
				} });
		};
		const fill = () => {
			Storage.prototype.setItem = () => {
				throw new DOMException('full', 'QuotaExceededError');
			};
		};
		for (const [n, init] of [forbid, fill].entries())
			await on(site, async (t) => {
				await t.send(`kept nowhere #${10 + n}`);
				await t.reads(`Answer to #${10 + n}.`);
				await (await settings(t)).getByLabel('Look').selectOption('dark');
				await t.page.keyboard.press('Escape');
				await t.send(`and again #${12 + n}`);
				await t.reads(`Answer to #${12 + n}.`);
			}, { init });
	},

	async clock__wrong_by_a_day__disturbs_nothing() {
		for (const days of [-1, 1]) {
			const init = `{ const Real = Date, off = ${days} * 864e5; Date = class extends Real { constructor(...a) { a.length ? super(...a) : super(Real.now() + off); } static now() { return Real.now() + off; } }; }`;
			await on(site, async (t) => {
				assert.ok(Math.abs((await t.page.evaluate(() => Date.now())) - Date.now()) > 8e7);
				for (const n of [20, 21]) {
					await t.send(`at which time #${n}`);
					await t.reads(`Answer to #${n}.`);
				}
				await t.page.reload();
				await t.reads('Answer to #21.');
				assert.deepEqual(await t.log.evaluate((el) => el.innerText.match(/#\d+/g)), ['#20', '#20', '#21', '#21']);
			}, { init: { content: init } });
		}
	},

	async phone__has_all_of_it_in_its_own_way() {
		await on(site, async (t) => {
			await t.send('from a phone #30');
			await t.reads('Answer to #30.');
			await t.button('Show conversations').click();
			await t.page.getByRole('navigation').getByText('from a phone #30').waitFor();
			const dialog = await settings(t);
			await t.page.keyboard.press('Escape'); // one thing at a time
			await dialog.waitFor({ state: 'hidden' });
			assert.ok(await t.page.getByRole('navigation').isVisible());
			assert.match((await focused(t)).name, /^Settings/);
			await t.page.keyboard.press('Escape');
			await until('the list is closed', () => t.page.evaluate(() => document.documentElement.dataset.list === 'off'));
			await t.button('Show what Eddy did').click();
			await t.page.getByText('fake-model').first().waitFor();
			await t.page.keyboard.press('Escape');
			assert.equal(await t.page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
			const box = await t.page.locator('eddy-chat').boundingBox();
			assert.ok(box.height >= 0.7 * 640 && box.width === 320, JSON.stringify(box));
		}, { width: 320, height: 640 });
		await on(site, async (t) => {
			await t.box.fill('on a touch screen #31');
			await t.page.keyboard.press('Enter'); // its keyboard has no Shift+Enter
			assert.equal(await t.box.inputValue(), 'on a touch screen #31\n');
			await t.button('Send').tap();
			await t.reads('Answer to #31.');
		}, { width: 390, height: 800, hasTouch: true, isMobile: true });
	},
};

await run(tests, {
	before: async () => {
		rig = await Rig.open();
		site = real(rig);
		browser = await launch();
	},
	after: async () => {
		await browser?.close();
		await rig?.close();
	},
	each: () => rig.model.control('clear'),
});
