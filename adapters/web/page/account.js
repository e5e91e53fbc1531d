/*
 * Passwords, and where somebody is logged in: forms of the log-in page, and a dialog behind the settings.  Fetched when it is needed.
 */
import { words as all } from "./account-words.js";
import { h } from "./dom.js";

const say = (words) => (key, values = {}) => ((all[words.language] || all.en)[key] ?? all.en[key]).replace(/\{(\w+)\}/g, (_, k) => values[k] ?? "");

/* A password, with a button that shows it. */
function secret(t, id, label, complete, more = {}) {
	const input = h("input", { id, type: "password", autocomplete: complete, required: true, maxlength: 256, autocapitalize: "off", spellcheck: "false", dir: "ltr", ...more });
	const eye = h("button", { type: "button", class: "button small", "aria-pressed": "false", "aria-controls": id, onclick: () => {
		const on = input.type === "password";
		input.type = on ? "text" : "password";
		eye.setAttribute("aria-pressed", String(on));
		eye.textContent = t(on ? "hide" : "show");
	} }, t("show"));
	const hide = () => input.type === "text" && eye.click();
	return { input, hide, nodes: [h("label", { for: id }, label), h("div", { class: "line" }, input, eye)] };
}

/* Runs ${f} while the form rests; what it throws is said. */
function onSubmit(form, go, bad, f, problem) {
	form.addEventListener("submit", async (e) => {
		e.preventDefault();
		go.disabled = true;
		bad.textContent = "";
		try {
			await f();
		} catch (error) {
			bad.textContent = problem(error);
		}
		go.disabled = false;
	});
}

/** Log in by name and password; ${done} is called when somebody is in. */
export function passwordForm({ words, session, done }) {
	const t = say(words);
	const name = h("input", { id: "name", type: "text", autocomplete: "username", required: true, maxlength: 320, autocapitalize: "off", spellcheck: "false", dir: "ltr" });
	const pass = secret(t, "password", t("password"), "current-password");
	const go = h("button", { class: "button primary" }, t("go"));
	const bad = h("p", { class: "bad", role: "alert" });
	const form = h("form", { class: "password" }, h("label", { for: "name" }, t("name")), h("div", { class: "line" }, name), ...pass.nodes, h("p", { class: "line" }, go), bad);
	onSubmit(form, go, bad, async () => {
		pass.hide(); // a browser offers to keep what is hidden
		await session.logInWith(name.value.trim(), pass.input.value);
		done();
	}, (e) => t(e.status === 401 ? "wrong" : e.status === 429 ? "busy" : e.denied ? "wrong" : "offline"));
	return form;
}

/** By the link of an admin. */
export function choosePassword({ words, session, code, done }) {
	const t = say(words);
	const pass = secret(t, "new-password", t("fresh"), "new-password", { minlength: 12, "aria-describedby": "new-hint" });
	const go = h("button", { class: "button primary" }, t("save"));
	const bad = h("p", { class: "bad", role: "alert" });
	const form = h("form", { class: "password" }, ...pass.nodes, h("p", { class: "muted small", id: "new-hint" }, t("hint")), h("p", { class: "line" }, go), bad);
	onSubmit(form, go, bad, async () => {
		pass.hide();
		await session.setPassword(code, pass.input.value);
		done();
	}, (e) => t(e.status === 400 ? "weak" : e.status === 429 ? "busy" : e.denied ? "used" : "offline"));
	return [h("h1", null, t("choose")), form];
}

/* ---- the dialog ---- */

function passwordPart(t, session, state, said) {
	const current = state.needs_current ? secret(t, "current-password", t("current"), "current-password") : null;
	const fresh = secret(t, "new-password", t("fresh"), "new-password", { minlength: 12, "aria-describedby": "new-hint" });
	const go = h("button", { class: "button" }, t("change"));
	const form = h("form", { class: "password" }, h("p", { class: "muted small" }, t("off", { names: state.names.join(", ") })),
		h("input", { type: "text", autocomplete: "username", value: state.names[0], readonly: true, hidden: true }),
		...(current ? current.nodes : []), ...fresh.nodes, h("p", { class: "muted small", id: "new-hint" }, t("hint")), h("p", { class: "line" }, go));
	onSubmit(form, go, said, async () => {
		fresh.hide();
		current?.hide();
		await session.call("password.set", { password: fresh.input.value, ...(current ? { current: current.input.value } : {}) });
		form.reset();
		said.textContent = t("changed");
	}, (e) => t(e.status === 429 ? "busy" : e.field === "current" ? "notyours" : e.status === 400 ? "weak" : "offline"));
	return form;
}

function row(t, words, login, end) {
	const at = `${words.day(login.used_ms)}, ${words.clock(login.used_ms)}`;
	const where = login.network || "";
	return h("li", { class: "line" }, h("div", null, h("div", null, login.agent || t("unknown"), login.this ? h("strong", null, ` (${t("here")})`) : null),
		h("div", { class: "muted small" }, t("used_at", { where, at }), " · ", t("begun", { at: words.day(login.begun_ms) }))),
	login.this ? null : h("button", { type: "button", class: "button small", "aria-label": `${t("end")}: ${login.agent || t("unknown")}, ${where}`, onclick: end }, t("end")));
}

/** Where one is logged in, and one's password where passwords are on. */
export async function accountDialog({ words, session, passwords }) {
	const t = say(words);
	const said = h("p", { role: "status" });
	const list = h("ul", { class: "logins" });
	const others = h("button", { type: "button", class: "button danger", onclick: () => end({}) }, t("others"));
	const refresh = async () => {
		const { logins } = await session.call("login.list", {});
		list.replaceChildren(...logins.map((l) => row(t, words, l, () => end({ id: l.id }))));
		others.hidden = logins.filter((l) => !l.this).length === 0;
	};
	const end = async (which) => {
		said.textContent = "";
		try {
			await session.call("login.end", which);
			await refresh();
			said.textContent = t("ended");
		} catch {
			said.textContent = t("offline");
		}
	};
	const part = h("div");
	const dialog = h("dialog", { class: "settings account", "aria-labelledby": "account-title" },
		h("form", { method: "dialog", class: "bar" }, h("h2", { id: "account-title" }, t("title")), h("button", { class: "button small" }, t("close"))),
		list, h("p", { class: "line" }, others), part, said);
	dialog.addEventListener("close", () => dialog.remove());
	document.body.append(dialog);
	dialog.showModal();
	try {
		await refresh();
		const state = passwords ? await session.call("password.get", {}) : {};
		if (state.possible) part.replaceChildren(h("h3", null, t("password")), passwordPart(t, session, state, said));
	} catch {
		said.textContent = t("offline");
	}
	return dialog;
}
