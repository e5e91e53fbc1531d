/*
 * Who is logged in.  A code from the terminal (in the fragment, so that no server log has it) or the cookie of an earlier log-in gives a
 * token of a few minutes, which lives in memory only.  Tabs take turns at refreshing, since each refresh changes the cookie.
 */
const SPARE_MS = 60000; // a token is renewed so long before it ends

async function post(path, body = {}, more = {}) {
	const r = await fetch(path, { method: "POST", headers: { "content-type": "application/json", "x-eddy": "1", ...more }, body: JSON.stringify(body), credentials: "same-origin", cache: "no-store" });
	if (r.ok) return r.status === 204 ? {} : r.json();
	const { field } = await r.json().catch(() => ({}));
	throw Object.assign(new Error(`${path}: ${r.status}`), { status: r.status, field, denied: r.status >= 400 && r.status < 500 && r.status !== 429 && r.status !== 408 });
}

export class Session {
	constructor() {
		this.token = null;
		this.until = 0;
		this.person = null;
	}

	/** The code in this address or text, or null: a link, or what follows "login=" (from a mail: "mail="). */
	static code(text) {
		return /(?:^|[#&?])(?:login|mail|password)=([\w-]{16,128})/.exec(text)?.[1] || /^[\w-]{16,128}$/.exec(text.trim())?.[0] || null;
	}

	/** Ask for a link by mail.  What is answered does not tell whether anybody is known by that address. */
	async mail(address) {
		await post("/api/login/mail", { address });
	}

	async logIn(code) {
		this.#take(await post("/api/login", { code }));
	}

	async logInWith(name, password) {
		this.#take(await post("/api/login/password", { name, password }));
	}

	/** By the code of an admin's link. */
	async setPassword(code, password) {
		this.#take(await post("/api/login/password-link", { code, password }));
	}

	/** A procedure of the API, as who is logged in. */
	async call(name, args) {
		return post(`/api/v1/${name}`, args, { authorization: `Bearer ${await this.fresh()}` });
	}

	/** A token that lives for a while.  Throws {denied} when nobody is logged in. */
	async fresh(force) {
		if (!force && this.token && performance.now() < this.until) return this.token;
		const had = this.token;
		const turn = async () => {
			if (this.token === had) this.#take(await post("/api/refresh"));
		};
		await (globalThis.navigator?.locks ? navigator.locks.request("eddy.refresh", turn) : turn());
		return this.token;
	}

	async logOut(everywhere) {
		this.token = null;
		await post(everywhere ? "/api/logout-all" : "/api/logout");
	}

	#take(answer) {
		this.token = answer.token;
		this.person = answer.person || this.person;
		this.until = performance.now() + Math.max(10, answer.expires_in || 600) * 1000 - SPARE_MS;
	}
}
