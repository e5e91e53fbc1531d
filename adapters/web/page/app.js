/*
 * The page: log-in, the list of conversations, the conversation (chat.js), what Eddy did (panel.js), and what is kept in this browser: the
 * look, the language, drafts, and acts that the server has not accepted yet.  Tabs share all of that through the storage and
 * the server's frames.
 */
import { Beside, command, threadActs } from "./beside.js";
import "./chat.js";
import { ask, askText, copyText, h, icon, mark, openMenu, ticked, tool } from "./dom.js";
import { Words, languages } from "./i18n.js";
import { ThreadList } from "./list.js";
import { Panel } from "./panel.js";
import { Session } from "./session.js";
import { EddySocket, uuid } from "./socket.js";
import { Thread } from "./thread.js";

const THREADS_KEPT = 12;
const BEGUN_MS = 20000; // a side thread that was asked for here opens here, if it comes soon
const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
/* A conversation, the side thread beside it, and the message to go to. */
const ADDRESS = new RegExp(`^#/t/(${UUID})(?:/f/(${UUID}))?(?:/m/([^/]{1,200}))?$`, "i");
const root = document.documentElement;

/* What this browser keeps.  Storage may be full or forbidden: then it is kept as long as the page lives. */
const memory = new Map();
const keep = {
	get(key) {
		try {
			return localStorage.getItem(`eddy.${key}`) ?? memory.get(key) ?? null;
		} catch {
			return memory.get(key) ?? null;
		}
	},
	set(key, value) {
		if (value) memory.set(key, value);
		else memory.delete(key);
		try {
			if (value) localStorage.setItem(`eddy.${key}`, value);
			else localStorage.removeItem(`eddy.${key}`);
		} catch {
			/* see above */
		}
	},
	keys(prefix) {
		const all = new Set(memory.keys());
		try {
			for (let i = 0; i < localStorage.length; i++) if (localStorage.key(i).startsWith("eddy.")) all.add(localStorage.key(i).slice(5));
		} catch {
			/* see above */
		}
		return [...all].filter((k) => k.startsWith(prefix));
	},
};

const session = new Session();
const threads = new Map(); // thread → Thread, oldest use first
let words;
let socket;
let chat;
let list;
let panel;
let beside;
let begun = null; // {thread, about, at}: the side thread that was asked for last
let page = {};
let current = null;
let shown = null; // whose page this is
let ui = {};
const wide = matchMedia("(min-width: 900px)");
const coarse = matchMedia("(pointer: coarse)");
const docked = matchMedia("(min-width: 1440px)");
const roomy = matchMedia("(min-width: 1100px)");

// ---- the look ----

function applyLook() {
	const theme = keep.get("theme");
	if (theme === "light" || theme === "dark") root.dataset.theme = theme;
	else delete root.dataset.theme;
	for (const m of document.querySelectorAll('meta[name="theme-color"]')) {
		const own = m.content === "#15181a" ? "dark" : "light";
		m.media = root.dataset.theme ? (root.dataset.theme === own ? "all" : "not all") : `(prefers-color-scheme: ${own})`;
	}
}

async function applyLanguage() {
	words = await Words.load(keep.get("language") || "auto");
	root.lang = words.language;
	root.dir = keep.get("dir") === "rtl" ? "rtl" : words.dir;
}

// ---- log-in ----

function gate(...inside) {
	socket?.stop();
	socket = chat = null;
	ui = {};
	document.title = "Eddy";
	document.body.replaceChildren(h("main", { class: "gate" }, h("div", { class: "login" }, mark(48), ...inside)));
}

/* A link to one's own mailbox. */
function mailForm() {
	const { t } = words;
	const input = h("input", { id: "address", type: "email", autocomplete: "email", required: true, maxlength: 320, dir: "ltr" });
	const go = h("button", { class: "button primary" }, t("login_mail_go"));
	const said = h("p", { role: "status" });
	const form = h("form", null, h("label", { for: "address" }, t("login_mail")), h("div", { class: "line" }, input, go), said);
	form.addEventListener("submit", async (e) => {
		e.preventDefault();
		go.disabled = true;
		said.className = "";
		said.textContent = "";
		try {
			await session.mail(input.value.trim());
			said.textContent = t("login_mail_sent");
		} catch (e) {
			said.className = "bad";
			said.textContent = t(e.status === 429 ? "login_busy" : e.denied ? "login_mail_bad" : "login_offline");
		}
		go.disabled = false;
	});
	return form;
}

