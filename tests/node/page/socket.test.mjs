import assert from "node:assert/strict";
import test from "node:test";
import { EddySocket, uuid } from "../../../adapters/web/page/socket.js";
import { Clock, Server, dice } from "./world.mjs";

function world(options = {}) {
	const clock = new Clock();
	const server = new Server(clock);
	const frames = [];
	const socket = new EddySocket({
		url: "ws://test/",
		hello: async () => ({ token: "good" }),
		on: (f) => frames.push(f),
		WebSocket: server.WebSocket,
		clock,
		random: dice(7),
		...options,
	});
	const texts = (thread) => frames.filter((f) => f.type === "message" && f.thread === thread).map((f) => f.text);
	const states = () => frames.filter((f) => f.type === "local.state").map((f) => f.state);
	const outbox = (id) => frames.filter((f) => f.type === "local.outbox" && f.item.client_id === id).at(-1)?.item;
	return { clock, server, socket, frames, texts, states, outbox };
}

test("socket__connects__says_hello_and_is_open", async () => {
	const { clock, server, socket, states } = world();
	socket.start();
	await clock.pass(50);
	assert.deepEqual(states(), ["connecting", "open"]);
	assert.equal(server.log[0].type, "hello");
});

test("socket__send__is_accepted_and_comes_back_once", async () => {
	const { clock, server, socket, texts } = world();
	socket.start();
	socket.subscribe("t");
	const id = socket.send("t", "hi");
	await clock.pass(50);
	assert.deepEqual(texts("t"), ["hi"]);
	assert.equal(server.thread("t").messages[0].key, id);
	assert.equal(socket.outbox.size, 0);
});

test("socket__offline__queues_and_sends_in_order", async () => {
	const { clock, server, socket, states } = world();
	server.up = false;
	socket.start();
	for (let i = 0; i < 50; i++) socket.send("t", String(i));
	await clock.pass(60000);
	assert.ok(states().includes("offline"));
	server.up = true;
	await clock.pass(60000);
	assert.deepEqual(server.thread("t").messages.map((m) => m.text), [...Array(50).keys()].map(String));
});

test("socket__reconnects__between_one_and_thirty_seconds_with_jitter", async () => {
	const { clock, server, socket, frames } = world();
	server.up = false;
	socket.start();
	await clock.pass(600000);
	const waits = frames.filter((f) => f.retry_ms).map((f) => f.retry_ms);
	assert.ok(waits.length > 20);
	assert.ok(Math.min(...waits) >= 1000 && Math.max(...waits) <= 30000);
	assert.ok(new Set(waits).size > 15);
	assert.ok(waits[0] <= 2000);
});

test("socket__nudge__connects_at_once", async () => {
	const { clock, server, socket } = world();
	server.up = false;
	socket.start();
	await clock.pass(100000);
	server.up = true;
	const t = clock.t;
	while (socket.state !== "offline") await clock.pass(10);
	socket.nudge();
	await clock.pass(20);
	assert.equal(socket.state, "open");
	assert.ok(clock.t - t < 1000);
});

test("socket__denied__asks_for_a_new_token_once", async () => {
	const asked = [];
	const w = world({
		hello: async ({ denied }) => {
			asked.push(denied);
			return { token: denied ? "good" : "old" };
		},
	});
	w.socket.start();
	await w.clock.pass(100);
	assert.deepEqual(asked, [false, true]);
	assert.equal(w.socket.state, "open");
});

test("socket__denied_twice__stops_and_says_so", async () => {
	const { clock, server, socket } = world({ hello: async () => ({ token: "bad" }) });
	socket.start();
	await clock.pass(300000);
	assert.equal(socket.state, "denied");
	assert.equal(server.count("hello"), 2);
	assert.equal(clock.list.length, 0);
});

test("socket__hello_wants_a_log_in__is_denied_without_a_second_try", async () => {
	const { clock, server, socket } = world({ hello: async () => { throw { denied: true }; } });
	socket.start();
	await clock.pass(300000);
	assert.equal(socket.state, "denied");
	assert.equal(server.count("hello"), 0);
	assert.equal(server.tried, 1);
});

