// A conversation on the page, in a real browser beside the real daemon: answers that grow, are stopped, fail, are asked again and judged; what Eddy
// offers; several tabs.  What the daemon can't be made to say comes from a Stage.
import assert from 'node:assert/strict';
import { launch } from './lib/browser.mjs';
import { Rig } from './lib/rig.mjs';
import { real, staged, visit } from './lib/site.mjs';
import { id, p, rich } from './lib/stage.mjs';
import { run, until } from './lib/tap.mjs';

let browser, rig, site;

async function on(where, f, options) {
	try {
		await visit(browser, where, 'talk', f, options);
	} finally {
		where.close();
	}
}

/* The same on a page that is in a conversation of a Stage which ${fill} has made. */
async function onStage(fill, f, options) {
	const s = await staged(rig);
	const talk = s.stage.thread({ title: 'A talk' });
	await fill(s.stage, talk);
	await on(s, async (t) => {
		await t.go('A talk');
		await f(t, s.stage, talk);
	}, options);
}
const frame = (stage, type, more = () => true) => until(`a frame ${type}`, () => stage.got.find((f) => f.type === type && more(f)));
const answers = async (text) => (await rig.sql(`SELECT id FROM messages WHERE author_kind = 2 AND body LIKE '${text}%'`)).flat();

const long = ['First **paragraph** of the answer, with some words.', '- one\n- two\n- three', '```c\nint x;\n\nint y;\n```', '| a | b |\n|---|---|\n| 1 | 2 |', '> said by somebody', '## A heading', 'And the end of it.'];

