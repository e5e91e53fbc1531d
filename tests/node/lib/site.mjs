// How a test opens the page: real (a front before the real daemon) or staged (page and log-in come from the daemon, but a Stage speaks eddy.v1).
import { Front } from './front.mjs';
import { Tab } from './browser.mjs';
import { Stage } from './stage.mjs';

/* A link that logs in, by ${front}: what `eddy login` asks the daemon for. */
async function link(rig, front, person = {}) {
	const r = await fetch(`http://127.0.0.1:${rig.port}/api/code`, {
		method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${rig.localToken()}` }, body: JSON.stringify(person),
	});
	if (!r.ok) throw new Error(`/api/code: ${r.status} ${await r.text()}`);
	const { url } = await r.json();
	return `${front.origin}/${new URL(url).hash}`;
}

export function real(rig) {
	return { front: rig.front, rig, origin: rig.front.origin, link: (person) => link(rig, rig.front, person), close: () => {} };
}

export async function staged(rig, options) {
	const front = await Front.open(rig.port);
	const stage = new Stage(options);
	front.script(stage.player);
	return { front, rig, stage, origin: front.origin, link: () => link(rig, front), close: () => front.close() };
}

/** The page as a person's hand finds it. */
export class Page extends Tab {
	static async visit(browser, site, options = {}) {
		const t = Object.setPrototypeOf(await Tab.open(browser, options), Page.prototype);
		t.site = site;
		await t.page.goto(await site.link());
		await t.box.waitFor();
		return t;
	}

	/** Another tab of the same browser profile. */
	async again(options) {
		const t = Object.setPrototypeOf(await Tab.open(null, { context: this.context, quiet: this.quiet, ...options }), Page.prototype);
		t.site = this.site;
		await t.page.goto(this.page.url());
		await t.box.waitFor();
		return t;
	}

	/* Its name differs from language to language, its place does not. */
	get box() {
		return this.page.locator('eddy-chat form textarea').last();
	}

	get log() {
		return this.page.getByRole('log');
	}

	button(name) {
		return this.page.getByRole('button', { name });
	}

	async go(title) {
		await this.page.getByRole('navigation').getByText(title, { exact: true }).first().click();
	}

	/** Draws the conversation from its beginning: long ones show their end first. */
	async earlier() {
		for (let n = 0; n < 50; n++) {
			const more = await this.log.evaluate((log) => {
				const b = log.querySelector('.earlier');
				if (b?.hidden === false) b.click();
				return b?.hidden === false;
			});
			if (!more) return;
		}
	}

	async send(text) {
		await this.box.fill(text);
		await this.box.press('Enter');
	}

	/** Waits until ${text} stands in the conversation. */
	async reads(text, timeout) {
		await this.log.getByText(text).first().waitFor({ timeout });
	}
}

/** One test's page: closed at its end, and nothing may have gone wrong on it.  A broken one leaves a picture named after ${name}. */
export async function visit(browser, where, name, f, options = {}) {
	const t = await Page.visit(browser, where, options);
	try {
		await f(t);
		await t.clean();
		t.stayedHome(where.origin);
	} catch (e) {
		await t.shot(`broken-${name}-${Date.now() % 100000}`).catch(() => {});
		throw e;
	} finally {
		await t.close();
	}
}
