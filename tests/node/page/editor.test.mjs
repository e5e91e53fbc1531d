// The draft's editor without a browser: what is wrong with a draft, how its Markdown is read, what of a message can be edited.
import assert from 'node:assert/strict';
import test from 'node:test';
import { blocks, check, draftOf } from '../../../adapters/web/page/editor.js';

const problem = (text) => check(text).problem?.[0] ?? null;

test('check__of_a_draft__says_what_the_server_would_refuse', () => {
	assert.equal(problem('**A headline**\n\n- one [1]'), null);
	assert.equal(problem('# A headline'), null);
	assert.equal(problem(''), 'draft_no_headline');
	assert.equal(problem(' \n\n'), 'draft_no_headline');
	assert.equal(problem('- a point first'), 'draft_no_headline');
	assert.equal(problem(`**${'é'.repeat(120)}**`), null);
	assert.equal(problem(`**${'é'.repeat(121)}**`), 'draft_headline_long');
	assert.equal(problem('😀'.repeat(120)), null); // characters, not halves of them
	assert.deepEqual(check('x'.repeat(125)).problem, ['draft_headline_long', { n: 5 }]);
	assert.equal(problem(`H\n- ${'y'.repeat(400)}`), null);
	assert.equal(problem(`H\n- ${'y'.repeat(401)}`), 'draft_line_long');
	assert.equal(problem(`H\n${'- x\n'.repeat(24)}`), null);
	assert.equal(problem(`H\n${'- x\n'.repeat(25)}`), 'draft_lines');
	assert.equal(problem(`H\n\n${'z'.repeat(17000)}`), 'too_long');
	assert.equal(check('**Postgres it is**').headline, 'Postgres it is');
	assert.equal(check('__Postgres__').headline, 'Postgres');
});

test('blocks__of_a_draft__are_paragraphs_lists_and_marks', () => {
	assert.deepEqual(blocks('**H**\n\n- a **b** `c`\n- d [1] [[2]](https://e.example/#x)\n\nplain *i*'), [
		{ t: 'p', c: [{ t: 'b', c: ['H'] }] },
		{ t: 'ul', i: [[{ t: 'p', c: ['a ', { t: 'b', c: ['b'] }, ' ', { t: 'code', s: 'c' }] }], [{ t: 'p', c: ['d [1] ', { t: 'a', href: 'https://e.example/#x', c: ['[2]'] }] }]] },
		{ t: 'p', c: ['plain ', { t: 'i', c: ['i'] }] },
	]);
	assert.deepEqual(blocks('<b>x</b> [y](javascript:1) ![z](https://e.example/p.png)'), [{ t: 'p', c: ['<b>x</b> [y](javascript:1) !', { t: 'a', href: 'https://e.example/p.png', c: ['z'] }] }]);
	for (const odd of ['**', '****', '`', '[', '[]()', '*'.repeat(5000), '['.repeat(5000), '**a'.repeat(2000)]) assert.ok(Array.isArray(blocks(odd)), odd.slice(0, 10));
});

test('draft_of_a_message__is_what_follows_the_words_before_it__with_plain_numbers', () => {
	assert.equal(draftOf('A draft of what goes back, to accept:\n\n**H**\n\n- a [[1]](http://x/#/t/1) [[12]](http://y)\n'), '**H**\n\n- a [1] [12]');
	assert.equal(draftOf('**H**\n\n- a'), '**H**\n\n- a');
	assert.equal(draftOf('Only this:'), 'Only this:');
});
