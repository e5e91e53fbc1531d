// How much the page weighs as it is really served, and how soon one can type into it.
import assert from 'node:assert/strict';
import { launch } from './lib/browser.mjs';
import { Page, real } from './lib/site.mjs';
import { Rig } from './lib/rig.mjs';
import { patience, run } from './lib/tap.mjs';

let browser, rig, site;

/* Runs before the page's scripts: when something can be typed. */
const clock = () => {
	const find = (r) => [...r.querySelectorAll('*')].some((e) => (e.localName === 'textarea' && !e.disabled && e.offsetParent) || (e.shadowRoot && find(e.shadowRoot)));
	const look = () => {
		if (find(document)) window.__usable = performance.now();
		else requestAnimationFrame(look);
	};
	requestAnimationFrame(look);
};

/* Bytes as they came through the line, from a browser with an empty cache. */
async function load() {
	const sizes = new Map();
	const t = await Page.visit(browser, site, { init: clock, watch: async (page, context) => {
		const cdp = await context.newCDPSession(page);
		await cdp.send('Network.enable');
		const urls = new Map();
		cdp.on('Network.responseReceived', (e) => urls.set(e.requestId, e.response));
		cdp.on('Network.loadingFinished', (e) => {
			const r = urls.get(e.requestId);
			if (r && !/^data:/.test(r.url)) sizes.set(new URL(r.url).pathname, { bytes: e.encodedDataLength, head: Object.fromEntries(Object.entries(r.headers).map(([k, v]) => [k.toLowerCase(), v])) });
		});
	} });
	await t.page.waitForLoadState('networkidle');
	const usable = await t.page.evaluate(() => window.__usable);
	await t.clean();
	await t.close();
	return { sizes, usable };
}

const tests = {
	async page__first_load__is_at_most_sixty_kilobytes_and_may_be_kept() {
		const { sizes } = await load();
		let body = 0, all = 0;
		for (const [name, { bytes, head }] of sizes) {
			all += bytes;
			if (name.startsWith('/api/')) continue;
			assert.equal(head['content-encoding'], 'gzip', name);
			assert.ok(Number(head['content-length']) > 0, name);
			body += Number(head['content-length']);
			if (name.startsWith('/a/')) assert.match(head['cache-control'], /max-age=31536000, immutable/, name);
		}
		console.log(`# ${body} bytes of files, ${all} with the calls and all heads, ${sizes.size} requests`);
		assert.ok(sizes.has('/') && sizes.size > 8 && body > 5000, [...sizes.keys()].join());
		assert.ok(body <= 60000, `${body} bytes`);
		assert.ok(all <= 66000, `${all} bytes`);
	},

	async page__cold__can_be_typed_into_soon() {
		const times = [];
		for (let n = 0; n < 5; n++) times.push((await load()).usable);
		times.sort((a, b) => a - b);
		const best = times[0];
		console.log(`# usable ${Math.round(times[2])} ms after the address was asked for (best ${Math.round(best)}), the middle one of five`);
		// 200 to 300 ms on a quiet machine, where half a second is promised; among all other tests it says only that nothing is waited for.
		assert.ok(best <= patience(process.env.EDDY_TEST_LONG ? 500 : 5000), JSON.stringify(times));
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
});
