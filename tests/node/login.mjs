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
};

await run(tests, {
	before: async () => {
		/* Mail is set up; that its servers are not there is no matter of the page. */
		rig = await Rig.open({ env: { EDDY_EMAIL_ADDRESS: 'eddy@example.com', EDDY_EMAIL_IMAP: 'imaps://127.0.0.1:1', EDDY_EMAIL_SMTP: 'smtps://127.0.0.1:1', EDDY_EMAIL_PASSWORD: 'x' } });
		site = real(rig);
		browser = await launch();
	},
	after: async () => {
		await browser?.close();
		await rig?.close();
	},
});
