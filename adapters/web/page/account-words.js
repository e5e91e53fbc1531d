/* What account.js says; fetched with it, since most never need it. */
export const words = {
	en: {
		name: "Mail address or name", password: "Password", show: "Show password", hide: "Hide password", go: "Log in",
		wrong: "This name and this password do not belong together.", busy: "Too many attempts. Please wait, or log in by another way.", offline: "Eddy cannot be reached. Is it running?",
		choose: "Choose a password", hint: "At least 12 characters. A few words that have nothing to do with each other do well.", save: "Save and log in",
		weak: "Too short, too common, or made of your own name. Take a few words that have nothing to do with each other.", used: "This link was used already or is too old. Ask an admin for a new one.",
		title: "Log-ins", fresh: "New password", current: "Present password", change: "Set password", changed: "Your password is set. Your other log-ins have ended.", off: "You log in as {names}.",
		notyours: "The present password is another one.", here: "this one", end: "End", others: "End all others", ended: "Ended.", unknown: "Unknown browser", used_at: "{where} · last used {at}", begun: "since {at}", close: "Close",
	},
	de: {
		name: "Mailadresse oder Name", password: "Passwort", show: "Passwort zeigen", hide: "Passwort verbergen", go: "Anmelden",
		wrong: "Dieser Name und dieses Passwort gehören nicht zusammen.", busy: "Zu viele Versuche. Bitte warten Sie, oder melden Sie sich anders an.", offline: "Eddy ist nicht zu erreichen. Läuft es?",
		choose: "Wählen Sie ein Passwort", hint: "Mindestens 12 Zeichen. Gut sind ein paar Wörter, die nichts miteinander zu tun haben.", save: "Speichern und anmelden",
		weak: "Zu kurz, zu verbreitet oder aus Ihrem Namen gemacht. Nehmen Sie ein paar Wörter, die nichts miteinander zu tun haben.", used: "Dieser Link wurde schon benutzt oder ist zu alt. Bitten Sie um einen neuen.",
		title: "Anmeldungen", fresh: "Neues Passwort", current: "Bisheriges Passwort", change: "Passwort setzen", changed: "Ihr Passwort ist gesetzt. Ihre anderen Anmeldungen sind beendet.", off: "Sie melden sich an als {names}.",
		notyours: "Das bisherige Passwort ist ein anderes.", here: "diese hier", end: "Beenden", others: "Alle anderen beenden", ended: "Beendet.", unknown: "Unbekannter Browser", used_at: "{where} · zuletzt {at}", begun: "seit {at}", close: "Schließen",
	},
	es: {
		name: "Correo o nombre", password: "Contraseña", show: "Mostrar contraseña", hide: "Ocultar contraseña", go: "Entrar",
		wrong: "Este nombre y esta contraseña no van juntos.", busy: "Demasiados intentos. Espera, o entra de otra manera.", offline: "No se puede contactar con Eddy. ¿Está en marcha?",
		choose: "Elige una contraseña", hint: "Al menos 12 caracteres. Van bien unas palabras que no tengan nada que ver entre sí.", save: "Guardar y entrar",
		weak: "Demasiado corta, demasiado común o hecha con tu nombre. Elige unas palabras que no tengan nada que ver entre sí.", used: "Este enlace ya se usó o es demasiado antiguo. Pide otro.",
		title: "Sesiones", fresh: "Contraseña nueva", current: "Contraseña actual", change: "Guardar contraseña", changed: "Tu contraseña está guardada. Tus otras sesiones se han cerrado.", off: "Entras como {names}.",
		notyours: "La contraseña actual es otra.", here: "esta", end: "Cerrar", others: "Cerrar todas las demás", ended: "Cerrada.", unknown: "Navegador desconocido", used_at: "{where} · último uso {at}", begun: "desde {at}", close: "Cerrar",
	},
	fr: {
		name: "Adresse e-mail ou nom", password: "Mot de passe", show: "Afficher le mot de passe", hide: "Masquer le mot de passe", go: "Se connecter",
		wrong: "Ce nom et ce mot de passe ne vont pas ensemble.", busy: "Trop de tentatives. Patientez, ou connectez-vous autrement.", offline: "Eddy est injoignable. Est-il lancé ?",
		choose: "Choisissez un mot de passe", hint: "Au moins 12 caractères. Quelques mots sans rapport entre eux conviennent bien.", save: "Enregistrer et se connecter",
		weak: "Trop court, trop courant ou fait de votre nom. Prenez quelques mots sans rapport entre eux.", used: "Ce lien a déjà servi ou est trop ancien. Demandez-en un nouveau.",
		title: "Connexions", fresh: "Nouveau mot de passe", current: "Mot de passe actuel", change: "Enregistrer", changed: "Votre mot de passe est enregistré. Vos autres connexions sont fermées.", off: "Vous vous connectez comme {names}.",
		notyours: "Le mot de passe actuel est un autre.", here: "celle-ci", end: "Fermer", others: "Fermer toutes les autres", ended: "Fermée.", unknown: "Navigateur inconnu", used_at: "{where} · dernier usage {at}", begun: "depuis {at}", close: "Fermer",
	},
	ja: {
		name: "メールアドレスまたは名前", password: "パスワード", show: "パスワードを表示", hide: "パスワードを隠す", go: "ログイン",
		wrong: "名前とパスワードが一致しません。", busy: "試行が多すぎます。しばらく待つか、別の方法でログインしてください。", offline: "Eddy に接続できません。動いていますか。",
		choose: "パスワードを決める", hint: "12 文字以上。互いに関係のない単語をいくつか並べるとよいでしょう。", save: "保存してログイン",
		weak: "短すぎるか、ありふれているか、名前が含まれています。互いに関係のない単語をいくつか並べてください。", used: "このリンクは使用済みか期限切れです。新しいリンクを依頼してください。",
		title: "ログイン", fresh: "新しいパスワード", current: "現在のパスワード", change: "パスワードを設定", changed: "パスワードを設定しました。ほかのログインは終了しました。", off: "ログイン名: {names}",
		notyours: "現在のパスワードが違います。", here: "この画面", end: "終了", others: "ほかをすべて終了", ended: "終了しました。", unknown: "不明なブラウザー", used_at: "{where} · 最終使用 {at}", begun: "{at} から", close: "閉じる",
	},
};