const tests = {
	async answer__while_it_grows__never_touches_its_finished_blocks() {
		await rig.model.control('script', { match: 'grow please', times: 1, answer: long.join('\n\n'), pace_ms: 25, piece: 4 });
		await on(site, async (t) => {
			// Each finished block is marked when it is first seen; marks, places and insides have to stay.
			await t.page.evaluate(() => {
				const seen = (window.__blocks = { moved: [], replaced: [], marks: [], frames: 0 });
				const look = () => {
					const body = [...document.querySelector('eddy-chat').shadowRoot.querySelectorAll('.msg.eddy .body')].at(-1);
					if (body && !body.classList.contains('plain')) {
						seen.frames++;
						const top = body.getBoundingClientRect().top;
						seen.marks.forEach((m, i) => {
							const el = body.children[i];
							if (el !== m.el) return seen.replaced.push(i);
							const r = el.getBoundingClientRect();
							if (Math.abs(r.top - top - m.top) > 0.5 || Math.abs(r.height - m.height) > 0.5) seen.moved.push([i, m.top, r.top - top]);
							if (el.textContent !== m.text) seen.moved.push([i, m.text]);
						});
						// The last two may still grow; what is before them is finished.
						for (let i = seen.marks.length; i < body.children.length - 2; i++) {
							const el = body.children[i], r = el.getBoundingClientRect();
							seen.marks.push({ el, top: r.top - top, height: r.height, text: el.textContent });
						}
					}
					requestAnimationFrame(look);
				};
				requestAnimationFrame(look);
			});
			await t.send('grow please');
			await t.reads('And the end of it.');
			await until('it is stored', async () => (await answers('First')).length === 1);
			await t.button('Stop answering').waitFor({ state: 'hidden' });
			const seen = await t.page.evaluate(() => new Promise((go) => setTimeout(() => {
				const { moved, replaced, marks, frames } = window.__blocks;
				go({ moved, replaced, marks: marks.length, frames });
			}, 150)));
			assert.deepEqual({ moved: seen.moved, replaced: seen.replaced }, { moved: [], replaced: [] });
			assert.ok(seen.marks >= 4 && seen.frames > 5, JSON.stringify(seen)); // the closing message kept them too
			assert.equal(await t.log.locator('.body table td').count(), 2);
			assert.equal(await t.log.locator('.body pre').innerText(), 'int x;\n\nint y;');
		});
	},

	async scrolling__follows_the_end_and_lets_go_of_who_reads_above() {
		await onStage((stage, talk) => {
			for (let n = 0; n < 40; n++) stage.say(talk, n % 2 ? 'eddy' : 'person', `line ${n}`);
		}, async (t, stage, talk) => {
			await t.reads('line 39');
			const gap = () => t.log.evaluate((e) => Math.round(e.scrollHeight - e.scrollTop - e.clientHeight));
			await until('the end is shown', async () => (await gap()) <= 1);
			const grow = (n) => stage.cast({ type: 'blocks', thread: talk.key, run: 'r1', attempt: 1, from: n, blocks: [p(`grown ${n} ${'word '.repeat(60)}`)], final: n });
			for (let n = 0; n < 5; n++) grow(n);
			await t.reads(/grown 4/);
			await until('the end is followed', async () => (await gap()) <= 1);
			// Somebody reads above: nothing moves.
			await t.log.hover();
			await t.page.mouse.wheel(0, -500);
			await until('it is scrolled', async () => (await gap()) > 300);
			const line = t.log.getByText('line 30', { exact: true });
			const y = (await line.boundingBox()).y;
			for (let n = 5; n < 12; n++) grow(n);
			await t.log.getByText(/grown 11/).waitFor({ state: 'attached' });
			assert.ok(Math.abs((await line.boundingBox()).y - y) < 2);
			await t.button('To the latest').click();
			await until('the end again', async () => (await gap()) <= 1);
			grow(12);
			await t.reads(/grown 12/);
			await until('followed again', async () => (await gap()) <= 1);
		});
	},

	async answer__stopped_by_escape_or_button__keeps_what_was_said() {
		await on(site, async (t) => {
			for (const [n, stop] of [() => t.page.keyboard.press('Escape'), () => t.button('Stop answering').click()].entries()) {
				await rig.model.control('script', { match: 'go on for long', times: 1, answer: `Begun. ${'word '.repeat(600)}`, pace_ms: 30, piece: 6 });
				await t.button('New conversation').first().click();
				await t.send(`please go on for long #${40 + n}`);
				await t.reads(/Begun\. word/);
				await stop();
				await t.log.getByText('Stopped').first().waitFor();
				await t.button('Stop answering').waitFor({ state: 'hidden' });
				await t.send(`and again #${45 + n}`);
				await t.reads(new RegExp(`Answer to.*#${45 + n}`));
			}
		});
	},

	async deleting__is_asked_about__and_escape_takes_only_the_question_back() {
		await rig.model.control('script', { match: 'never mind', times: 1, answer: `Begun. ${'word '.repeat(300)}The end.`, pace_ms: 20, piece: 12 });
		await on(site, async (t) => {
			await t.send('never mind #70');
			await t.reads(/Begun\. word/);
			await t.log.getByText('never mind #70').hover();
			await t.button('Delete').first().click();
			const dialog = t.page.getByRole('dialog');
			await dialog.waitFor();
			await t.page.keyboard.press('Escape');
			await dialog.waitFor({ state: 'hidden' });
			assert.equal(await t.log.getByText('Stopped').count(), 0);
			await t.reads(/The end\./);
			await t.log.getByText('never mind #70').hover();
			await t.button('Delete').first().click();
			await dialog.getByRole('button', { name: 'Delete' }).click();
			await t.reads('This message was deleted');
			await until('it is gone', async () => (await rig.sql(`SELECT 1 FROM messages WHERE body = 'never mind #70'`)).length === 0);
		});
	},

	async answer__that_failed__says_so_and_can_be_asked_again() {
		const run = id();
		await onStage((stage, talk) => {
			stage.say(talk, 'person', 'And now?');
			stage.say(talk, 'eddy', 'I could not store the answer.', {
				run, failed: true, components: [{ kind: 'button', label: 'Try again', action: 'run.retry', value: run, style: 'plain', fallback: 'Ask again to let me try once more.' }],
			});
			const other = stage.thread({ title: 'Another talk' });
			stage.say(other, 'person', 'And here?');
			stage.say(other, 'eddy', 'That failed too.', { run: `${run.slice(0, -1)}f` });
			other.open = [{ type: 'run', thread: other.key, run: `${run.slice(0, -1)}f`, state: 'failed' }];
		}, async (t, stage, talk) => {
			await t.reads('I could not store the answer.');
			await t.button('Try again').first().click(); // the server's own offer
			const press = await frame(stage, 'act');
			assert.deepEqual([press.action, press.value, press.thread], ['run.retry', run, talk.key]);
			await t.go('Another talk');
			await t.reads('That failed too.');
			await t.button('Answer again').last().click();
			assert.equal((await frame(stage, 'retry')).run, `${run.slice(0, -1)}f`);
		});
	},

	async answer__is_judged_with_a_reason_and_the_judgement_taken_back() {
		await on(site, async (t) => {
			await t.send('judge me #51');
			await t.reads('Answer to #51.');
			const opinions = () => rig.sql(`SELECT value, coalesce(reason, '') FROM feedback WHERE message_id IN (SELECT id FROM messages WHERE body = 'Answer to #51.')`);
			await t.button('Bad answer').last().click();
			await t.button('Out of date').click();
			await t.page.getByRole('textbox', { name: 'Tell more, if you like' }).fill('It is <b>from</b> Monday');
			await t.page.keyboard.press('Enter');
			const [[, reason]] = await until('an opinion with its reason', async () => {
				const o = await opinions();
				return o[0]?.[1] && o;
			});
			assert.equal(reason, 'Out of date; It is <b>from</b> Monday');
			assert.equal(await t.button('Bad answer').last().getAttribute('aria-pressed'), 'true');
			await t.page.reload();
			await until('the opinion is still there', async () => (await t.button('Bad answer').last().getAttribute('aria-pressed')) === 'true');
			await t.button('Good answer').last().click();
			const up = await until('another opinion', async () => {
				const o = await opinions();
				return o[0]?.[1] === '' && o;
			});
			assert.equal(up.length, 1);
			await t.button('Good answer').last().click();
			await until('no opinion', async () => (await opinions()).length === 0 || (await opinions())[0][0] === '0');
			assert.equal(await t.button('Good answer').last().getAttribute('aria-pressed'), 'false');
		});
	},

	async components__pressed__tell_the_server_once() {
		await onStage((stage, talk) => {
			const one = (c) => stage.say(talk, 'eddy', [p('Choose:')], { components: [c] });
			one({ kind: 'button', label: 'Approve', action: 'yes', value: '1', style: 'primary', fallback: '' });
			one({ kind: 'choices', label: 'Which room?', action: 'room', options: [{ label: 'Linden', value: 'l' }, { label: 'Oak', value: 'o' }], fallback: '' });
			one({ kind: 'form', label: 'Details', action: 'details', fields: [{ name: 'who', label: 'For whom', type: 'text', required: true }, { name: 'size', label: 'Size', options: ['small', 'large'] }, { name: 'tea', label: 'With tea', type: 'checkbox' }], fallback: '' });
			one({ kind: 'unheard-of', label: 'x', fallback: 'Shown in words' });
		}, async (t, stage) => {
			await t.reads('Shown in words');
			await t.button('Approve').dblclick();
			const yes = await frame(stage, 'act', (f) => f.action === 'yes');
			assert.equal(yes.value, '1');
			await t.button('Oak').click();
			assert.equal((await frame(stage, 'act', (f) => f.action === 'room')).value, 'o');
			const form = t.log.locator('form').filter({ hasText: 'Details' });
			await form.getByRole('button').click(); // something required is missing
			await form.getByLabel('For whom').fill('Ann & Ben');
			await form.getByLabel('Size').selectOption('large');
			await form.getByLabel('With tea').check();
			await form.getByRole('button').click();
			assert.deepEqual(JSON.parse((await frame(stage, 'act', (f) => f.action === 'details')).value), { who: 'Ann & Ben', size: 'large', tea: true });
			assert.deepEqual(stage.got.filter((f) => f.type === 'act').map((f) => f.action), ['yes', 'room', 'details']);
			assert.ok(await t.button('Approve').isDisabled());
		});
	},

	async copying__gives_the_text_and_the_code_alone() {
		await onStage((stage, talk) => {
			stage.say(talk, 'person', 'my *own* words\nin two lines');
			stage.say(talk, 'eddy', rich, { text: 'The **whole** answer' });
		}, async (t) => {
			const clip = async (b, want) => {
				await b.click();
				await until(`the clipboard has ${want}`, async () => (await t.page.evaluate(() => navigator.clipboard.readText())) === want);
			};
			await t.log.getByText(/my \*own\* words/).hover();
			await clip(t.button('Copy').first(), 'my *own* words\nin two lines');
			await clip(t.log.locator('.msg.eddy .meta').getByRole('button', { name: 'Copy' }), 'The **whole** answer');
			await clip(t.button('Copy code').first(), rich.find((b) => b.t === 'code').s);
		}, { permissions: ['clipboard-read', 'clipboard-write'] });
	},

	async tools_and_status__are_shown_live_and_folded_afterwards() {
		await onStage((stage, talk) => stage.say(talk, 'person', 'Look it up'), async (t, stage, talk) => {
			await t.reads('Look it up');
			const run = id();
			const cast = (type, more) => stage.cast({ type, thread: talk.key, run, ...more });
			cast('run', { state: 'running' });
			cast('status', { text: 'is thinking…' });
			await t.reads('is thinking…');
			cast('tool', { step: 1, title: 'Searched messages', state: 'running' });
			await t.reads('Searched messages');
			cast('tool', { step: 1, title: 'Searched messages', state: 'done' });
			cast('tool', { step: 2, title: 'Read a page', state: 'failed' });
			await t.reads('Read a page');
			cast('status', { text: '' });
			stage.say(talk, 'eddy', 'Found it', { run });
			cast('run', { state: 'answered' });
			await t.reads('Found it');
			await t.log.getByText('is thinking…').waitFor({ state: 'hidden' });
			await t.log.getByText('2 steps').click();
			await t.reads('Read a page');
			await t.button('Stop answering').waitFor({ state: 'hidden' });
		});
	},

	async panel__shows__what_an_answer_took() {
		await on(site, async (t) => {
			await t.button('Show what Eddy did').click();
			await t.send('what did it take #52');
			await t.reads('Answer to #52.');
			const panel = t.page.getByRole('complementary', { name: 'What Eddy did' });
			await panel.getByText('answered').first().waitFor();
			await panel.getByText('fake-model').first().waitFor();
			await panel.getByText(/\d+ tokens in, \d+ out/).first().waitFor();
			const box = await t.page.getByRole('main').boundingBox();
			assert.ok(box.width >= 0.6 * 1440, `the conversation has ${box.width} of 1440 pixels beside list and panel`);
			await panel.getByRole('button', { name: 'Hide what Eddy did' }).click();
			assert.ok((await t.page.getByRole('main').boundingBox()).width >= 0.7 * 1440);
		});
	},

	async tabs__several__show_the_same_in_step() {
		await on(site, async (t) => {
			await t.send('hello from the first #60');
			await t.reads('Answer to #60.');
			const other = await t.again();
			await other.reads('Answer to #60.');
			await other.send('hello from the second #61');
			await t.reads('hello from the second #61');
			await t.reads('Answer to #61.');
			await other.reads('Answer to #61.');
			const shown = (x) => x.log.evaluate((el) => el.innerText.match(/#\d+/g));
			assert.deepEqual(await shown(t), await shown(other));
			// A new conversation comes into the other's list, and an erased one leaves both.
			await other.button('New conversation').first().click();
			await other.send('a second talk #62');
			await t.page.getByRole('navigation').getByText('a second talk #62').waitFor();
			await other.reads('Answer to #62.');
			await other.button('Show what Eddy did').click();
			await other.button('Erase this conversation').click();
			await other.page.getByRole('dialog').getByRole('button', { name: 'Erase' }).click();
			for (const x of [other, t]) await x.page.getByRole('navigation').getByText('a second talk #62').waitFor({ state: 'hidden' });
			assert.equal(Number((await rig.sql(`SELECT count(*) FROM messages WHERE body LIKE '%#62%'`))[0][0]), 0);
			await t.reads('Answer to #61.');
			await other.clean();
		});
	},

	async typing__of_somebody_else__is_shown_and_goes_away_with_his_message() {
		await onStage((stage, talk) => stage.say(talk, 'person', 'Anybody?'), async (t, stage, talk) => {
			await t.reads('Anybody?');
			stage.cast({ type: 'typing', thread: talk.key, person: { id: 'p2', name: 'Ben' } });
			await t.page.getByText('Ben is typing…').waitFor();
			stage.say(talk, 'person', 'Me!', { key: null, author: { kind: 'person', name: 'Ben' } });
			await t.reads('Me!');
			await t.page.getByText('Ben is typing…').waitFor({ state: 'hidden', timeout: 3000 }); // by itself it would go after five seconds
			await t.box.pressSequentially('x');
			await frame(stage, 'typing');
		});
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
	each: () => rig.model.control('clear'),
});
