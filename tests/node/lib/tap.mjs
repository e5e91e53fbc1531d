// Runs tests one after the other and prints TAP.  A test is an async function; its name follows unit__verb__scenario.
const wanted = process.env.EDDY_TEST_ONLY;
const pattern = wanted && new RegExp(`^${wanted.split('*').map((s) => s.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`);

/** A limit in ms: generous, and more so on a machine that says it is slow. */
export const patience = (ms) => ms * Number(process.env.EDDY_TEST_PATIENCE ?? 1);

export class Skip extends Error {}

/** Functions that tell, after a failed test, what else was seen: the end of a daemon's log. */
export const witnesses = new Set();

/** Waits until check() gives something true, and gives it. */
export async function until(what, check, ms = 60000) {
	const end = performance.now() + patience(Math.max(ms, 60000));
	let last, pause = 15;
	for (;;) {
		try {
			const v = await check();
			if (v) return v;
			last = undefined;
		} catch (e) {
			last = e;
		}
		if (performance.now() > end) throw new Error(`waited in vain for: ${typeof what === 'function' ? what() : what}`, { cause: last });
		await new Promise((done) => setTimeout(done, pause));
		pause = Math.min(pause * 1.3, 100); // looking costs the others
	}
}

/** A small generator of numbers, so that a failure can be had again: EDDY_TEST_SEED. */
export function dice(seed = Number(process.env.EDDY_TEST_SEED ?? Date.now() % 1e9)) {
	let a = seed >>> 0;
	const next = () => {
		a = (a + 0x6d2b79f5) >>> 0;
		let t = Math.imul(a ^ (a >>> 15), 1 | a);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
	return { seed, next, below: (n) => Math.floor(next() * n), pick: (list) => list[Math.floor(next() * list.length)] };
}

export async function run(tests, { before, after, each, limit = 300000 } = {}) {
	const list = Object.entries(tests).filter(([name]) => !pattern || pattern.test(name));
	console.log(`1..${list.length}`);
	let n = 0, failed = 0;
	const end = async (code) => {
		try {
			await after?.();
		} catch (e) {
			console.error(e);
			code = 1;
		}
		process.exit(code);
	};
	process.on('SIGTERM', () => end(143));
	process.on('SIGINT', () => end(130));
	try {
		await before?.();
	} catch (e) {
		for (const [name] of list) console.log(`not ok ${++n} - ${name}`);
		console.log(String(e?.stack ?? e).replace(/^/gm, '# '));
		await end(1);
	}
	for (const [name, test] of list) {
		n++;
		const t0 = performance.now();
		let late;
		try {
			await Promise.race([
				test(),
				new Promise((_, fail) => (late = setTimeout(() => fail(new Error(`not done after ${patience(limit)} ms`)), patience(limit)))),
			]);
			console.log(`ok ${n} - ${name}`);
		} catch (e) {
			if (e instanceof Skip) console.log(`ok ${n} - ${name} # SKIP ${e.message}`);
			else {
				failed++;
				console.log(`not ok ${n} - ${name}`);
				for (let c = e; c; c = c.cause) console.log(String(c?.stack ?? c).replace(/^/gm, '# '));
				for (const tell of witnesses) console.error(tell());
			}
		}
		clearTimeout(late);
		console.log(`# ${Math.round(performance.now() - t0)} ms`);
		try {
			await each?.(failed);
		} catch (e) {
			failed++;
			console.log(`# after ${name}: ${e.stack}`);
		}
	}
	await end(failed ? 1 : 0);
}
