// The page in every state: a screenshot of each, and axe finds nothing.  Three widths, dark and light; in build/shots.
import assert from 'node:assert/strict';
import { launch } from './lib/browser.mjs';
import { Rig } from './lib/rig.mjs';
import { misfits } from './lib/misfits.mjs';
import { Page, staged } from './lib/site.mjs';
import { at, id, p, rich } from './lib/stage.mjs';
import { run, until } from './lib/tap.mjs';

let browser, rig;
const sizes = { 1440: 900, 768: 1024, 320: 640 };

/* What a stage shows: a few conversations, each in one state. */
async function world() {
	const site = await staged(rig);
	const { stage } = site;
	const now = Date.now();
	const long = stage.thread({ title: 'What holds up the deploy of the gateway?', minutes: 0 });
	stage.say(long, 'person', 'What holds up the deploy?');
	stage.say(long, 'eddy', rich, { run: 'r-long' });
	for (let n = 0; n < 12; n++) {
		stage.say(long, 'person', n % 3 ? `And number ${n}: does it wait for the same review?` : `A longer question, number ${n}, with a line that goes on for a while so that it has to be wrapped at every width, and\nwith a second line.\nhttps://example.org/a/very/long/address/that/has/no/place/to/break/${'x'.repeat(90)}`);
		stage.say(long, 'eddy', [p(`Yes, for the same one. The note of Monday says so, and nothing has changed since (${n}).`), ...(n % 4 === 3 ? [rich[4]] : [])]);
	}
	long.runs = [
		{ run: 'r-long', state: 'answered', at, ms: 4180, model: 'fake-model', input_tokens: 2310, output_tokens: 412, cost_micros: 13110, tools: [{ title: 'Searched messages for “deploy”', state: 'done', n: 1 }, { title: 'Read a message', state: 'failed', n: 2 }] },
		{ run: id(), state: 'stopped', at: at + 60000, ms: 900, model: 'fake-model', input_tokens: 900, output_tokens: 12, cost_micros: 900, tools: [] },
	];
	const streaming = stage.thread({ title: 'Compare the two caches', minutes: 40 });
	stage.say(streaming, 'person', 'Compare the two caches.');
	streaming.open = [
		{ type: 'open', thread: streaming.key, run: 'r-open', attempt: 1, text: '', status: '', blocks: rich.slice(0, 3), tools: [{ type: 'tool', thread: streaming.key, run: 'r-open', step: 1, title: 'Searched messages for “cache”', state: 'done' }] },
		{ type: 'tool', thread: streaming.key, run: 'r-open', step: 2, title: 'Reads what stood around it', state: 'running' },
	];
	const thinking = stage.thread({ title: 'Thinking', minutes: 50 });
	stage.say(thinking, 'person', 'Why is it slow?');
	thinking.open = [{ type: 'open', thread: thinking.key, run: 'r-think', attempt: 1, text: '', blocks: [], status: 'is thinking…', tools: [] }];
	const error = stage.thread({ title: 'An answer that failed', minutes: 60 * 26 });
	stage.say(error, 'person', 'And now?');
	stage.say(error, 'system', 'I could not reach the model. Please ask again in a moment.', { run: 'r-failed', author: { kind: 'system', name: 'Eddy' } });
	error.open = [{ type: 'run', thread: error.key, run: 'r-failed', state: 'failed' }];
	const parts = stage.thread({ title: 'Buttons, a form, a card', minutes: 60 * 30 });
	stage.say(parts, 'person', 'Book a room for tomorrow.');
	stage.say(parts, 'eddy', [p('Which one, and when?')], {
		components: [
			{ kind: 'button', label: 'Approve', action: 'yes', value: '1', style: 'primary', fallback: 'Approve' }, { kind: 'button', label: 'Refuse', action: 'no', value: '0', style: 'danger', fallback: 'Refuse' },
			{ kind: 'link', label: 'Open the calendar', value: 'https://calendar.example.org/', fallback: 'calendar' },
			{ kind: 'choices', label: 'Which room?', action: 'room', options: [{ label: 'Linden', value: 'l' }, { label: 'Oak', value: 'o' }], fallback: 'Linden or Oak' },
			{ kind: 'form', label: 'Details', action: 'form', fields: [{ name: 'who', label: 'For whom', type: 'text', required: true }, { name: 'day', label: 'Day', type: 'date' }, { name: 'note', label: 'Note', type: 'textarea' }, { name: 'size', label: 'Size', options: ['small', 'large'] }, { name: 'tea', label: 'With tea', type: 'checkbox' }], fallback: 'form' },
			{ kind: 'card', title: 'Linden', text: 'Second floor, eight seats', fields: [{ label: 'Free', value: '9 to 12' }, { label: 'Screen', value: 'yes' }], fallback: 'Linden' },
			{ kind: 'progress', label: 'Looking', value: '60', fallback: '60 %' },
		],
	});
	for (let n = 0; n < 8; n++) stage.thread({ title: `An older conversation, ${n}${n === 3 ? ' with a title that is much too long for the list and has to end somewhere' : ''}`, minutes: 60 * 24 * (3 + n * 9) });
	stage.now = now;
	return site;
}

