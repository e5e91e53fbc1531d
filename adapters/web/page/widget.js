/*
 * The loader of the widget: one small script on somebody's page.  It draws the button and gives the page its one global name; the rest
 * (widget-app.js) comes with the first use, or at once where a conversation is stored.  docs/embedding.md is its manual.
 */
(() => {
	const script = document.currentScript;
	if (window.Eddy || !script) return; // the first one on a page counts
	const set = script.dataset;
	const base = new URL("./", script.src);
	const key = `eddy.widget.${base.host}${base.pathname.slice(0, -1)}`;
	const language = (set.eddyLang || document.documentElement.lang || navigator.language || "en").slice(0, 2).toLowerCase();

	/* Inside a shadow root an important rule is stronger than whatever the page says of our element. */
	const sheet = new CSSStyleSheet();
	sheet.replaceSync(`
:host {
	all: initial !important;
	position: fixed !important;
	inset-block-end: max(var(--eddy-gap, 20px), env(safe-area-inset-bottom)) !important;
	inset-inline-end: max(var(--eddy-gap, 20px), env(safe-area-inset-right)) !important;
	z-index: var(--eddy-layer, 2147483000) !important;
	display: block !important;
}
:host([side="start"]) {
	inset-inline: max(var(--eddy-gap, 20px), env(safe-area-inset-left)) auto !important;
}
.launcher {
	all: initial;
	position: relative;
	display: grid;
	place-items: center;
	width: 56px;
	height: 56px;
	border-radius: 50%;
	background: var(--eddy-launcher, var(--eddy-accent, #0b6670));
	color: var(--eddy-on-launcher, var(--eddy-on-accent, #fff));
	cursor: pointer;
	box-shadow: 0 4px 16px rgb(0 0 0 / .22), 0 1px 3px rgb(0 0 0 / .2);
}
.launcher[hidden] { display: none; }
.launcher:hover { filter: brightness(1.1); }
.launcher:focus-visible { box-shadow: 0 0 0 2px #fff, 0 0 0 4px #1b2123, 0 0 0 6px #fff; }
.launcher svg { fill: none; stroke: currentColor; stroke-width: 2.6; stroke-linecap: round; }
.launcher[aria-busy] svg { animation: turn 1s linear infinite; }
@keyframes turn { to { rotate: 1turn; } }
@media (prefers-reduced-motion) { .launcher svg { animation: none !important; opacity: .6; } }
@media print { :host { display: none !important; } }
@media (forced-colors: active) { .launcher { border: 2px solid; } }
`);

	const node = (parent, name, attributes) => {
		const n = document.createElementNS(name === "button" ? "http://www.w3.org/1999/xhtml" : "http://www.w3.org/2000/svg", name);
		for (const k in attributes) n.setAttribute(k, attributes[k]);
		parent.append(n);
		return n;
	};
	if (!customElements.get("eddy-widget"))
		customElements.define("eddy-widget", class extends HTMLElement {
			disconnectedCallback() {
				this.gone?.();
			}
		});
	const host = document.createElement("eddy-widget");
	const root = host.attachShadow({ mode: "open" });
	root.adoptedStyleSheets = [sheet];
	if (set.eddySide) host.setAttribute("side", set.eddySide);
	const label = { de: "Chat öffnen", fr: "Ouvrir le chat", es: "Abrir el chat", ja: "チャットを開く" }[language] || "Open the chat";
	const button = node(root, "button", { type: "button", class: "launcher", part: "launcher", "aria-label": label, "aria-haspopup": "dialog", "aria-expanded": false });
	const mark = node(button, "svg", { viewBox: "0 0 32 32", width: 32, height: 32, "aria-hidden": true });
	node(mark, "path", { d: "M3 9c8-5 22-4 24 6 1.5 8-6 12.5-12 11S7 18 12 15s9 1 7 5" });
	node(mark, "path", { d: "M3 15c3-2 5-3 8-3.5" });
	button.hidden = set.eddyLauncher === "off";

	/* A page that throws our element away with its own gets it back; one that keeps at it wins. */
	let back = 50;
	const put = () => host.gone && !host.isConnected && document.body?.append(host);
	host.gone = () => back-- > 0 && setTimeout(put);
	document.body ? put() : addEventListener("DOMContentLoaded", put);

	const at = { host, root, button, base, key, set, language };
	let app;
	let coming;
	const load = () =>
		(coming ||= import(new URL("./widget-app.js", base)).then( // absolute: the script of another origin has no base of its own
			(m) => host.gone && (app = new m.Widget(at)),
			(e) => (console.warn("Eddy:", e), (coming = null)), // the next press tries again
		));
	const open = async () => {
		button.setAttribute("aria-busy", true);
		await load();
		button.removeAttribute("aria-busy");
		await app?.open();
	};
	button.addEventListener("pointerenter", load); // it will be wanted in a moment
	button.addEventListener("click", () => (app?.shown ? app.close() : open()));
	const Eddy = {
		open,
		close: () => app?.close(),
		identify(who) {
			at.who = who;
			app?.identify(who);
		},
		destroy(how) {
			host.gone = null;
			app?.destroy(how);
			host.remove();
			if (window.Eddy === Eddy) delete window.Eddy;
		},
	};
	Object.defineProperty(window, "Eddy", { value: Object.freeze(Eddy), configurable: true });
	dispatchEvent(new Event("eddy-ready"));
	try {
		for (const s of [localStorage, sessionStorage]) if (s[key] || s[`${key}.id`]) load();
	} catch {
		/* no storage: nothing is stored */
	}
})();