test("socket__hello_fails__tries_later", async () => {
	let n = 0;
	const { clock, socket } = world({ hello: async () => { if (n++ < 3) throw new TypeError("network"); return { token: "good" }; } });
	socket.start();
	await clock.pass(60000);
	assert.equal(socket.state, "open");
});

test("socket__busy__sends_the_same_again_after_the_pause", async () => {
	const { clock, server, socket } = world();
	let left = 3;
	server.busy = () => (left-- > 0 ? 500 : 0);
	socket.start();
	const id = socket.send("t", "one");
	socket.send("t", "two");
	await clock.pass(1400);
	assert.equal(server.thread("t").messages.length, 0);
	await clock.pass(1000);
	assert.deepEqual(server.thread("t").messages.map((m) => m.text), ["one", "two"]);
	assert.equal(server.log.filter((f) => f.client_id === id).length, 4);
});

test("socket__refused__fails_keeps_it_and_lets_others_pass", async () => {
	const { clock, server, socket, outbox } = world();
	socket.start();
	const id = socket.send("t", "refuse me");
	socket.send("t", "fine");
	await clock.pass(100);
	assert.equal(outbox(id).state, "failed");
	assert.equal(outbox(id).error.code, "refused");
	assert.deepEqual(server.thread("t").messages.map((m) => m.text), ["fine"]);
	socket.outbox.get(id).frame.text = "now fine";
	socket.again(id);
	await clock.pass(100);
	assert.deepEqual(server.thread("t").messages.map((m) => m.text), ["fine", "now fine"]);
	assert.equal(outbox(id).state, "sent");
});

test("socket__discard__forgets_a_failed_act", async () => {
	const { clock, socket, outbox } = world();
	socket.start();
	const id = socket.send("t", "refuse me");
	await clock.pass(100);
	socket.discard(id);
	assert.equal(outbox(id).state, "dropped");
	assert.equal(socket.outbox.size, 0);
});

test("socket__accepted_was_cut_off__sends_again_and_stores_once", async () => {
	const { clock, server, socket, texts } = world();
	socket.start();
	socket.subscribe("t");
	await clock.pass(50);
	socket.send("t", "once");
	await clock.pass(1); // it is there; the answer is on its way
	assert.equal(server.thread("t").messages.length, 1);
	server.cut();
	await clock.pass(5000);
	assert.equal(server.thread("t").messages.length, 1);
	assert.equal(server.count("send"), 2);
	assert.deepEqual(texts("t"), ["once"]);
});

test("socket__resume__brings_only_what_is_new", async () => {
	const { clock, server, socket, texts } = world();
	socket.start();
	socket.subscribe("t");
	server.post("t", "a");
	await clock.pass(50);
	server.cut();
	server.post("t", "b");
	await clock.pass(5000);
	assert.deepEqual(texts("t"), ["a", "b"]);
	assert.deepEqual(server.log.filter((f) => f.type === "subscribe").map((f) => f.after), [0, 1]);
});

test("socket__unsubscribe_and_back_while_something_comes__shows_it_once", async () => {
	const { clock, server, socket, texts } = world();
	socket.start();
	socket.subscribe("t");
	await clock.pass(50);
	socket.unsubscribe("t");
	socket.subscribe("t"); // the server has not heard of it yet
	server.post("t", "a");
	await clock.pass(50);
	assert.deepEqual(texts("t"), ["a"]);
});

test("socket__restored_backup__resets_the_thread", async () => {
	const { clock, server, socket, frames } = world();
	socket.start();
	socket.subscribe("t");
	for (const x of ["a", "b", "c"]) server.post("t", x);
	await clock.pass(50);
	server.cut();
	server.threads.set("t", { rev: 0, messages: [] });
	server.post("t", "a");
	await clock.pass(5000);
	const last = frames.slice(frames.findLastIndex((f) => f.type === "local.reset"));
	assert.deepEqual(last.filter((f) => f.type === "message").map((f) => f.text), ["a"]);
	assert.equal(frames.filter((f) => f.type === "local.reset").length, 1);
	server.cut();
	await clock.pass(5000);
	assert.equal(server.log.at(-1).after, 1);
});

