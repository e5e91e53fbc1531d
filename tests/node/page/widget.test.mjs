// The widget's words: every language says what English says, and nothing that nobody asks for.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import en from '../../../adapters/web/page/widget-lang/en.js';
import { words } from '../../../adapters/web/page/widget-words.js';

const folder = new URL('../../../adapters/web/page/', import.meta.url);
const read = (name) => fs.readFileSync(new URL(name, folder), 'utf8');
const languages = fs.readdirSync(new URL('widget-lang', folder)).map((f) => f.replace('.js', '')).filter((l) => l !== 'en');
const holes = (text) => [...JSON.stringify(text).matchAll(/\{(\w+)\}/g)].map((m) => m[1]);

for (const language of languages)
	test(`language__${language}__has_the_keys_the_holes_and_the_plurals`, async () => {
		const texts = (await import(new URL(`widget-lang/${language}.js`, folder))).default;
		assert.deepEqual(Object.keys(texts).filter((k) => !(k in en)), [], 'keys that English does not have');
		assert.deepEqual(Object.keys(en).filter((k) => !(k in texts) && !['title', 'eddy'].includes(k)), [], 'keys that are missing');
		const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
		for (const [k, text] of Object.entries(texts)) {
			assert.equal(typeof text, typeof en[k], k);
			if (typeof text === 'object') for (const f of ['other', ...forms.filter((x) => x === 'one')]) assert.ok(text[f], `${k}: ${f}`);
			assert.deepEqual(new Set(holes(text)), new Set(holes(en[k])), `${k}: what is filled in`);
		}
		const t = await words(language);
		assert.equal(t.locale, language);
		assert.equal(t('send'), texts.send);
		assert.ok(read('widget.js').includes(`${language}: "`), 'the name of the button in widget.js');
	});

test('words__of_an_unknown_language__are_english', async () => {
	const t = await words('tlh');
	assert.equal(t.locale, 'en');
	assert.equal(t('send'), 'Send');
	assert.equal(t('unread', { n: 1 }), '1 new message');
	assert.equal(t('unread', { n: 3 }), '3 new messages');
	assert.equal(t('optional', { name: '{n}$&' }), '{n}$& (optional)');
	assert.equal(t('no_such_key'), 'no_such_key');
});

test('words__that_are_asked_for__are_there', () => {
	const asked = new Set();
	for (const name of ['widget-app.js', 'widget-talk.js', 'blocks.js', 'components.js'])
		for (const m of read(name).matchAll(/\bt\??\.?\("(\w+)"/g)) asked.add(m[1]);
	assert.deepEqual([...asked].filter((k) => !(k in en)), []);
	assert.ok(asked.size > 20);
});

test('sources__make_nodes_only_by_hand', () => {
	for (const name of fs.readdirSync(folder).filter((f) => /^widget.*\.js$/.test(f))) {
		const source = read(name);
		assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|srcdoc|DOMParser|setAttribute\("on|\.style\s*=|cookie/, name);
	}
});
