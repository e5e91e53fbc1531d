/*
 * A side thread, open beside the conversation that it left (over it, where there is no room): a conversation of its own, with how it stands and what can
 * be done with it above.  Everything that is done is a command.
 */
import { askText, h, icon, openMenu, tool } from "./dom.js";

/** A command given without a message of one's own; ${about}: the message that it points at. */
export const command = (thread, value, about) => ({ type: "act", thread, action: "command", value, ...(about ? { about } : {}) });

/** What can be done with a conversation: entries of its menu. */
export function threadActs({ socket, words, item, thread, root }) {
	const { t } = words;
	const act = (value) => () => socket.act(command(thread, value));
	const acts = [{ icon: "edit", label: t("rename"), run: async () => {
		const title = await askText(root, { title: t("rename"), label: t("title"), value: item?.title || "", max: 120, yes: t("save"), no: t("cancel") });
		if (title) act(`rename: ${title}`)();
	} }];
	if (item?.fork) {
		if (item.fork.state === "active") acts.push({ icon: "check", label: t("resolve"), run: act("resolve") }, { icon: "close", label: t("abandon"), run: act("abandon") });
		return acts;
	}
	const state = item?.state || "active";
	if (state === "active") acts.push({ icon: "check", label: t("settle"), run: act("mark as resolved") });
	if (state !== "active") acts.push({ icon: "retry", label: t("reopen"), run: act("reopen") });
	if (state !== "archived") acts.push({ icon: "archive", label: t("archive"), run: act("archive") });
	return acts;
}

export class Beside {
	/** close() is asked for by its button; before: what it stands in front of while it is shown. */
	constructor({ close, before }) {
		this.before = before;
		this.chat = document.createElement("eddy-chat");
		this.title = h("h2", { dir: "auto" });
		this.state = h("span", { class: "state" });
		this.menu = tool("more", "", () => openMenu(this.menu, this.words.t("thread_menu"), threadActs({ ...this, root: document.body })), { "aria-haspopup": "menu", "aria-expanded": "false" });
		this.resolve = h("button", { type: "button", class: "button small", onclick: () => this.socket.act(command(this.thread, "resolve")) });
		this.shut = tool("close", "", close);
		this.el = h("section", { class: "beside" }, h("header", { class: "bar" }, icon("fork"), this.title, this.state, this.resolve, this.menu, this.shut), this.chat);
	}

	setup(given) {
		this.given = given;
		Object.assign(this, { socket: given.socket, words: given.words });
		if (this.thread) this.#label();
	}

	#label() {
		const { t } = this.words;
		for (const [b, key] of [[this.menu, "thread_menu"], [this.shut, "close_fork"]]) {
			b.setAttribute("aria-label", t(key));
			b.title = t(key);
		}
		this.resolve.textContent = t("resolve");
		this.chat.setup({ ...this.given, notice: "", blank: false });
		this.relabel();
	}

	/** ${item}: what the list knows of it. */
	show(thread, item) {
		this.thread = thread.id;
		this.item = item;
		this.#label();
		this.before().before(this.el);
		this.chat.show(thread);
		this.relabel();
	}

	relabel(item = this.item) {
		this.item = item;
		const { t } = this.words;
		const n = item?.fork ? t("fork_n", { n: item.fork.n }) : t("fork");
		const state = item?.fork?.state;
		this.title.textContent = item?.title || n;
		this.title.title = item?.title || "";
		this.el.setAttribute("aria-label", item?.title ? `${n}: ${item.title}` : n);
		this.state.textContent = state ? t(`fork_${state}`) : "";
		this.state.className = `state ${state || ""}`;
		this.resolve.hidden = state !== "active";
	}

	hide() {
		this.chat.leave();
		this.el.remove();
		this.thread = null;
	}
}