/* The states in the order in which one page goes through them; each gives what takes it back, if anything has to. */
const states = {
	async empty() {},
	async long(t) {
		await t.go('What holds up the deploy of the gateway?');
		await t.reads(/nothing has changed since \(11\)/);
	},
	async rich(t) {
		await t.earlier();
		await t.log.getByText('Two things hold up the deploy:').scrollIntoViewIfNeeded();
	},
	async panel(t) {
		await t.button('Show what Eddy did').click();
		await t.page.getByText('Read a message').waitFor();
		return () => panel(t).getByRole('button', { name: 'Hide what Eddy did' }).click();
	},
	async settings(t) {
		await list(t);
		await t.button('Settings').click();
		await t.page.getByRole('dialog').waitFor();
		return async () => {
			await t.page.keyboard.press('Escape');
			await shut(t);
		};
	},
	async search(t) {
		await list(t);
		await t.page.getByRole('searchbox').fill('older');
		return async () => {
			await t.page.getByRole('searchbox').fill('');
			await shut(t);
		};
	},
	async streaming(t) {
		await t.go('Compare the two caches');
		await t.reads('Reads what stood around it');
	},
	async thinking(t) {
		await t.go('Thinking');
		await t.reads('Why is it slow?');
	},
	async error(t) {
		await t.go('An answer that failed');
		await t.reads(/could not reach the model/);
	},
	async feedback(t) {
		await t.go('Buttons, a form, a card');
		await t.log.getByText('Which one, and when?').hover();
		await t.button('Bad answer').last().click();
		const form = t.log.locator('form').filter({ hasText: 'What was wrong?' });
		await until('the question can be seen', async () => {
			const f = await form.boundingBox(), log = await t.log.boundingBox();
			return f && f.y >= log.y - 1 && f.y + f.height <= log.y + log.height + 1;
		}, 5000);
		return () => t.page.keyboard.press('Escape');
	},
	async components(t) {
		await t.button('Approve').waitFor();
		await t.button('Approve').scrollIntoViewIfNeeded();
	},
	async edit(t) {
		await t.box.focus();
		await t.page.keyboard.press('ArrowUp');
		await t.page.getByRole('textbox', { name: 'Edit the message' }).waitFor();
		return () => t.page.keyboard.press('Escape');
	},
	async refused(t) {
		t.site.stage.on = (f, say) => f.type === 'send' && (say({ type: 'error', code: 'refused', message: 'this cannot be stored', client_id: f.client_id }), true);
		await t.send('Something that cannot be stored');
		await t.log.getByText('Not sent').first().waitFor();
	},
	async erase(t) {
		await t.button('Show what Eddy did').click();
		await t.button('Erase this conversation').click();
		await t.page.getByRole('dialog').waitFor();
		return async () => {
			await t.page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
			await panel(t).getByRole('button', { name: 'Hide what Eddy did' }).click();
		};
	},
	async offline(t) {
		t.site.front.down();
		await t.page.getByText(/No connection/).first().waitFor();
		await t.send('Is anybody there?');
		await t.reads('Is anybody there?');
	},
	async login(t) {
		t.site.front.up();
		await t.context.clearCookies();
		await t.page.goto('about:blank');
		await t.page.goto(t.site.origin);
		await t.page.getByRole('heading', { name: 'Open Eddy from the terminal' }).waitFor();
	},
};

const panel = (t) => t.page.getByRole('complementary', { name: 'What Eddy did' });
/* On a narrow screen the list of conversations lies over the conversation. */
async function list(t) {
	const b = t.button('Show conversations');
	if (await b.isVisible()) await b.click();
}
async function shut(t) {
	const b = t.page.getByRole('complementary', { name: 'Conversations' }).getByRole('button', { name: 'Hide conversations' });
	if (t.narrow && (await b.isVisible())) await b.click();
}

const tests = {};
for (const [width, height] of Object.entries(sizes))
	for (const scheme of ['light', 'dark'])
		tests[`page__at_${width}_${scheme}__is_accessible_and_fits_in_all_states`] = async () => {
			const found = [];
			const site = await world();
			const t = await Page.visit(browser, site, { width: Number(width), height, scheme, quiet: /ERR_|WebSocket|Failed to load resource/ });
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
					await t.shot(`${state}-${width}-${scheme}`);
					found.push(...(await t.axe()).map((s) => `${state}: ${s}`), ...(await misfits(t)).map((s) => `${state}: ${s}`));
					await t.clean();
					await back?.();
				}
			} catch (e) {
				await t.shot(`broken-${state}-${width}-${scheme}`).catch(() => {});
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
