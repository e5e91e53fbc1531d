/*
 * Words, numbers and times in the reader's language, which comes as one file; the others are not fetched.  A text may be an object of plural forms ({one, other}); {name} in a text is filled in.
 */
const files = {
	en: () => import("./lang/en.js"),
	de: () => import("./lang/de.js"),
	fr: () => import("./lang/fr.js"),
	es: () => import("./lang/es.js"),
	ja: () => import("./lang/ja.js"),
};
/** Languages by their own names. */
export const languages = { en: "English", de: "Deutsch", fr: "Français", es: "Español", ja: "日本語" };
const RTL = new Set(["ar", "fa", "he", "ur", "ps", "yi"]);

export class Words {
	constructor(language, texts, locale = language) {
		this.language = language;
		this.texts = texts;
		this.locale = locale;
		this.plural = new Intl.PluralRules(language);
		this.made = new Map();
		this.t = this.t.bind(this);
	}

	/** Words for ${wanted} (a BCP 47 tag or "auto"); an unknown language gives English. */
	static async load(wanted) {
		const tags = wanted && wanted !== "auto" ? [wanted] : [...(globalThis.navigator?.languages || ["en"])];
		for (const tag of tags) {
			const language = String(tag).toLowerCase().split("-")[0];
			if (!files[language]) continue;
			try {
				return new Words(language, (await files[language]()).default, Words.#locale(tag));
			} catch {
				break; // the file did not come: English may
			}
		}
		return new Words("en", (await files.en()).default, Words.#locale("en"));
	}

	/* Dates and numbers follow the reader's region where the language is the same. */
	static #locale(tag) {
		const language = String(tag).split("-")[0];
		try {
			return Intl.getCanonicalLocales((globalThis.navigator?.languages || []).find((l) => l.split("-")[0] === language) || tag)[0];
		} catch {
			return "en";
		}
	}

	get dir() {
		return RTL.has(this.language) ? "rtl" : "ltr";
	}

	t(key, values = {}) {
		let text = this.texts[key] ?? key;
		if (typeof text === "object") text = text[this.plural.select(values.n ?? 0)] ?? text.other;
		return text.replace(/\{(\w+)\}/g, (all, name) => {
			const v = values[name];
			return v === undefined ? all : typeof v === "number" ? this.number(v) : String(v);
		});
	}

	#format(kind, options, make) {
		const key = kind + JSON.stringify(options);
		if (!this.made.has(key)) this.made.set(key, make());
		return this.made.get(key);
	}

	number(n, options = {}) {
		return this.#format("n", options, () => new Intl.NumberFormat(this.locale, options)).format(n);
	}

	date(ms, options) {
		return this.#format("d", options, () => new Intl.DateTimeFormat(this.locale, options)).format(new Date(ms));
	}

	clock(ms) {
		return this.date(ms, { hour: "numeric", minute: "2-digit" });
	}

	full(ms) {
		return this.date(ms, { dateStyle: "full", timeStyle: "medium" });
	}

	/** "today", "yesterday", a weekday within the week, a date before that. */
	day(ms, now = Date.now()) {
		const midnight = (x) => new Date(x).setHours(0, 0, 0, 0);
		const days = Math.round((midnight(ms) - midnight(now)) / 86400000);
		let text;
		if (days === 0 || days === -1) text = this.#format("r", {}, () => new Intl.RelativeTimeFormat(this.locale, { numeric: "auto" })).format(days, "day");
		else if (days < 0 && days > -7) text = this.date(ms, { weekday: "long" });
		else text = this.date(ms, new Date(ms).getFullYear() === new Date(now).getFullYear() ? { day: "numeric", month: "long" } : { dateStyle: "long" });
		return text.charAt(0).toLocaleUpperCase(this.locale) + text.slice(1); // it stands as a heading
	}

	/** The heading over what is as old as this: days for a week, months before that. */
	group(ms, now = Date.now()) {
		if (now - ms < 6 * 86400000) return this.day(ms, now);
		const sameYear = new Date(ms).getFullYear() === new Date(now).getFullYear();
		const text = this.date(ms, sameYear ? { month: "long" } : { month: "long", year: "numeric" });
		return text.charAt(0).toLocaleUpperCase(this.locale) + text.slice(1);
	}

	/** A span: 340 ms, 2.3 s, 1 min 5 s. */
	span(ms) {
		const unit = (n, u, digits = 0) => this.number(n, { style: "unit", unit: u, unitDisplay: "short", maximumFractionDigits: digits });
		if (ms < 1000) return unit(Math.round(ms), "millisecond");
		if (ms < 60000) return unit(ms / 1000, "second", 1);
		const s = Math.round(ms / 1000);
		return `${unit(Math.floor(s / 60), "minute")} ${unit(s % 60, "second")}`;
	}

	/** Millionths of a dollar. */
	money(micros) {
		const n = micros / 1e6;
		return this.number(n, { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", maximumFractionDigits: n > 0 && n < 0.1 ? 4 : 2 });
	}
}
