// Side threads, resolutions and search on the page, on a stage that says every frame: what the page makes of them (HTML held against golden files),
// how it looks at three widths, dark and light, and what a hand and a keyboard can do.
import assert from 'node:assert/strict';
import { launch } from './lib/browser.mjs';
import { golden } from './lib/golden.mjs';
import { misfits } from './lib/misfits.mjs';
import { Rig } from './lib/rig.mjs';
import { Page, real, staged, visit } from './lib/site.mjs';
import { p } from './lib/stage.mjs';
import { run, until } from './lib/tap.mjs';

let browser, rig;
const parentKey = '11111111-2222-4333-8444-000000000001';
const forkKey = '11111111-2222-4333-8444-000000000002';
const oldKey = '11111111-2222-4333-8444-000000000003';
const sizes = { 1440: 900, 768: 1024, 320: 640 };
const hostile = '<img src=x onerror="__pwn()"> & "quotes"';
const markdown = '**Postgres it is, version 15, from Monday on**\n\n- The load test passed with 41 ms at the 95th percentile [2]\n- SQLite would need a second writer [1] [3]\n- Backups exist already [4]\n\n**Decisions**\n\n- We use Postgres 15, not 14 [5]\n\n**Open questions**\n\n- Who moves the old rows?';
const strong = (s) => p({ t: 'b', c: [s] });
const li = (...c) => [p(...c)];
const sources = (n, key) => ({ t: 'a', href: `${key}`, c: [`[${n}]`] });
const draft = [strong('Postgres it is, version 15, from Monday on'),
	{ t: 'ul', i: [li('The load test passed with 41 ms at the 95th percentile [2]'), li('SQLite would need a second writer [1] [3]'), li('Backups exist already [4]')] },
	strong('Decisions'), { t: 'ul', i: [li('We use Postgres 15, not 14 [5]')] }, strong('Open questions'), { t: 'ul', i: [li('Who moves the old rows?')] }];
const buttons = [
	{ kind: 'button', label: 'Accept', action: 'command', value: 'accept', style: 'primary', fallback: 'accept' },
	{ kind: 'button', label: 'Edit', action: 'fork.edit', value: markdown, style: 'plain', fallback: 'edit:' },
	{ kind: 'button', label: 'Discard', action: 'command', value: 'discard', style: 'plain', fallback: 'discard' },
];

