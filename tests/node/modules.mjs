// The page's modules that build nodes, in a real browser under the page's policy: whatever a server sends becomes text.
import assert from 'node:assert/strict';
import { Tab, launch } from './lib/browser.mjs';
import { Front } from './lib/front.mjs';
import { lab } from './lib/lab.mjs';
import { corpus } from './lib/corpus.mjs';
import { rich } from './lib/stage.mjs';
import { run } from './lib/tap.mjs';

let browser, front;
async function bench(options) {
	const tab = await Tab.open(browser, options);
	await tab.page.goto(`${front.origin}/lab`);
	return tab;
}
/* What a person's pointer and keyboard would set off. */
const stir = () => {
	for (const el of document.querySelectorAll('*'))
		for (const name of ['pointerover', 'mouseover', 'focus', 'focusin', 'blur', 'load', 'error', 'toggle', 'animationstart', 'beforetoggle'])
			el.dispatchEvent(new Event(name, { bubbles: true }));
};

const tests = {
	async corpus__has__more_than_three_hundred_strings() {
		assert.ok(new Set(corpus).size >= 300, String(corpus.length));
		assert.ok(corpus.every((s) => typeof s === 'string' && s.length > 0));
	},

	async blocks__show__every_string_of_the_corpus_as_text_in_every_field() {
		const tab = await bench();
		const lost = await tab.page.evaluate(async (strings) => {
			const { showBlocks, plain } = await import('/blocks.js');
			const main = document.querySelector('main');
			const lost = [];
			for (const s of strings) {
				const blocks = [
					{ t: 'p', c: [s, { t: 'b', c: [s] }, { t: 'i', c: [s] }, { t: 's', c: [s] }, { t: 'code', s }, { t: s, c: [s] }, { t: 'br' }] },
					{ t: 'p', c: [{ t: 'a', href: s, c: [s] }, { t: 'a', href: s, c: [] }, { t: 'a', href: `https://x.example/?${s}`, c: [s] }] },
					{ t: 'h', n: s, c: [s] }, { t: 'h', n: 1, c: [s] },
					{ t: 'ul', i: [[{ t: 'p', c: [s] }]] }, { t: 'ol', start: s, i: [[{ t: 'p', c: [s] }]] },
					{ t: 'code', lang: s, s }, { t: 'quote', b: [{ t: 'p', c: [s] }] },
					{ t: 'table', align: [s, 'l'], head: [[s]], rows: [[[s], [{ t: 'a', href: s, c: [s] }]]] },
					{ t: 'sources', i: [{ href: s, title: s }, { href: s }, { href: `https://x.example/${s}`, title: s }] },
					{ t: s, s }, { t: s, c: [s] }, { t: s, text: s }, s,
				];
				const el = document.createElement('div');
				main.append(el);
				showBlocks(el, blocks, 0, (key) => key);
				const clean = (x) => x.replace(/\r/g, '');
				for (const n of [0, 3, 4, 5, 6, 7, 8, 9, 10, 13])
					if (!clean(el.children[n].textContent).includes(clean(s))) lost.push([n, s]);
				showBlocks(el, blocks, 4, (key) => key); // grown from the middle
				plain(blocks);
				if (el.children.length !== blocks.length) lost.push(['count', s]);
			}
			return lost;
		}, corpus);
		assert.deepEqual(lost, []);
		await tab.page.evaluate(stir);
		assert.deepEqual(await tab.odd(), []);
		tab.stayedHome(front.origin);
		await tab.clean();
		await tab.close();
	},

	async components__show__every_string_of_the_corpus_as_text_in_every_field() {
		const tab = await bench();
		const acts = await tab.page.evaluate(async (strings) => {
			const { showComponents } = await import('/components.js');
			const main = document.querySelector('main');
			let acts = 0;
			for (const s of strings) {
				const all = [
					...['button', 'link', 'choices', 'form', 'card', 'progress', s].map((kind) => ({
						kind, label: s, action: s, value: s, href: s, style: s, fallback: s, title: s, text: s, submit: s,
						options: [s, { label: s, value: s, action: s }], fields: [{ name: s, label: s, type: s, value: s, placeholder: s, max: s, options: [s] }, { name: 'n', type: 'textarea', value: s }],
						components: [{ kind: 'button', label: s, action: s, value: s }, { kind: 'link', label: s, value: s }],
					})),
					{ kind: 'choices', multiple: true, label: s, options: [s], action: s },
				];
				const el = showComponents(all, () => acts++, (key) => key);
				main.append(el);
				el.querySelector('button').click();
			}
			return acts;
		}, corpus);
		assert.equal(acts, corpus.length);
		await tab.page.evaluate(stir);
		assert.deepEqual(await tab.odd(), []);
		tab.stayedHome(front.origin);
		await tab.clean();
		await tab.close();
	},

	async blocks__bear__anything_that_is_json() {
		const tab = await bench();
		const thrown = await tab.page.evaluate(async () => {
			const { showBlocks, plain, safeHref } = await import('/blocks.js');
			const { showComponents } = await import('/components.js');
			let seed = 7;
			const next = (n) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
			const keys = ['t', 'c', 's', 'b', 'i', 'n', 'href', 'title', 'lang', 'align', 'head', 'rows', 'start', 'kind', 'label', 'action', 'value', 'options', 'fields', 'type', 'name', 'text', 'components', 'toString', '__proto__', 'length'];
			const kinds = ['p', 'h', 'ul', 'ol', 'code', 'quote', 'table', 'hr', 'sources', 'a', 'b', 'br', 'button', 'link', 'choices', 'form', 'card', 'progress', 'select'];
			const any = (d) => {
				switch (next(d > 5 ? 5 : 9)) {
					case 0: return null;
					case 1: return next(1000) - 500;
					case 2: return next(2) === 1;
					case 3: return 'x'.repeat(next(5));
					case 4: return kinds[next(kinds.length)];
					case 5: return Array.from({ length: next(4) }, () => any(d + 1));
					default: {
						const o = JSON.parse('{}');
						if (next(4)) o[next(2) ? 't' : 'kind'] = kinds[next(kinds.length)];
						for (let n = next(5); n > 0; n--) Object.defineProperty(o, keys[next(keys.length)], { value: any(d + 1), enumerable: true, configurable: true, writable: true });
						return o;
					}
				}
			};
			const thrown = new Set();
			for (let n = 0; n < 4000; n++) {
				const x = Array.from({ length: 3 }, () => any(0));
				for (const f of [() => showBlocks(document.createElement('div'), x, 0, (k) => k), () => showComponents(x, () => {}, (k) => k), () => plain(x), () => safeHref(x[0])])
					try {
						f();
					} catch (e) {
						thrown.add(`${String(e.stack).split('\n').slice(0, 2).join(' ')} ${JSON.stringify(x).slice(0, 200)}`);
					}
			}
			return [...thrown].slice(0, 3);
		});
		assert.deepEqual(thrown, []);
		await tab.clean();
		await tab.close();
	},

	async blocks__that_grow__never_touch_what_is_finished() {
		const tab = await bench();
		const same = await tab.page.evaluate(async (rich) => {
			const { showBlocks } = await import('/blocks.js');
			const el = document.createElement('div');
			document.querySelector('main').append(el);
			let moved = 0;
			const seen = [];
			new MutationObserver((list) => list.forEach((m) => seen.push(m.target))).observe(el, { childList: true, subtree: true, characterData: true, attributes: true });
			for (let n = 1; n <= rich.length; n++) {
				const before = [...el.children].slice(0, n - 1);
				seen.length = 0;
				showBlocks(el, rich.slice(0, n), n - 1, (k) => k);
				await Promise.resolve();
				moved += before.some((c, i) => el.children[i] !== c) || seen.some((t) => before.some((c) => c.contains(t)));
			}
			return moved;
		}, rich);
		assert.equal(same, 0);
		await tab.clean();
		await tab.close();
	},
};

await run(tests, {
	before: async () => {
		front = await Front.open(0);
		front.web = lab();
		browser = await launch();
	},
	after: async () => {
		await browser?.close();
		front?.close();
	},
});
