/* The widget's words: English, and one more file of the few lines that it needs where the page speaks another language. */
import en from "./widget-lang/en.js";

const files = {
	de: () => import("./widget-lang/de.js"),
	fr: () => import("./widget-lang/fr.js"),
	es: () => import("./widget-lang/es.js"),
	ja: () => import("./widget-lang/ja.js"),
};

/** Gives t(key, values) in ${language}; t.locale is for times, t.dir says where its lines begin. */
export async function words(language) {
	const texts = await files[language]?.().catch(() => null); // English is better than nothing
	const locale = texts ? language : "en";
	const t = (key, values = {}) => {
		let text = texts?.default[key] ?? en[key] ?? key;
		if (text.other) text = text[new Intl.PluralRules(locale).select(values.n)] ?? text.other;
		return text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
	};
	t.locale = locale;
	t.dir = /^(ar|fa|he|ur)/.test(locale) ? "rtl" : "ltr";
	return t;
}