function showLogin(problem) {
	const { t } = words;
	const mails = !!page.login?.mail, services = page.login?.services ?? [];
	const copy = tool("copy", t("copy"), async () => (await copyText("eddy login")) && ticked(copy, "copy", t("copied")));
	const command = h("span", { class: "command" }, h("code", { dir: "ltr" }, "eddy login"), copy);
	const input = h("input", { id: "code", type: "text", autocomplete: "off", spellcheck: "false", required: true, dir: "ltr" });
	const bad = h("p", { class: "bad", role: "alert" }, problem || "");
	const form = h("form", null, h("p", null, t("login_text")), h("p", null, command),
		h("label", { for: "code" }, t("login_paste")), h("div", { class: "line" }, input, h("button", { class: mails || services.length || page.login?.password ? "button" : "button primary" }, t("login_go"))));
	form.addEventListener("submit", (e) => {
		e.preventDefault();
		const code = Session.code(input.value);
		if (code) logIn(code);
		else bad.textContent = t("login_bad");
	});
	const there = services.map((s) => h("a", { class: "button", href: `/api/login/${s.name}` }, t("login_with", { name: s.label })));
	const passwords = page.login?.password ? h("div") : "";
	if (passwords) import("./account.js").then((a) => passwords.replaceChildren(a.passwordForm({ words, session, done: showApp })));
	if (mails || there.length || passwords)
		gate(h("h1", null, t("login_go")), bad, there.length ? h("p", { class: "services" }, ...there) : "", passwords, mails ? mailForm() : "",
			h("details", null, h("summary", null, t("login_title")), form));
	else gate(h("h1", null, t("login_title")), bad, form);
}

/* The link of a mail: programs open those too, and must not use it up. */
function showConfirm(code) {
	const { t } = words;
	const go = h("button", { class: "button primary" }, t("login_go"));
	go.addEventListener("click", () => {
		go.disabled = true;
		logIn(code);
	});
	gate(h("h1", null, t("login_confirm")), h("p", null, t("login_confirm_text")), h("p", null, go));
	go.focus();
}

/* The link of an admin, by which somebody chooses a password. */
async function showChoose(code) {
	const { choosePassword } = await import("./account.js");
	gate(...choosePassword({ words, session, code, done: showApp }));
	document.getElementById("new-password").focus();
}

/* By a link's code, or by what an earlier log-in has left; who follows a used link once more, and is logged in, gets in too. */
async function enter(code) {
	await leave();
	try {
		await (code ? session.logIn(code) : session.fresh(true));
	} catch (e) {
		if (!code || !e.denied) throw e;
		await session.fresh(true).catch(() => {
			throw e;
		});
	}
}

async function logIn(code, entering = enter(code)) {
	try {
		await entering;
		showApp();
	} catch (e) {
		const problem = e.denied ? code && "login_bad" : e.status === 429 ? "login_busy" : "login_offline";
		showLogin(problem && words.t(problem));
	}
}

/* A log-out that the server has not heard of, since scripts can't take the cookie away: it is told before anybody gets in by that cookie. */
async function leave() {
	const how = keep.get("leaving");
	if (!how) return;
	await session.logOut(how === "all").catch((e) => {
		if (!e.denied) throw e;
	});
	keep.set("leaving", null);
}

async function logOut(everywhere) {
	keep.set("leaving", everywhere ? "all" : "here");
	try {
		await leave();
	} catch {
		/* later; what is here goes all the same */
	}
	for (const k of [...keep.keys("draft."), ...keep.keys("act.")]) keep.set(k, null);
	threads.clear();
	location.hash = "";
	showLogin();
}

// ---- the page ----

