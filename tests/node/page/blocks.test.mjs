// What blocks say without a browser: their text, and which addresses we open.
import assert from 'node:assert/strict';
import test from 'node:test';
import { plain, safeHref } from '../../../adapters/web/page/blocks.js';

test('addresses__of_other_kinds__are_not_opened', () => {
	assert.equal(safeHref('https://example.org/a'), 'https://example.org/a');
	assert.equal(safeHref('mailto:ann@example.org'), 'mailto:ann@example.org');
	for (const href of ['javascript:alert(1)', ' java\nscript:alert(1)', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd', '/relative', '', null, 7, {}, `https://x/${'a'.repeat(9000)}`]) assert.equal(safeHref(href), null);
});

test('text__of_blocks__reads_as_it_is_shown', () => {
	assert.equal(plain({ t: 'p', c: ['a ', { t: 'b', c: ['b'] }, { t: 'br' }, { t: 'code', s: 'c' }] }), 'a b\nc');
	assert.equal(plain({ t: 'ol', start: 3, i: [[{ t: 'p', c: ['x'] }], [{ t: 'p', c: ['y'] }]] }), '3. x\n4. y');
	assert.equal(plain({ t: 'table', head: [['a'], ['b']], rows: [[['1'], ['2']]] }), 'a\tb\n1\t2');
	assert.equal(plain({ t: 'never seen', c: ['its text'] }), 'its text');
	for (const bad of [null, undefined, 7, {}, { t: 'ul' }, { t: 'table', rows: 3 }, { t: 'p', c: { c: null } }]) assert.equal(typeof plain(bad), 'string');
});

test('text__of_blocks_without_end__ends', () => {
	const loop = { t: 'quote', b: [] };
	loop.b.push(loop);
	assert.equal(typeof plain(loop), 'string');
});
