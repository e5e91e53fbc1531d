// The page on bad lines, in a real browser beside the real daemon: cuts, tunnels, sleep, restarts and kills in the middle of streams.  What is shown
// in the end is compared with what the database holds: nothing lost, nothing twice, nothing out of order.
import assert from 'node:assert/strict';
import { launch } from './lib/browser.mjs';
import { Page, real, staged, visit } from './lib/site.mjs';
import { Rig } from './lib/rig.mjs';
import { dice, patience, run, until } from './lib/tap.mjs';

let browser, rig, site;
const noise = /ERR_|WebSocket|Failed to load resource/; // what a browser writes when its lines are cut
const wait = (ms) => new Promise((go) => setTimeout(go, ms));

async function on(where, f) {
	try {
		await visit(browser, where, 'line', f, { quiet: noise });
	} finally {
		where.front.up();
	}
}

/* Somebody looks at the page, or the system says that there is a network: it tries at once instead of in some seconds. */
const wake = (t) => t.page.evaluate(() => void dispatchEvent(new Event('online')));

async function thread(t) {
	return /#\/t\/([0-9a-f-]{36})/.exec(await until('the conversation has an address', () => /#\/t\/.*/.exec(t.page.url())?.[0]))[1];
}

/* What is stored of a conversation, and what the page shows of it: who said what. */
const stored = async (id) => (await rig.sql(`SELECT author_kind, regexp_replace(body, '\\s+', ' ', 'g') FROM messages WHERE thread_id IN (SELECT id FROM threads WHERE external_key = '${id}') ORDER BY seq`)).map(([k, b]) => [k === '1' ? 'person' : 'eddy', b]);
async function shown(t) {
	await t.earlier();
	return t.log.evaluate((log) => [...log.querySelectorAll('article.msg')].map((a) => {
		const mine = a.classList.contains('person');
		return [mine ? 'person' : 'eddy', (a.querySelector(mine ? '.bubble' : '.body')?.innerText ?? '').replace(/\s+/g, ' ').trim()];
	}));
}

/* All is answered, and ${pages} show what is stored, which holds ${texts} once each and in order. */
async function same(id, pages, texts) {
	let have;
	await until(() => `all is answered: ${JSON.stringify(have)}`, async () => {
		have = [(await rig.sql('SELECT count(*) FROM runs WHERE state <= 2'))[0][0], ...(await stored(id))];
		return have[0] === '0' && have.filter(([k]) => k === 'person').length >= texts.length;
	}, 30000);
	const want = await stored(id);
	assert.deepEqual(want.filter(([k]) => k === 'person').map(([, s]) => s), texts);
	for (const t of pages) {
		let last;
		await wake(t);
		await until('the page shows what is stored', async () => {
			last = await shown(t);
			return JSON.stringify(last) === JSON.stringify(want);
		}, 30000).catch(() => assert.deepEqual(last, want));
	}
}