test("socket__restored_backup_without_messages__resets_too", async () => {
	const { clock, server, socket, frames } = world();
	socket.start();
	socket.subscribe("t");
	server.post("t", "a");
	await clock.pass(50);
	server.cut();
	server.threads.clear();
	await clock.pass(5000);
	assert.equal(frames.filter((f) => f.type === "local.reset").length, 1);
});

test("socket__unsubscribe__remembers_where_it_was", async () => {
	const { clock, server, socket, texts } = world();
	socket.start();
	socket.subscribe("t");
	server.post("t", "a");
	await clock.pass(50);
	socket.unsubscribe("t");
	server.post("t", "b");
	await clock.pass(50);
	assert.deepEqual(texts("t"), ["a"]);
	socket.subscribe("t");
	await clock.pass(50);
	assert.deepEqual(texts("t"), ["a", "b"]);
	assert.equal(server.log.at(-1).after, 1);
});

test("socket__silent_line__is_found_dead_and_replaced", async () => {
	const { clock, server, socket, states } = world();
	socket.start();
	await clock.pass(50);
	server.deaf = () => true; // open, but nothing comes any more
	await clock.pass(45000);
	assert.ok(states().includes("offline"));
	server.deaf = null;
	await clock.pass(30000);
	assert.equal(socket.state, "open");
});

test("socket__never_opens__gives_up_and_tries_again", async () => {
	const { clock, server, socket } = world();
	server.silent = true;
	socket.start();
	await clock.pass(20000);
	assert.ok(server.tried >= 2);
	server.silent = false;
	await clock.pass(40000);
	assert.equal(socket.state, "open");
});

test("socket__sleep__asks_whether_the_line_is_alive", async () => {
	const { clock, server, socket } = world();
	socket.start();
	await clock.pass(50);
	clock.skew += 3600000;
	await clock.pass(10001);
	assert.equal(server.count("ping"), 1);
	assert.equal(socket.state, "open");
});

test("socket__clock_set_back_a_day__holds_nothing_up", async () => {
	const { clock, server, socket } = world();
	socket.start();
	await clock.pass(50);
	clock.skew -= 86400000;
	for (let i = 0; i < 10; i++) socket.send("t", String(i));
	await clock.pass(200);
	assert.equal(server.thread("t").messages.length, 10);
});

test("socket__rate__stays_below_the_limit", async () => {
	const { clock, server, socket } = world();
	server.welcome = { limits: { frames_per_second: 20, burst: 60 } };
	socket.start();
	await clock.pass(50);
	for (let i = 0; i < 300; i++) socket.send(`t${i}`, "x");
	await clock.pass(1000);
	assert.ok(server.count("send") <= 60 + 20, String(server.count("send")));
	await clock.pass(30000);
	assert.equal(server.count("send"), 300);
});

test("socket__rate_error_without_a_name__sends_again_what_was_under_way", async () => {
	const { clock, server, socket } = world();
	socket.start();
	await clock.pass(50);
	let once = true;
	server.deaf = (f) => {
		if (f.type !== "send" || !once) return false;
		once = false;
		[...server.links][0].say({ type: "error", code: "rate", message: "slow down" });
		return true;
	};
	socket.send("t", "x");
	await clock.pass(4000);
	assert.equal(server.thread("t").messages.length, 1);
});

test("socket__store__brings_acts_over_a_reload", async () => {
	const kept = new Map();
	const store = { load: () => [...kept.values()], put: (i) => kept.set(i.client_id, i), remove: (id) => kept.delete(id) };
	const a = world({ store });
	a.server.up = false;
	a.socket.start();
	a.socket.send("t", "1");
	a.socket.send("t", "2");
	await a.clock.pass(100);
	a.socket.stop();
	assert.equal(kept.size, 2);
	const b = world({ store });
	b.socket.start();
	await b.clock.pass(100);
	assert.deepEqual(b.server.thread("t").messages.map((m) => m.text), ["1", "2"]);
	assert.equal(kept.size, 0);
});

