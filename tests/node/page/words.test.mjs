// Each language says everything that English says, with the same places to fill in, and the page asks for nothing that is not there.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { Words, languages } from '../../../adapters/web/page/i18n.js';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../adapters/web/page');
const load = async (name) => (await import(path.join(folder, 'lang', `${name}.js`))).default;
const en = await load('en');
const forms = (text) => (typeof text === 'object' ? Object.values(text) : [text]);
const places = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort().join();

test('languages__on_disk__are_those_on_offer', () => {
	assert.deepEqual(fs.readdirSync(path.join(folder, 'lang')).sort(), Object.keys(languages).map((l) => `${l}.js`).sort());
});

for (const name of Object.keys(languages)) {
	test(`words__in_${name}__are_complete`, async () => {
		const texts = await load(name);
		assert.deepEqual(Object.keys(texts).sort(), Object.keys(en).sort());
		for (const [key, text] of Object.entries(texts)) {
			assert.equal(typeof text, typeof en[key], key);
			for (const form of forms(text)) {
				assert.ok(form.trim() && form === form.trim(), `${key} is empty or has spaces around it`);
				assert.equal(places(form), places(forms(en[key]).at(-1)), key);
				assert.ok(!/[<>]/.test(form), `${key} has markup`);
			}
			if (typeof text === 'object') {
				const wanted = new Intl.PluralRules(name).resolvedOptions().pluralCategories;
				assert.deepEqual(Object.keys(text).sort(), [...wanted].sort(), `plural forms of ${key}`);
			}
		}
	});
}

test('words__asked_for_by_the_page__exist_and_none_is_left_over', () => {
	const sources = fs.readdirSync(folder).filter((f) => f.endsWith('.js') && !f.startsWith('widget') && !f.startsWith('account')).map((f) => fs.readFileSync(path.join(folder, f), 'utf8')).join('\n');
	for (const [, key] of sources.matchAll(/\bt\("(\w+)"/g)) assert.ok(key in en, `${key} is missing`);
	const left = Object.keys(en).filter((k) => !new RegExp(`["'\`]${k}["'\`]`).test(sources) && !/^(state|step)_|^fork_(opening|active|resolved|abandoned|failed)$|^found_(fork|resolution|memory)$/.test(k));
	assert.deepEqual(left, []);
});

test('words__of_passwords_and_sessions__exist_in_every_language', async () => {
	const { words: own } = await import('../../../adapters/web/page/account-words.js');
	const source = fs.readFileSync(path.join(folder, 'account.js'), 'utf8');
	for (const [, key] of source.matchAll(/\bt\("(\w+)"/g)) assert.ok(key in own.en, `${key} is missing`);
	for (const language of Object.keys(own)) assert.deepEqual(Object.keys(own[language]), Object.keys(own.en), language);
	assert.deepEqual(Object.keys(own.en).filter((k) => !new RegExp(`"${k}"`).test(source)), []);
});

test('words__with_values__are_filled_in_by_the_rules_of_the_language', async () => {
	const de = new Words('de', await load('de'), 'de-DE');
	assert.equal(de.t('runs', { n: 1 }), '1 Antwort');
	assert.equal(de.t('runs', { n: 1234 }), '1.234 Antworten');
	assert.equal(de.t('typing', { name: '{n}$&' }), '{n}$& schreibt …');
	assert.equal(de.t('nobody_wrote_this'), 'nobody_wrote_this');
	assert.equal(new Words('en', en).t('hello', {}), 'Hello, {name}');
});

test('times__beside_now__are_said_as_people_do', () => {
	const w = new Words('en', en, 'en-GB');
	const now = new Date(2026, 2, 4, 0, 30).getTime();
	assert.equal(w.day(now, now), 'Today');
	assert.equal(w.day(now - 3600000, now), 'Yesterday');
	assert.equal(w.day(now - 3 * 86400000, now), 'Sunday');
	assert.equal(w.day(new Date(2026, 0, 2).getTime(), now), '2 January');
	assert.equal(w.day(new Date(2024, 0, 2).getTime(), now), '2 January 2024');
	assert.match(w.span(340), /^340 ?ms/);
	assert.match(w.span(2340), /^2\.3 ?s/);
	assert.match(w.span(125000), /^2 ?m.* 5 ?s/);
	assert.match(w.span(119900), /^2 ?m.* 0 ?s/);
	assert.equal(w.money(13110), '$0.0131');
	assert.equal(w.money(1500000), '$1.50');
});