const tests = {
	async offline__what_is_written__is_sent_once_and_in_order_when_the_line_is_back() {
		await on(site, async (t) => {
			await t.send('before the tunnel #10');
			await t.reads('Answer to #10.');
			site.front.down();
			await t.page.getByText(/No connection/).first().waitFor();
			for (const n of [11, 12, 13]) await t.send(`in the tunnel #${n}`);
			await t.reads('in the tunnel #13');
			await t.log.getByText('Waiting for the connection').first().waitFor();
			// What was written outlives attempts in vain.
			for (const before = site.front.refused; site.front.refused < before + 2; await wait(50)) await wake(t);
			site.front.up();
			await wake(t);
			await t.reads('Answer to #13.');
			await t.page.getByText(/No connection/).first().waitFor({ state: 'hidden' });
			assert.equal(await t.log.getByText('Waiting for the connection').count(), 0);
			await same(await thread(t), [t], ['before the tunnel #10', ...[11, 12, 13].map((n) => `in the tunnel #${n}`)]);
		});
	},

	async offline__by_the_browsers_own_word__keeps_what_is_written_and_sends_it_later() {
		await on(site, async (t) => {
			await t.send('on the net #14');
			await t.reads('Answer to #14.');
			await t.context.setOffline(true);
			site.front.cut();
			for (const n of [15, 16]) await t.send(`off the net #${n}`);
			await t.log.getByText('Waiting for the connection').first().waitFor();
			await t.context.setOffline(false); // the browser says so to the page by itself
			await t.reads('Answer to #16.');
			await same(await thread(t), [t], ['on the net #14', 'off the net #15', 'off the net #16']);
		});
	},

	async offline__what_is_written__outlives_a_reload() {
		const s = await staged(rig);
		try {
			await on(s, async (t) => {
				s.stage.on = (f) => f.type === 'send'; // it never answers
				await t.send('kept over a reload');
				const first = await until('it was sent once', () => s.stage.got.find((f) => f.type === 'send'));
				await t.page.reload();
				await t.box.waitFor();
				const second = await until('it is sent again', () => s.stage.got.filter((f) => f.type === 'send')[1]);
				assert.equal(second.client_id, first.client_id);
				assert.equal(second.text, 'kept over a reload');
				assert.equal(second.thread, first.thread);
				s.stage.on = null;
				s.front.cut();
				await wake(t);
				await until('it is stored', () => s.stage.threads.get(first.thread)?.frames.length);
				await until('nothing waits', () => t.page.evaluate(() => Object.keys({ ...localStorage, ...sessionStorage }).every((k) => !k.includes('act.'))));
				await t.reads('kept over a reload');
				assert.equal(await t.log.getByText('kept over a reload', { exact: true }).count(), 1);
			});
		} finally {
			s.close();
		}
	},

	async sleep__of_page_and_line__ends_with_all_that_was_said_meanwhile() {
		await on(site, async (t) => {
			await t.send('before sleep #20');
			await t.reads('Answer to #20.');
			const other = await t.again();
			const cdp = await t.context.newCDPSession(t.page);
			await cdp.send('Page.setWebLifecycleState', { state: 'frozen' });
			for (const l of [...site.front.lines].slice(0, 1)) assert.ok(l), site.front.freezeOne(() => 0); // the older line is the sleeper's
			await other.reads('Answer to #20.');
			for (const n of [21, 22, 23]) {
				await other.send(`during sleep #${n}`);
				await other.reads(`Answer to #${n}.`);
			}
			await cdp.send('Page.setWebLifecycleState', { state: 'active' });
			await wake(t); // it asks whether the line is alive; it is not
			await t.reads('Answer to #23.', patience(90000));
			await same(await thread(t), [t, other], ['before sleep #20', ...[21, 22, 23].map((n) => `during sleep #${n}`)]);
		});
	},

	async server__stopped_and_killed_in_the_middle_of_an_answer__gives_it_once_and_whole() {
		await on(site, async (t) => {
			const texts = [];
			for (const signal of ['SIGTERM', 'SIGKILL']) {
				const word = `whole${signal}`;
				// A kill loses what had grown: the next attempt says the same again.
				await rig.model.control('clear'); // the answer before is told again with each question
				await rig.model.control('script', { match: word, times: 3, answer: Array.from({ length: 12 }, (_, n) => `Part ${n} of ${word}.`).join('\n\n'), pace_ms: 60, piece: 12 });
				await t.send(`say ${word}`);
				texts.push(`say ${word}`);
				await t.reads(`Part 2 of ${word}.`);
				const again = rig.restart(signal);
				await t.send(`meanwhile ${signal} #30`);
				texts.push(`meanwhile ${signal} #30`);
				await again;
				await wake(t);
				await t.reads(`Part 11 of ${word}.`, patience(90000));
			}
			await same(await thread(t), [t], texts);
			const all = (await shown(t)).filter(([who]) => who === 'eddy').map(([, s]) => s);
			for (const signal of ['SIGTERM', 'SIGKILL']) {
				const answers = all.filter((s) => s.includes(`of whole${signal}.`));
				assert.ok(answers.length > 0);
				for (const a of answers) assert.equal(a, Array.from({ length: 12 }, (_, n) => `Part ${n} of whole${signal}.`).join(' '));
			}
		});
	},

	async lines__cut_frozen_and_gone_at_random__lose_and_double_nothing() {
		const d = dice();
		console.log(`# EDDY_TEST_SEED=${d.seed}`);
		await rig.model.control('options', { pace_ms: 8, words: 30 });
		const MESSAGES = 60;
		let cuts = 0, frozen = 0, tunnels = 0, slept = 0;
		await on(site, async (t) => {
			await t.send('message #100');
			await t.reads('message #100');
			const id = await thread(t);
			const other = await t.again();
			const texts = ['message #100'];
			const cdp = await t.context.newCDPSession(other.page);
			for (let n = 1; n < MESSAGES; n++) {
				const text = `message #${100 + n}`;
				await t.send(text);
				texts.push(text);
				if (n % 2 === 0) continue;
				await until('a line to cut', async () => {
					if (site.front.lines.size) return true;
					await wake(t);
					return false;
				});
				await wait(d.below(60));
				if (n % 10 === 7) {
					site.front.down();
					tunnels++;
					await wait(d.below(300));
					site.front.up();
					await wake(t);
				} else if (n % 20 === 11) {
					frozen += site.front.freezeOne(d.below);
					for (const p of [t, other]) await wake(p);
				} else if (n % 20 === 13) {
					await cdp.send('Page.setWebLifecycleState', { state: 'frozen' });
					await wait(d.below(200));
					cuts += site.front.cutOne(d.below);
					await cdp.send('Page.setWebLifecycleState', { state: 'active' });
					slept++;
				} else cuts += site.front.cutOne(d.below);
				await wake(other);
			}
			await wake(t);
			await same(id, [t, other], texts);
			await other.clean();
		});
		await rig.model.control('options', { pace_ms: 0, words: 0 });
		console.log(`# ${cuts} cuts, ${frozen} silent lines, ${tunnels} tunnels, ${slept} sleeps`);
		assert.ok(cuts >= 15 && tunnels >= 3, `${cuts} cuts, ${tunnels} tunnels`);
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
	each: async () => {
		site.front.up();
		await rig.model.control('clear');
	},
	limit: 300000,
});