test("socket__store_forbidden__goes_on_in_memory", async () => {
	const no = () => { throw new Error("QuotaExceededError"); };
	const { clock, server, socket } = world({ store: { load: no, put: no, remove: no } });
	socket.start();
	socket.send("t", "x");
	await clock.pass(100);
	assert.equal(server.thread("t").messages.length, 1);
});

test("socket__rubbish_from_the_server__is_ignored", async () => {
	const { clock, server, socket } = world();
	socket.start();
	await clock.pass(50);
	for (const data of ["", "{", "null", "1", "[]", '{"type":1}', '"x"']) [...server.links][0].onmessage({ data });
	socket.send("t", "x");
	await clock.pass(50);
	assert.equal(server.thread("t").messages.length, 1);
});

test("socket__stop__is_quiet_for_ever", async () => {
	const { clock, server, socket } = world();
	socket.start();
	await clock.pass(50);
	socket.stop();
	await clock.pass(100000);
	assert.equal(server.tried, 1);
	assert.equal(clock.list.length, 0);
});

test("socket__two_hundred_cuts_and_two_thousand_messages__lose_double_and_turn_round_none", async () => {
	const { clock, server, socket, frames } = world();
	const roll = dice(20260);
	server.busy = () => (roll() < 0.02 ? 50 + roll() * 300 : 0);
	socket.start();
	const threads = ["a", "b", "c"];
	for (const t of threads) socket.subscribe(t);
	const said = { a: [], b: [], c: [] };
	let cuts = 0;
	for (let i = 0; i < 2000; i++) {
		const t = threads[Math.floor(roll() * 3)];
		said[t].push(String(i));
		socket.send(t, String(i));
		if (roll() < 0.3) server.post(t, `eddy ${i}`);
		if (roll() < 0.05 && server.thread(t).messages.length) {
			const all = server.thread(t).messages;
			server.change(t, all[Math.floor(roll() * all.length)], `changed ${i}`);
		}
		await clock.pass(Math.floor(roll() * 12));
		if (roll() < 0.1 && server.links.size) {
			cuts++;
			const restart = roll() < 0.2;
			if (restart) server.up = false;
			server.cut(restart ? 1012 : 1006);
			if (restart) clock.later(() => (server.up = true), roll() * 4000);
			if (roll() < 0.5) clock.later(() => socket.nudge(), roll() * 200);
			if (roll() < 0.5) await clock.pass(roll() * 3000);
		}
	}
	while (cuts++ < 200) {
		server.cut();
		socket.nudge();
		await clock.pass(roll() * 20);
	}
	await clock.pass(600000);
	assert.equal(socket.outbox.size, 0);
	const first = new Map(server.log.filter((f) => f.type === "send").map((f) => [f.client_id, f.text]));
	for (const t of threads) {
		const mine = server.thread(t).messages.filter((m) => m.key);
		assert.equal(mine.length, said[t].length);
		const keys = frames.filter((f) => f.type === "local.outbox" && f.item.frame.thread === t && f.item.state === "sent").map((f) => f.item.client_id);
		assert.deepEqual(mine.map((m) => m.key), keys);
		assert.deepEqual(mine.map((m) => first.get(m.key)), said[t]);
		// What came out, applied in order, is what the server has.
		const seen = new Map();
		let rev = 0;
		for (const f of frames) {
			if (f.thread !== t || !f.rev || f.type === "subscribed") continue;
			assert.ok(f.rev > rev, "order");
			rev = f.rev;
			seen.set(f.message, f.text);
		}
		assert.deepEqual(new Set(seen.entries()).size, server.thread(t).messages.length);
		for (const m of server.thread(t).messages) assert.equal(seen.get(m.message), m.text);
	}
	assert.equal(frames.filter((f) => f.type === "local.reset").length, 0);
});

test("uuid__without_a_secure_context__is_a_version_4", () => {
	const real = crypto.randomUUID;
	crypto.randomUUID = undefined;
	try {
		assert.match(uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
	} finally {
		crypto.randomUUID = real;
	}
});