function act(name) {
	const n = `act.${session.person?.id || ""}.`;
	return name === undefined ? n : n + name;
}

const store = {
	load: () => keep.keys(act()).map((k) => JSON.parse(keep.get(k))).filter((i) => i?.frame?.client_id && i.frame.type).sort((a, b) => a.at - b.at),
	put: (i) => keep.set(act(i.client_id), JSON.stringify(i)),
	remove: (id) => keep.set(act(id), null),
};
/* A conversation that has not begun has no address yet: its draft is that of the next one. */
const draftKey = (t) => `draft.${threads.get(t)?.fresh ? "new" : t}`;
const drafts = { get: (t) => keep.get(draftKey(t)), set: (t, text) => keep.set(draftKey(t), text) };

function showApp() {
	const { t } = words;
	const who = session.person?.id;
	socket?.stop(); // by a link that was opened in a page in use
	threads.clear();
	current = null;
	if (shown && shown !== who) {
		for (const k of keep.keys("draft.")) keep.set(k, null);
		history.replaceState(null, "", location.pathname);
	}
	shown = who;
	list = new ThreadList({ words, pick: (id, message) => go(id, message), ask: (f) => socket.request(f) });
	beside = new Beside({ close: () => closeFork(), before: () => ui.panel });
	delete root.dataset.beside;
	begun = null;
	panel = new Panel(words);
	chat = document.createElement("eddy-chat");
	socket = new EddySocket({
		url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/socket`,
		hello: async ({ denied }) => {
			const token = await session.fresh(denied);
			if (session.person?.id !== who) {
				// Another tab has logged somebody else in: what waits here to be sent is not theirs.
				setTimeout(() => shown === who && showApp());
				throw new Error("somebody else");
			}
			return { token, client: "page/1", locale: words.locale, features: ["blocks", "threads", "forks"], tz: Intl.DateTimeFormat().resolvedOptions().timeZone };
		},
		on: frame,
		store,
	});
	ui.title = h("h1", { dir: "auto" });
	ui.listButton = tool("side", "", () => toggle("list"), { "aria-controls": "list" });
	ui.panelButton = tool("panel", "", () => toggle("panel"), { "aria-controls": "panel" });
	ui.forks = h("button", { type: "button", class: "button small count", "aria-haspopup": "menu", "aria-expanded": "false", hidden: true, onclick: () => listForks() });
	ui.menu = tool("more", "", () => openMenu(ui.menu, words.t("thread_menu"), threadActs({ socket, words, item: list.items.get(current), thread: current, root: document.body })), { "aria-haspopup": "menu", "aria-expanded": "false", hidden: true });
	ui.erase = h("button", { type: "button", class: "end-of", onclick: () => erase() });
	ui.newButton = h("button", { type: "button", class: "button wide", onclick: () => go(null) });
	ui.newSmall = tool("plus", "", () => go(null), { class: "tool new" });
	ui.who = h("span", { class: "name", dir: "auto" });
	ui.settings = tool("sliders", "", () => settings());
	ui.listTitle = h("span", { class: "brand" }, mark(26), "Eddy");
	ui.panelTitle = h("h2");
	ui.closeList = tool("side", "", () => toggle("list", false));
	ui.closePanel = tool("close", "", () => toggle("panel", false));
	ui.list = h("aside", { class: "list", id: "list" }, h("div", { class: "bar" }, ui.listTitle, ui.closeList), ui.newButton, list.el, h("div", { class: "me" }, ui.who, ui.settings));
	ui.panel = h("aside", { class: "panel", id: "panel" }, h("div", { class: "bar" }, ui.panelTitle, ui.closePanel), panel.el);
	panel.after(ui.erase);
	ui.shade = h("div", { class: "shade", onclick: () => (overlaid() ? toggle(overlaid(), false) : closeFork()) });
	document.body.replaceChildren(h("div", { class: "app" }, ui.list,
		(ui.talk = h("main", { class: "talk" }, h("header", { class: "bar" }, ui.listButton, ui.title, ui.forks, ui.newSmall, ui.menu, ui.panelButton), chat)), ui.panel, ui.shade));
	root.dataset.list = wide.matches && keep.get("list") !== "off" ? "on" : "off";
	root.dataset.panel = docked.matches && keep.get("panel") === "on" ? "on" : "off";
	relabel();
	socket.start();
	route();
	if (wide.matches) chat.focus();
}

function relabel() {
	const { t } = words;
	const name = (b, key) => {
		b.setAttribute("aria-label", t(key));
		b.title = t(key);
	};
	const on = (what) => root.dataset[what] === "on";
	name(ui.listButton, on("list") ? "close_list" : "open_list");
	name(ui.panelButton, on("panel") ? "close_panel" : "open_panel");
	for (const what of ["list", "panel"]) {
		ui[`${what}Button`].setAttribute("aria-expanded", String(on(what)));
		ui[what].inert = !on(what);
	}
	name(ui.closeList, "close_list");
	name(ui.closePanel, "close_panel");
	ui.erase.replaceChildren(icon("trash", 15), t("erase"));
	name(ui.newSmall, "new_thread");
	name(ui.settings, "settings");
	ui.newButton.replaceChildren(icon("plus", 17), t("new_thread"));
	ui.list.setAttribute("aria-label", t("threads"));
	ui.panel.setAttribute("aria-label", t("panel"));
	ui.panelTitle.textContent = t("panel");
	ui.who.textContent = session.person?.name || "";
	list.relabel(words);
	panel.relabel(words);
	name(ui.menu, "thread_menu");
	setupChats();
	retitle();
}

function setupChats() {
	const more = { socket, words, person: session.person, drafts, forks };
	chat.setup({ ...more, notice: page.ai_notice });
	beside.setup(more);
}

function retitle() {
	const title = current ? list.title(current) : "";
	const item = list.items.get(current);
	const all = current ? list.forks(current) : [];
	ui.title.textContent = title || words.t("untitled");
	document.title = title ? `${title} · Eddy` : "Eddy";
	ui.menu.hidden = !item || !forks.on();
	ui.forks.hidden = !all.length;
	ui.forks.replaceChildren(icon("fork", 16), words.number(all.length));
	ui.forks.setAttribute("aria-label", words.t("forks_n", { n: all.length }));
	ui.forks.title = words.t("forks_n", { n: all.length });
	ui.erase.hidden = !current || !socket.features.includes("threads") || !!threads.get(current)?.empty;
}

function toggle(what, to = root.dataset[what] !== "on") {
	const was = root.dataset[what] === "on";
	if (was === to) return;
	root.dataset[what] = to ? "on" : "off";
	if (what === "list" ? wide.matches : docked.matches) keep.set(what, to ? "on" : "off");
	else if (to) toggle(what === "list" ? "panel" : "list", false);
	relabel();
	if (to && what === "panel") askHistory();
	const inside = ui[what];
	if (to && !(what === "list" ? wide : docked).matches) inside.querySelector("button")?.focus();
	if (!to && (document.activeElement === document.body || inside.contains(document.activeElement))) ui[`${what}Button`].focus();
}

/* What the chats ask about side threads. */
const forks = {
	on: () => socket.features.includes("forks"),
	may: (thread) => forks.on() && !list.items.get(thread)?.fork && !threads.get(thread)?.fresh,
	about: (thread, message) => list.forks(thread).filter((f) => f.fork.about === message),
	active: (thread) => {
		const item = list.items.get(thread);
		return !item?.fork || item.fork.state === "active";
	},
	open: (thread) => go(thread),
	go: (href) => {
		const url = new URL(href, location.href);
		if (url.origin !== location.origin || url.pathname !== location.pathname || !ADDRESS.test(url.hash)) return false;
		follow(url.hash);
		return true;
	},
	async start(thread, m) {
		const { t } = words;
		const topic = await askText(document.body, { title: t("fork_from"), text: m.text.replace(/\s+/g, " ").slice(0, 200), label: t("topic"), max: 120, yes: t("fork_start"), no: t("cancel") });
		if (!topic) return;
		begun = { thread, about: m.message, at: Date.now() };
		socket.act(command(thread, `fork: ${topic}`, m.message));
	},
};

function listForks() {
	openMenu(ui.forks, words.t("forks"), list.forks(current).map((f) => ({ icon: f.fork.state === "resolved" ? "check" : "fork", label: `#${f.fork.n} ${f.title || ""}`, note: words.t(`fork_${f.fork.state}`), run: () => go(f.thread) })));
}

/* What the list may not have: side threads of this conversation, and itself, if it is an old one. */
function askForks() {
	if (!current || !forks.on() || threads.get(current)?.fresh) return;
	socket.request({ type: "threads", of: current, limit: 100 });
	if (!list.items.has(current)) socket.request({ type: "threads", only: current });
}

function forksChanged(f) {
	const item = list.items.get(current);
	if (f.type === "thread") return; // a message
	if (item?.fork) return follow(location.hash, true); // now we know what it is
	chat.refresh();
	if (beside.thread) {
		beside.relabel(list.items.get(beside.thread));
		beside.chat.refresh();
	}
	if (f.type === "fork.created" && begun && f.fork?.of === begun.thread && f.fork.about === begun.about && Date.now() - begun.at < BEGUN_MS) {
		begun = null;
		if (f.fork.of === current) go(f.thread);
	}
	retitle();
}

const overlaid = () => (root.dataset.panel === "on" && !docked.matches ? "panel" : root.dataset.list === "on" && !wide.matches ? "list" : null);

// ---- conversations ----

function route() {
	const [, id, fork, message] = ADDRESS.exec(location.hash) || [];
	show(id?.toLowerCase() || null, fork?.toLowerCase() || null, message);
}

/* ${replace}: the address that one came by is another name of it. */
function follow(hash, replace = false) {
	history[replace ? "replaceState" : "pushState"](null, "", hash);
	route();
}

/* Of a side thread we may know only its own name: it stands beside the one that it left. */
function show(id, fork, message) {
	const of = id && !fork && list.items.get(id)?.fork?.of;
	if (of) {
		[id, fork] = [of, id];
		history.replaceState(null, "", address(id, fork));
	}
	if (id || !threads.get(current)?.fresh || !threads.get(current).empty) open(id || uuid(), !id);
	if (fork) openFork(fork);
	else closeFork(true);
	const where = fork ? beside.chat : chat;
	if (message) {
		let name = message;
		try {
			name = decodeURIComponent(message);
		} catch {
			/* then it is one as it stands */
		}
		history.replaceState(null, "", address(id, fork));
		where.jump(name);
	}
}

const address = (id, fork) => (id ? `#/t/${id}${fork ? `/f/${fork}` : ""}` : location.pathname);

function go(id, message) {
	const of = id && list.items.get(id)?.fork?.of;
	if (!wide.matches) toggle("list", false);
	if (!message && !of && !beside.thread && ((id && id === current) || (!id && threads.get(current)?.fresh && threads.get(current).empty))) return rest();
	history.pushState(null, "", of ? address(of, id) : address(id));
	show(of || id, of ? id : null, message);
	if (!message) rest(of);
}

function openFork(id) {
	if (beside.thread === id) return;
	if (beside.thread) socket.unsubscribe(beside.thread);
	if (!docked.matches) toggle("panel", false);
	const thread = remember(id, false);
	beside.show(thread, list.items.get(id));
	socket.subscribe(id);
	root.dataset.beside = "on";
	ui.talk.inert = !roomy.matches;
	list.select(current, id);
}

/* ${stay}: the address says so already, and the focus is where it should be. */
function closeFork(stay = false) {
	if (!beside.thread) return;
	const id = beside.thread;
	const inside = beside.el.contains(document.activeElement);
	socket.unsubscribe(id);
	beside.hide();
	delete root.dataset.beside;
	ui.talk.inert = false;
	list.select(threads.get(current)?.fresh ? null : current);
	if (stay) return;
	history.pushState(null, "", address(current));
	if (inside) chat.toFork(id);
}

/* Where one goes on: the box, but no keyboard springs up on a telephone that only looks. */
function rest(inFork = !!beside.thread) {
	const c = inFork ? beside.chat : chat;
	if (coarse.matches) c.look();
	else c.focus();
}

/* The Thread with this name, the last to be forgotten. */
function remember(id, fresh) {
	const thread = threads.get(id) || new Thread(id);
	threads.delete(id);
	threads.set(id, thread);
	thread.fresh = fresh && thread.empty;
	for (const old of [...threads.keys()].slice(0, -THREADS_KEPT)) {
		if (old === current || old === beside.thread) continue;
		threads.delete(old);
		socket.forget(old);
	}
	for (const item of socket.outbox.values()) if (item.frame.thread === id && !thread.local.has(item.client_id)) thread.apply({ type: "local.outbox", item: { ...item } });
	return thread;
}

function open(id, fresh) {
	if (id === current) return;
	if (current) socket.unsubscribe(current);
	if (beside.thread === id) closeFork(true);
	const thread = remember(id, fresh);
	current = id;
	socket.subscribe(id);
	list.select(fresh ? null : id);
	panel.clear();
	chat.show(thread);
	retitle();
	askForks();
	askHistory();
}

const askHistory = () => current && !threads.get(current).fresh && root.dataset.panel === "on" && socket.features.includes("threads") && socket.request({ type: "history", thread: current });
let historyTimer;

async function erase() {
	const { t } = words;
	if (await ask(document.body, { title: t("erase_ask"), text: t("erase_more"), yes: t("erase"), no: t("cancel") })) socket.act({ type: "erase", thread: current });
}

function frame(f) {
	if (f.type === "local.state" && f.state === "denied") return showLogin();
	if (f.type === "welcome") {
		session.person = f.person || session.person;
		ui.who.textContent = session.person?.name || "";
		if (chat.person?.name !== session.person?.name) setupChats();
		if ((f.features || []).includes("threads")) queueMicrotask(() => socket && (list.refresh(), askForks(), retitle()));
	}
	const gone = f.type === "erased" ? list.forks(f.thread).map((i) => i.thread) : []; // its side threads with it
	list.frame(f);
	if (f.type === "threads" || f.type === "thread" || f.type === "thread.updated" || f.type.startsWith("fork.")) forksChanged(f);
	if (f.type === "erased") {
		for (const t of [f.thread, ...gone]) threads.delete(t);
		if (f.thread === beside.thread || gone.includes(beside.thread)) closeFork();
		if (f.thread === current) {
			current = null;
			go(null);
		}
		return drafts.set(f.thread, null);
	}
	const thread = f.thread || f.item?.frame?.thread;
	if (f.type === "local.outbox" && f.item.state === "sending" && f.item.frame.type === "send") said(f.item.frame);
	if (thread && thread !== current && thread !== beside.thread && f.type.startsWith("local.")) threads.get(thread)?.apply(f);
	chat.frame(f);
	if (beside.thread || f.type === "welcome") beside.chat.frame(f);
	if (thread && thread === current) {
		if (panel.frame(f)) {
			clearTimeout(historyTimer);
			historyTimer = setTimeout(askHistory, 400);
		}
		if (f.type === "subscribed") {
			retitle();
			askHistory();
		}
		if (f.type === "message" && f.author?.kind === "person" && !list.title(thread)) list.touch(thread, f.text);
	}
	if (f.type === "threads" || f.type === "thread" || f.type === "local.outbox") retitle();
}

/* The first words make a new conversation a real one, with an address of its own. */
function said({ thread, text }) {
	const t = threads.get(thread);
	list.touch(thread, text);
	if (t?.fresh && thread === current) {
		t.fresh = false;
		history.replaceState(null, "", `#/t/${thread}`);
		list.select(thread);
	}
}

// ---- settings ----

function settings() {
	const { t } = words;
	const pick = (label, key, options) => {
		const id = `set-${key}`;
		const select = h("select", { id, onchange: () => {
			keep.set(key, select.value === "auto" ? null : select.value);
			changed(key);
		} }, Object.entries(options).map(([v, text]) => h("option", { value: v, selected: (keep.get(key) || "auto") === v, lang: key === "language" && v !== "auto" && v }, text)));
		return h("div", { class: "field" }, h("label", { for: id }, label), select);
	};
	const dialog = h("dialog", { class: "settings", "aria-labelledby": "settings-title" },
		h("form", { method: "dialog", class: "bar" }, h("h2", { id: "settings-title" }, t("settings")), h("button", { class: "tool", "aria-label": t("close"), title: t("close") }, icon("close"))),
		pick(t("theme"), "theme", { auto: t("theme_auto"), light: t("theme_light"), dark: t("theme_dark") }),
		pick(t("language"), "language", { auto: t("language_auto"), ...languages }),
		h("div", { class: "line" }, h("button", { type: "button", class: "button", onclick: async () => {
			dialog.close();
			(await import("./account.js")).accountDialog({ words, session, passwords: !!page.login?.password });
		} }, t("logins"))),
		h("div", { class: "line" }, h("button", { type: "button", class: "button", onclick: () => (dialog.close(), logOut(false)) }, t("log_out")),
			h("button", { type: "button", class: "button danger", onclick: () => (dialog.close(), logOut(true)) }, t("log_out_all"))));
	dialog.addEventListener("close", () => dialog.remove());
	dialog.addEventListener("click", (e) => e.target === dialog && dialog.close());
	document.body.append(dialog);
	dialog.showModal();
}

async function changed(key) {
	if (key === "theme") applyLook();
	if (key === "language" || key === "dir") {
		await applyLanguage();
		if (chat) {
			const old = document.querySelector("dialog.settings");
			relabel();
			if (old) {
				old.close();
				old.remove(); // its fields have the same names
				settings();
				document.getElementById("set-language")?.focus();
			}
		} else showLogin();
	}
}

// ---- from outside ----

addEventListener("storage", (e) => {
	const key = e.key?.startsWith("eddy.") ? e.key.slice(5) : null;
	if (!key) return;
	memory.delete(key);
	if (["theme", "language", "dir"].includes(key)) changed(key);
	else if (key.startsWith("draft.") && chat) for (const c of [chat, beside.chat]) c.draft(key.slice(6), e.newValue);
});
addEventListener("online", () => leave().catch(() => {}));
/* The code in the address, which it must not stay in. */
function arrival() {
	const code = /(?:login|mail|password)=/.test(location.hash) ? Session.code(location.hash) : null;
	const asks = /mail=/.test(location.hash) ? showConfirm : /password=/.test(location.hash) ? showChoose : null;
	if (code) history.replaceState(null, "", location.pathname);
	return { code, asks };
}
addEventListener("hashchange", () => {
	const { code, asks } = arrival();
	if (code && asks) asks(code);
	else if (code) logIn(code);
	else if (chat) route();
});
addEventListener("keydown", (e) => {
	if (!chat || e.isComposing) return;
	if ((e.ctrlKey || e.metaKey) && !e.shiftKey && !e.altKey && e.key.toLowerCase() === "k") {
		e.preventDefault();
		toggle("list", true);
		list.search.focus();
	} else if (e.key === "Escape" && !e.defaultPrevented && (overlaid() || beside.thread) && !e.composedPath().some((x) => x.localName === "dialog")) {
		if (overlaid()) toggle(overlaid(), false);
		else closeFork();
	}
});
roomy.addEventListener("change", () => ui.talk && (ui.talk.inert = !!beside.thread && !roomy.matches));
for (const m of [wide, docked])
	m.addEventListener("change", () => {
		if (!chat) return;
		root.dataset.list = wide.matches && keep.get("list") !== "off" ? "on" : "off";
		root.dataset.panel = docked.matches && keep.get("panel") === "on" ? "on" : "off";
		relabel();
	});

async function start() {
	applyLook();
	const { code, asks } = arrival();
	const about = fetch("/api/page", { credentials: "same-origin" }).then((r) => (r.ok ? r.json() : {})).catch(() => ({}));
	const entering = code && asks ? null : enter(code);
	entering?.catch(() => {});
	await applyLanguage();
	page = await about;
	if (code && asks) asks(code);
	else await logIn(code, entering);
	if (chat) relabel();
}
start();
