// The log-in page where people can have a link by mail, in a real browser beside the real daemon (the mail itself: tests/system/login_mail_test.c).
import assert from 'node:assert/strict';
import { Tab, launch } from './lib/browser.mjs';
import { Rig } from './lib/rig.mjs';
import { real } from './lib/site.mjs';
import { run } from './lib/tap.mjs';

let browser, rig, site;
const quiet = /Failed to load resource/;

async function at(hash, f, options = {}) {
	const t = await Tab.open(browser, { quiet, ...options });
	try {
		await t.page.goto(`${site.origin}/${hash}`);
		await f(t);
		assert.deepEqual(await t.odd(), []);
		await t.clean();
		t.stayedHome(site.origin);
	} catch (e) {
		await t.shot('broken-login').catch(() => {});
		throw e;
	} finally {
		await t.close();
	}
}

const tests = {
	async form__for_a_mail_address__says_the_same_whoever_it_is() {
		await at('', async (t) => {
			await t.page.getByRole('heading', { name: 'Log in' }).waitFor();
			const box = t.page.getByRole('textbox', { name: 'Your mail address' });
			await box.fill('nobody@example.com');
			assert.deepEqual(await t.axe(), []);
			await t.shot('login-form');
			await t.page.keyboard.press('Enter');
			await t.page.getByText('If this address is known here').waitFor();
			await t.shot('login-sent');
			// As often as one may, and then it says so.
			for (let i = 0; i < 3; i++) {
				await t.page.getByRole('button', { name: 'Send me a link' }).click();
				await t.page.waitForFunction(() => document.querySelector('[role=status]').textContent);
			}
			await t.page.getByText('Too many attempts').waitFor();
			// The terminal's way is still there.
			await t.page.getByText('Open Eddy from the terminal').click();
			await t.page.getByRole('textbox', { name: 'Link or code' }).waitFor();
			await t.shot('login-more');
		});
		const refused = await rig.sql("SELECT facts->>'why' FROM audit WHERE verb = 'login.refused'");
		assert.ok(refused.length >= 1);
	},

	async form__on_a_phone_in_the_dark_from_right_to_left__fits() {
		await at('', async (t) => {
			await t.page.evaluate(() => {
				localStorage.setItem('eddy.dir', 'rtl');
				localStorage.setItem('eddy.language', 'de');
			});
			await t.page.reload();
			await t.page.getByRole('heading', { name: 'Anmelden' }).waitFor();
			assert.equal(await t.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
			assert.deepEqual(await t.axe(), []);
			await t.shot('login-phone');
		}, { width: 360, height: 640, scheme: 'dark' });
	},

	async link__of_a_mail__asks_before_it_is_used() {
		const code = new URL(await site.link()).hash.slice('#login='.length);
		await at(`#mail=${code}`, async (t) => {
			await t.page.getByRole('heading', { name: 'Log in to Eddy?' }).waitFor();
			assert.doesNotMatch(t.page.url(), /mail=/);
			assert.deepEqual(await t.axe(), []);
			await t.shot('login-confirm');
			// A program that looks at the page has used nothing up.
			assert.deepEqual(await rig.sql('SELECT count(*) FROM login_codes WHERE used_at IS NULL'), [['1']]);
			assert.deepEqual(t.requests.filter((u) => /\/api\/(login|refresh)/.test(u)), []);
			await t.page.getByRole('button', { name: 'Log in' }).click();
			await t.page.getByRole('log').waitFor();
		});
		await at(`#mail=${code}`, async (t) => {
			await t.page.getByRole('button', { name: 'Log in' }).click();
			await t.page.getByText('This link was used already or is too old').waitFor();
		});
	},

	async password__by_a_link_of_an_admin__is_set_and_then_typed() {
		const ask = async (to, body, bearer, more = {}) => {
			const r = await fetch(`${site.origin}${to}`, { method: 'POST', headers: { 'content-type': 'application/json', ...(bearer ? { authorization: `Bearer ${bearer}` } : {}), ...more }, body: JSON.stringify(body) });
			assert.equal(r.status, 200, to);
			return r.json();
		};
		const ann = await ask('/api/login', { code: new URL(await rig.login('ann', 'Ann')).hash.slice('#login='.length) }, null, { origin: site.origin, 'x-eddy': '1' });
		await ask('/api/v1/session.get', {}, ann.token);
		const link = (await rig.eddy('password', 'link', 'ann')).trim();
		await at(new URL(link).hash, async (t) => {
			await t.page.getByRole('heading', { name: 'Choose a password' }).waitFor();
			assert.doesNotMatch(t.page.url(), /password=/);
			const box = t.page.getByLabel('New password');
			assert.equal(await box.getAttribute('autocomplete'), 'new-password');
			await box.fill('Password1234');
			await t.page.getByRole('button', { name: 'Save and log in' }).click();
			await t.page.getByText('Too short, too common').waitFor();
			assert.deepEqual(await t.axe(), []);
			await t.shot('password-choose');
			await box.fill('four words of no story');
			await t.page.getByRole('button', { name: 'Show password' }).click();
			assert.equal(await box.getAttribute('type'), 'text');
			await t.page.getByRole('button', { name: 'Save and log in' }).click();
			await t.page.getByRole('log').waitFor();
		});
		await at('', async (t) => {
			await t.page.getByLabel('Mail address or name').fill('ann');
			const box = t.page.getByLabel('Password', { exact: true });
			assert.equal(await box.getAttribute('autocomplete'), 'current-password');
			await box.fill('not this one, no');
			await t.page.keyboard.press('Enter');
			await t.page.getByText('This name and this password do not belong together').waitFor();
			assert.deepEqual(await t.axe(), []);
			await t.shot('password-form');
			await box.fill('four words of no story');
			await t.page.keyboard.press('Enter');
			await t.page.getByRole('log').waitFor();
			// Where one is logged in: this one and the other, which ends.
			await t.page.getByRole('button', { name: 'Settings' }).click();
			await t.page.getByRole('button', { name: 'Where you are logged in' }).click();
			await t.page.getByText('(this one)').waitFor();
			await t.page.getByLabel('Present password').waitFor();
			assert.deepEqual(await t.axe(), []);
			await t.shot('password-logins');
			await t.page.getByRole('button', { name: 'End all others' }).click();
			await t.page.getByText('Ended.').waitFor();
			assert.deepEqual(await rig.sql("SELECT count(*) FROM sessions WHERE subject = 'as:ann' AND ended_at IS NULL"), [['1']]);
		});
	},
};

await run(tests, {
	before: async () => {
		/* Mail is set up; that its servers are not there is no matter of the page. */
		rig = await Rig.open({ env: { EDDY_EMAIL_ADDRESS: 'eddy@example.com', EDDY_EMAIL_IMAP: 'imaps://127.0.0.1:1', EDDY_EMAIL_SMTP: 'smtps://127.0.0.1:1', EDDY_EMAIL_PASSWORD: 'x', EDDY_LOGIN_PASSWORD: 'yes' } });
		site = real(rig);
		browser = await launch();
	},
	after: async () => {
		await browser?.close();
		await rig?.close();
	},
});