/* A conversation with two side threads: one that is open, with a draft, and one that has come back. */
async function world(options) {
	const site = await staged(rig, { features: ['blocks', 'threads', 'forks'], ...options });
	const { stage } = site;
	const link = (key, label, action) => ({ kind: 'link', label, action, value: `${site.origin}/#/t/${key}`, style: 'plain', fallback: label });
	const parent = stage.thread({ title: 'Where the new service keeps its data', key: parentKey });
	const question = stage.say(parent, 'person', 'Where shall the new service keep its data? I would like one place for all of it.');
	stage.say(parent, 'eddy', 'Two candidates were named so far: SQLite beside the service, and the Postgres that we run anyway.');
	const told = stage.say(parent, 'person', 'And what do we do about the old rows?');
	const open = stage.thread({ title: 'Which database?', key: forkKey, minutes: 5, fork: { of: parentKey, n: 2, state: 'active', about: question.message } });
	stage.say(open, 'eddy', `Side thread 2 of “Where the new service keeps its data”.`, { components: [link(parentKey, 'To the conversation', 'fork.open')] });
	for (const s of ['SQLite or Postgres?', 'The load test says 41 ms with Postgres.', 'SQLite needs a second writer.', 'Backups of Postgres exist, version 14.', 'Correction: it is version 15.']) stage.say(open, 'person', s);
	stage.say(open, 'eddy', [p('Here is a draft of what goes back:'), ...draft], { components: buttons });
	const old = stage.thread({ title: 'What about the old rows?', key: oldKey, minutes: 60, fork: { of: parentKey, n: 1, state: 'resolved', about: told.message } });
	stage.say(old, 'eddy', 'Side thread 1.');
	stage.say(parent, 'eddy', [strong('The old rows move in one night, with a copy kept for a week'), { t: 'ul', i: [li('It takes forty minutes in a trial ', { t: 'a', href: `${site.origin}/#/t/${oldKey}`, c: ['[1]'] }), li('A copy is kept for a week ', { t: 'a', href: `${site.origin}/#/t/${oldKey}`, c: ['[2]'] })] }],
		{ components: [link(oldKey, 'Side thread #1: What about the old rows?', 'fork.resolution')] });
	const resolved = stage.thread({ title: 'Which colour for the buttons', minutes: 90, state: 'resolved' });
	stage.say(resolved, 'person', 'Teal.');
	const away = stage.thread({ title: 'An old matter', minutes: 60 * 24 * 40, state: 'archived' });
	stage.say(away, 'person', 'Long done.');
	stage.on = (f, say) => {
		if (f.type !== 'search') return false;
		say({ type: 'found', n: f.n, total: f.text.includes('nothing') ? 0 : 14, at_least: true, more: f.page < 2 && !f.text.includes('nothing'), note: f.text.includes('odd:') ? 'The filter “odd:” is not known.' : null,
			items: f.text.includes('nothing') || f.text.includes('odd:') ? [] : [
				{ kind: 'message', thread: parentKey, message: question.message, author: { kind: 'person', name: 'Ann Example' }, place: null, at: question.at, title: null, snippet: ['Where shall the new service keep its ', 'data', '? I would like one place for all of it.'], link: null },
				{ kind: 'fork', thread: forkKey, message: null, author: null, place: null, at: open.at, title: 'Which database?', snippet: ['', 'data', 'base'], link: null },
				{ kind: 'resolution', thread: parentKey, message: null, author: { kind: 'eddy', name: 'Eddy' }, place: null, at: old.at, title: 'The old rows move in one night, with a copy kept for a week', snippet: [`${hostile} `, 'data', ''], link: null },
				{ kind: 'memory', thread: null, message: null, author: null, place: '#general', at: old.at, title: null, snippet: ['All ', 'data', ' of customers stays in Europe'], link: 'https://chat.example.org/archives/C1/p1' },
				{ kind: 'message', thread: null, message: null, author: { kind: 'person', name: hostile }, place: '#ops', at: old.at, title: null, snippet: ['no way there, but it says ', 'data', ''], link: 'javascript:__pwn()' },
			] });
		return true;
	};
	return Object.assign(site, { parent, open, old, question, told });
}

const on = async (f, options) => {
	const site = await world();
	try {
		await visit(browser, site, 'forks', (t) => f(t, site), options);
	} finally {
		site.close();
	}
};
const logs = (t) => t.page.getByRole('log');
const side = (t, name = /Side thread #2/) => t.page.getByRole('region', { name });
const acts = (site) => site.stage.got.filter((f) => f.type === 'act');
const wait = (what, f) => until(what, f);

const states = {
	async chips(t) {
		await t.go('Where the new service keeps its data');
		await t.reads('The old rows move in one night');
	},
	async menu(t) {
		await t.button('What can be done with it').first().click();
		await t.page.getByRole('menu').waitFor();
		return () => t.page.keyboard.press('Escape');
	},
	async forklist(t) {
		await t.button('2 side threads').click();
		await t.page.getByRole('menu', { name: 'Side threads' }).waitFor();
		return () => t.page.keyboard.press('Escape');
	},
	async ask(t) {
		await logs(t).getByText('And what do we do about the old rows?').hover();
		await logs(t).locator('.msg', { hasText: 'And what do we do about the old rows?' }).getByRole('button', { name: 'Fork from this message' }).click();
		await t.page.getByRole('dialog').waitFor();
		return () => t.page.keyboard.press('Escape');
	},
	async beside(t) {
		await logs(t).getByRole('button', { name: /Which database/ }).click();
		await side(t).getByText('Here is a draft').waitFor();
	},
	async editor(t) {
		await side(t).getByRole('button', { name: 'Edit', exact: true }).last().click();
		await t.page.getByRole('dialog', { name: 'Edit the draft' }).waitFor();
	},
	async toolong(t) {
		await t.page.getByRole('textbox', { name: 'Text' }).fill(markdown.replace('it is', `it is, ${'really '.repeat(18)}`));
		await t.page.getByText(/too long by/).waitFor();
		return async () => {
			await t.page.keyboard.press('Escape');
			await side(t).getByRole('button', { name: 'Close the side thread' }).click();
		};
	},
	async search(t) {
		await list(t);
		await t.page.getByRole('searchbox').fill('data');
		await t.page.getByText('stays in Europe').waitFor();
		return async () => {
			await t.page.getByRole('searchbox').fill('');
			await shut(t);
		};
	},
	async archived(t) {
		await list(t);
		await t.button('Archived conversations').click();
		await t.page.getByText('An old matter').waitFor();
		return async () => {
			await t.button('Back to the open ones').click();
			await shut(t);
		};
	},
};
async function list(t) {
	const b = t.button('Show conversations');
	if (await b.isVisible()) await b.click();
}
async function shut(t) {
	const b = t.page.getByRole('complementary', { name: 'Conversations' }).getByRole('button', { name: 'Hide conversations' });
	if (t.narrow && (await b.isVisible())) await b.click();
}

const tests = {
	async html__of_drafts_resolutions_lists_and_findings__is_that_of_the_golden_files() {
		await on(async (t) => {
			await t.go('Where the new service keeps its data');
			await t.reads('The old rows move in one night');
			await golden(logs(t).locator('.msg.resolution'), 'resolution');
			await golden(logs(t).locator('.msg', { hasText: 'Where shall the new service' }).first(), 'message-with-fork');
			await golden(t.page.getByRole('navigation').locator(`a[data-thread="${forkKey}"]`), 'list-fork');
			await t.button('2 side threads').click();
			await golden(t.page.getByRole('menu', { name: 'Side threads' }), 'fork-list');
			await t.page.keyboard.press('Escape');
			await t.page.getByRole('searchbox').fill('data');
			await t.page.getByText('stays in Europe').waitFor();
			await golden(t.page.locator('.found ol'), 'found');
			await t.page.getByRole('searchbox').fill('');
			await logs(t).getByRole('button', { name: /Which database/ }).click();
			await side(t).getByText('Here is a draft').waitFor();
			await golden(side(t).locator('.msg.draft'), 'draft');
			await golden(side(t).locator('header'), 'fork-head');
			await side(t).getByRole('button', { name: 'Edit', exact: true }).last().click();
			await golden(t.page.getByRole('dialog', { name: 'Edit the draft' }).locator('.preview'), 'draft-preview');
			assert.deepEqual(await t.odd(), []);
		});
	},

	async fork__from_a_message__asks_for_a_topic_and_opens_beside_it() {
		await on(async (t, site) => {
			await t.go('Where the new service keeps its data');
			const message = logs(t).locator('.msg', { hasText: 'And what do we do about the old rows?' });
			// By keyboard: the button is reached by Tab and has a name.
			await message.getByRole('button', { name: 'Copy' }).focus();
			await t.page.keyboard.press('Tab');
			await t.page.keyboard.press('Enter');
			const dialog = t.page.getByRole('dialog', { name: 'Fork from this message' });
			await dialog.getByText('And what do we do about the old rows?').waitFor();
			await dialog.getByRole('textbox').fill('  Who  moves\tthem? ');
			await t.page.keyboard.press('Enter');
			await wait('the command', () => acts(site).length === 1);
			const { thread, action, value, about } = acts(site)[0];
			assert.deepEqual({ thread, action, value, about }, { thread: parentKey, action: 'command', value: 'fork: Who moves them?', about: site.told.message });
			// Somebody else's opens nothing here; ours does, with the focus in its box.
			site.stage.news(site.stage.thread({ title: 'Not asked for here', fork: { of: parentKey, n: 3, state: 'active', about: site.question.message } }), 'fork.created');
			const mine = site.stage.thread({ title: 'Who moves them?', fork: { of: parentKey, n: 4, state: 'active', about: site.told.message } });
			site.stage.say(mine, 'eddy', 'Side thread 4.');
			site.stage.news(mine, 'fork.created');
			await side(t, 'Side thread #4: Who moves them?').getByText('Side thread 4.').waitFor();
			assert.equal(new URL(t.page.url()).hash, `#/t/${parentKey}/f/${mine.key}`);
			await t.page.keyboard.type('Ben does');
			await t.page.keyboard.press('Enter');
			await wait('it was said there', () => site.stage.got.some((f) => f.type === 'send' && f.thread === mine.key && f.text === 'Ben does'));
			await wait('it was accepted', () => t.page.evaluate(() => !Object.keys(localStorage).some((k) => k.startsWith('eddy.act.')))); // or it goes again, and this stage knows no twice
			// One level: nothing forks from here.
			assert.equal(await side(t, /#4/).getByRole('button', { name: 'Fork from this message' }).count(), 0);
			await t.page.reload();
			await side(t, 'Side thread #4: Who moves them?').getByText('Ben does').waitFor();
			await logs(t).first().getByText('Where shall the new service').waitFor();
			await t.page.keyboard.press('Escape');
			await wait('it is closed', async () => (await t.page.getByRole('region', { name: /#4/ }).count()) === 0);
			assert.equal(new URL(t.page.url()).hash, `#/t/${parentKey}`);
			await t.page.goBack();
			await side(t, 'Side thread #4: Who moves them?').waitFor();
		});
	},

	async draft__edited__goes_back_as_a_command_and_survives_a_reload_before() {
		await on(async (t, site) => {
			await t.page.evaluate((h) => (location.hash = h), `#/t/${forkKey}`); // only its own name: it is put beside the one that it left
			await side(t).getByText('Here is a draft').waitFor();
			assert.equal(new URL(t.page.url()).hash, `#/t/${parentKey}/f/${forkKey}`);
			await logs(t).first().getByText('Where shall the new service').waitFor();
			const edit = side(t).getByRole('button', { name: 'Edit', exact: true }).last();
			await edit.click();
			const dialog = t.page.getByRole('dialog', { name: 'Edit the draft' });
			const area = dialog.getByRole('textbox', { name: 'Text' });
			assert.equal(await area.inputValue(), markdown);
			await dialog.getByText('Headline: 42 of 120 characters').waitFor();
			await area.fill('');
			await dialog.getByText('The first line is the headline; it is missing.').waitFor();
			assert.ok(await dialog.getByRole('button', { name: 'Save' }).isDisabled());
			await area.fill(`${'x'.repeat(121)}\n\n- one`);
			await dialog.getByText('The headline is too long by 1 character.').waitFor();
			await area.fill(`**${'ü'.repeat(120)}**\n\n- ${'y'.repeat(401)}`);
			await dialog.getByText(/is longer than 400 characters/).waitFor();
			const edited = `**Postgres 15, from Monday**\n\n- One place for all data [2]\n\n**Decisions**\n\n- We use \`Postgres\` *15* ${hostile}`;
			await area.fill(edited);
			assert.ok(await dialog.getByRole('button', { name: 'Save' }).isEnabled());
			await dialog.locator('.preview').getByText(hostile).waitFor();
			await wait('it is kept', () => t.page.evaluate((k) => localStorage.getItem(k)?.includes('from Monday'), `eddy.draft.edit.${forkKey}`));
			await t.page.reload();
			await edit.click();
			await wait('it is still there', async () => (await area.inputValue()) === edited);
			await area.press('Control+Enter');
			await wait('the command', () => acts(site).length === 1);
			const { thread, action, value } = acts(site)[0];
			assert.deepEqual({ thread, action, value }, { thread: forkKey, action: 'command', value: `edit:\n${edited}` });
			await dialog.waitFor({ state: 'detached' });
			// The new draft takes the old one's place; the old one offers nothing any more.
			site.stage.say(site.open, 'eddy', 'The draft as you want it', { components: buttons });
			await side(t).getByText('The draft as you want it', { exact: true }).waitFor(); // it is announced, too
			await wait('one draft to decide on', async () => (await side(t).getByRole('button', { name: 'Accept' }).count()) === 1);
			await side(t).getByRole('button', { name: 'Accept' }).click();
			await wait('accepted', () => acts(site).some((f) => f.thread === forkKey && f.value === 'accept'));
			// It comes back: without a reload, on both sides.
			site.open.fork.state = 'resolved';
			site.stage.say(site.parent, 'eddy', 'Postgres 15, from Monday', { components: [{ kind: 'link', label: 'Side thread #2: Which database?', action: 'fork.resolution', value: `${site.origin}/#/t/${forkKey}`, style: 'plain', fallback: '' }] });
			site.stage.news(site.open, 'fork.resolved');
			await logs(t).first().locator('.msg.resolution').getByText('Postgres 15, from Monday').waitFor();
			await wait('nothing to decide on', async () => (await side(t).getByRole('button', { name: /Accept|Resolve/ }).count()) === 0);
			await side(t).locator('header').getByText('resolved').waitFor();
			assert.deepEqual(await t.odd(), []);
		});
	},

	async links__between_a_resolution_and_its_fork__stay_on_the_page() {
		await on(async (t, site) => {
			await t.go('Where the new service keeps its data');
			await logs(t).getByRole('link', { name: '[1]' }).click();
			await side(t, /#1/).getByText('Side thread 1.').waitFor();
			await side(t, /#1/).getByRole('button', { name: 'Close the side thread' }).click();
			await logs(t).getByRole('link', { name: /Side thread #1/ }).click();
			await side(t, /#1/).getByText('Side thread 1.').waitFor();
			await t.page.evaluate((h) => (location.hash = h), `#/t/${parentKey}/m/${site.question.message}`);
			await wait('the message has the focus', () => t.page.evaluate(() => document.querySelector('eddy-chat').shadowRoot.activeElement?.textContent.includes('Where shall the new service')));
			assert.equal(new URL(t.page.url()).hash, `#/t/${parentKey}`);
			assert.equal(t.context.pages().length, 1);
			// Names of side threads are words of people: never markup, never the end of an attribute.
			site.old.title = `${hostile} '"><svg onload=__pwn()>`;
			site.stage.news(site.old);
			await logs(t).getByRole('button', { name: /#1 <img src=x/ }).click();
			await side(t, /#1: <img/).getByText('Side thread 1.').waitFor();
			await t.button('2 side threads').click();
			await t.page.getByRole('menuitem', { name: /<svg onload/ }).waitFor();
			assert.deepEqual(await t.odd(), []);
		});
	},

	async menu__of_a_conversation__gives_commands_and_hears_what_they_did() {
		await on(async (t, site) => {
			await t.go('Where the new service keeps its data');
			const open = async (name) => {
				await t.button('What can be done with it').first().click();
				await t.page.getByRole('menuitem', { name }).click();
			};
			await open('Rename');
			await t.page.getByRole('dialog').getByRole('textbox', { name: 'Title' }).fill('Where data lives');
			await t.page.keyboard.press('Enter');
			await wait('renamed', () => acts(site).some((f) => f.value === 'rename: Where data lives'));
			site.parent.title = 'Where data lives';
			site.stage.news(site.parent);
			await t.page.getByRole('heading', { name: 'Where data lives' }).waitFor();
			await open('Mark as resolved');
			await wait('settled', () => acts(site).some((f) => f.value === 'mark as resolved'));
			site.parent.state = 'resolved';
			site.stage.news(site.parent);
			await open('Reopen');
			await wait('reopened', () => acts(site).some((f) => f.value === 'reopen'));
			await open('Archive');
			await wait('archived', () => acts(site).some((f) => f.value === 'archive'));
			site.parent.state = 'archived';
			site.stage.news(site.parent);
			await wait('it left the list', async () => (await t.page.getByRole('navigation').getByText('Where data lives').count()) === 0);
			await t.button('Archived conversations').click();
			await t.page.getByRole('navigation').getByText('An old matter').waitFor();
			await t.page.getByRole('navigation').getByText('Where data lives').waitFor();
			// The keyboard walks through the menu and comes back to its button.
			const b = t.button('What can be done with it').first();
			await b.focus();
			await t.page.keyboard.press('Enter');
			await t.page.keyboard.press('ArrowUp');
			assert.equal(await t.page.evaluate(() => document.activeElement.textContent), 'Reopen');
			await t.page.keyboard.press('Escape');
			assert.equal(await t.page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'What can be done with it');
		});
	},

	async search__as_one_types__asks_once_at_a_time_and_leads_to_the_message() {
		await on(async (t, site) => {
			await t.page.keyboard.press('Control+k');
			await t.page.keyboard.type('data', { delay: 30 });
			await t.page.getByText('Also: in: from:').waitFor();
			await t.page.getByText('stays in Europe').waitFor();
			const asked = site.stage.got.filter((f) => f.type === 'search');
			assert.ok(asked.length <= 3, `${asked.length} questions for four letters`);
			assert.deepEqual({ ...asked.at(-1), n: 0 }, { type: 'search', n: 0, text: 'data', page: 1, limit: 10, prefix: true });
			await t.page.getByText('14 matches or more').waitFor({ state: 'attached' });
			assert.deepEqual(await t.page.locator('.found mark').allTextContents(), ['data', 'data', 'data', 'data', 'data']);
			await t.button('Show more').click();
			await wait('the second page', async () => (await t.page.locator('.hit').count()) === 10);
			// Down from the box: titles first, then what was said; Enter goes there.
			await t.page.getByRole('searchbox').focus();
			await t.page.keyboard.press('ArrowDown');
			for (let n = 0; n < 8; n++) {
				if (await t.page.evaluate(() => document.activeElement.matches('.hit'))) break;
				await t.page.keyboard.press('ArrowDown');
			}
			await t.page.keyboard.press('Enter');
			await wait('the message has the focus', () => t.page.evaluate(() => document.querySelector('eddy-chat').shadowRoot.activeElement?.textContent.includes('Where shall the new service')));
			await t.page.getByRole('searchbox').fill('nothing at all');
			await t.page.getByText('Nothing was found.').first().waitFor();
			await t.page.getByRole('searchbox').fill('odd:thing');
			await t.page.getByText('The filter “odd:” is not known.').waitFor();
			await t.page.getByRole('searchbox').press('Escape');
			assert.equal(await t.page.locator('section.found').isVisible(), false);
			assert.deepEqual(await t.odd(), []);
		});
	},
};

/* The whole story on the real daemon, at one width. */
const story = (width, height, scheme, restart) => async () => {
	const site = real(rig);
	const shot = (t, name) => t.shot(`story-${name}-${width}-${scheme}`);
	const word = `w${width}${scheme}`;
	await rig.model.control('script', {
		match: `Topic of the side thread, in the words of who asked for it: \\"which database ${word}?`, times: 1,
		answer: JSON.stringify({
			headline: 'Postgres 14 from Monday', points: [{ text: 'The load test passed with 41 ms', sources: [2] }, { text: 'SQLite would need a second writer', sources: [3] }, { text: 'Backups exist already', sources: [4] }],
			decisions: [{ text: 'We use Postgres 15', sources: [5] }], open_questions: [], deferred: [],
		}),
	});
	await visit(browser, site, 'story', async (t) => {
		const found = [];
		const look = async (name) => {
			await shot(t, name);
			found.push(...(await t.axe()).map((s) => `${name}: ${s}`), ...(await misfits(t)).map((s) => `${name}: ${s}`));
		};
		await t.send(`Where shall it keep its data, ${word}? #1`);
		await t.reads('Answer to #1.');
		const parent = new URL(t.page.url()).hash;
		const other = await t.again(); // a second page of the same person
		const message = logs(t).locator('.msg', { hasText: `Where shall it keep its data, ${word}?` }).first();
		await message.hover();
		await message.getByRole('button', { name: 'Fork from this message' }).click();
		await t.page.getByRole('dialog').getByRole('textbox').fill(`which database ${word}?`);
		await t.page.keyboard.press('Enter');
		const fork = () => side(t, new RegExp(`#1: which database ${word}`));
		await fork().waitFor();
		await logs(other).getByRole('button', { name: new RegExp(`#1 which database ${word}`) }).waitFor(); // the other page has the chip, too
		const said = ['SQLite or Postgres?', 'The load test says 41 ms with Postgres 14.', 'SQLite needs a second writer.', 'Backups of Postgres exist.', 'Correction: it is version 15, not 14.'];
		const box = () => fork().getByRole('textbox').last();
		for (const [n, s] of said.entries()) {
			await box().fill(`${s} #${n + 2}`);
			await box().press('Enter');
			await fork().locator('.msg.eddy').getByText(`Answer to #${n + 2}.`).waitFor();
		}
		await t.page.reload();
		await fork().getByText('Correction: it is version 15').first().waitFor();
		await fork().getByRole('button', { name: 'Resolve' }).click();
		await fork().locator('.msg.draft').getByText('Postgres 14 from Monday').waitFor();
		await look('draft');
		if (restart) await rig.restart('SIGKILL');
		await fork().locator('.msg.draft').getByRole('button', { name: 'Edit', exact: true }).click();
		const dialog = t.page.getByRole('dialog', { name: 'Edit the draft' });
		const area = dialog.getByRole('textbox', { name: 'Text' });
		await area.fill((await area.inputValue()).replace('Postgres 14 from Monday', `Postgres 15 from Monday on, ${word}`));
		await look('editor');
		await dialog.getByRole('button', { name: 'Save' }).click();
		await fork().locator('.msg.draft:not(.over)').getByText(`Postgres 15 from Monday on, ${word}`).waitFor();
		await wait('one draft to decide on', async () => (await fork().getByRole('button', { name: 'Accept' }).count()) === 1);
		const from = performance.now();
		await fork().getByRole('button', { name: 'Accept' }).click();
		const back = (x) => logs(x).first().locator('.msg.resolution').getByText(`Postgres 15 from Monday on, ${word}`);
		await back(other).waitFor(); // without a reload, on both pages
		console.log(`# from the click on Accept to the resolution on another page: ${Math.round(performance.now() - from)} ms`);
		await back(t).waitFor({ state: 'attached' });
		await fork().locator('header').getByText('resolved').waitFor();
		await look('resolved');
		// Its sources lead to what was said in the side thread, on this page.
		await fork().getByRole('button', { name: 'Close the side thread' }).click();
		await look('parent');
		await logs(t).locator('.msg.resolution').getByRole('link', { name: '[2]' }).first().click();
		await wait('the source has the focus', () => t.page.evaluate(() => [...document.querySelectorAll('eddy-chat')].at(-1).shadowRoot.activeElement?.textContent.includes('SQLite or Postgres?')));
		await t.page.reload();
		await back(t).waitFor({ state: 'attached' });
		assert.equal(await back(t).count(), 1);
		assert.equal(await logs(t).first().getByText('Postgres 14 from Monday').count(), 0);
		assert.match(t.page.url(), new RegExp(parent));
		const [[n]] = await rig.sql(`SELECT count(*) FROM messages m JOIN resolutions r ON r.ws = m.ws AND r.message_id = m.id WHERE m.body LIKE '%from Monday on, ${word}%'`);
		assert.equal(n, '1');
		assert.deepEqual(await t.odd(), []);
		assert.deepEqual([...new Set(found)], []);
		await other.clean();
	}, { width, height, scheme, ...(restart ? { quiet: /WebSocket|ERR_CONNECTION|50[23]|Failed to load/ } : {}) });
};
tests.story__of_a_conversation__is_found_renamed_archived_and_opened_again = async () => {
	const site = real(rig);
	await visit(browser, site, 'archive', async (t) => {
		await t.send('The heron stands in the shallow water #40');
		await t.reads('Answer to #40.');
		const other = await t.again();
		const title = (x, name) => x.page.getByRole('heading', { level: 1, name });
		const menu = async (name) => {
			await t.button('What can be done with it').click();
			await t.page.getByRole('menuitem', { name }).click();
		};
		await menu('Rename');
		await t.page.getByRole('dialog').getByRole('textbox', { name: 'Title' }).fill('Birds of the marsh');
		await t.page.keyboard.press('Enter');
		for (const x of [t, other]) await title(x, 'Birds of the marsh').waitFor();
		await menu('Archive');
		for (const x of [t, other]) await wait('it left the list', async () => (await x.page.getByRole('navigation').getByText('Birds of the marsh').count()) === 0);
		await t.button('New conversation').click();
		// Found although it is archived, by half a word.
		await t.page.getByRole('searchbox').fill('hero');
		const hit = t.page.locator('.found').getByText('heron').first();
		await hit.waitFor();
		await t.shot('story-search-1440-light');
		assert.deepEqual(await t.axe(), []);
		await hit.click();
		await wait('the message has the focus', () => t.page.evaluate(() => document.querySelector('eddy-chat').shadowRoot.activeElement?.textContent.includes('The heron stands')));
		await t.page.getByRole('searchbox').fill('');
		await menu('Reopen');
		for (const x of [t, other]) await x.page.getByRole('navigation').getByText('Birds of the marsh').waitFor();
		await other.clean();
	});
};
for (const [width, scheme, restart] of [[1440, 'light', false], [1440, 'dark', true], [320, 'light', false]])
	tests[`story__from_a_message_to_its_resolution_at_${width}_${scheme}${restart ? '_over_a_crash' : ''}__ends_in_the_parent_once`] = story(width, sizes[width], scheme, restart);
for (const [width, height] of Object.entries(sizes))
	for (const scheme of ['light', 'dark'])
		tests[`forks__at_${width}_${scheme}__are_accessible_and_fit_in_all_states`] = async () => {
			const found = [];
			const site = await world();
			const t = await Page.visit(browser, site, { width: Number(width), height, scheme });
			t.narrow = await t.button('Show conversations').isVisible();
			const go = t.go.bind(t);
			t.go = async (title) => {
				await list(t);
				await go(title);
			};
			let state;
			try {
				for (state of Object.keys(states)) {
					const back = await states[state](t);
					await t.shot(`forks-${state}-${width}-${scheme}`);
					found.push(...(await t.axe()).map((s) => `${state}: ${s}`), ...(await misfits(t)).map((s) => `${state}: ${s}`));
					await t.clean();
					await back?.();
				}
			} catch (e) {
				await t.shot(`broken-forks-${state}-${width}-${scheme}`).catch(() => {});
				throw new Error(`in state ${state}`, { cause: e });
			} finally {
				await t.close();
				site.close();
			}
			assert.deepEqual([...new Set(found)], []);
		};

await run(tests, {
	before: async () => {
		rig = await Rig.open();
		browser = await launch();
	},
	after: async () => {
		await browser?.close();
		await rig?.close();
	},
	limit: 300000,
});
