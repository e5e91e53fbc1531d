// A site with log-in that tells Eddy who its visitor is.  Node 18 or newer, no packages:
//   EDDY_URL=https://eddy.example EDDY_IDENTITY_KEY=… node server.mjs
// The key is the one in web.widget.identity_key; it never leaves this server.
import crypto from "node:crypto";
import http from "node:http";

const eddy = process.env.EDDY_URL ?? "https://eddy.example";
const key = process.env.EDDY_IDENTITY_KEY;
const port = Number(process.env.PORT ?? 8000);
if (!key || key.length < 32) throw new Error("EDDY_IDENTITY_KEY must have at least 32 characters");

const people = { ann: "Ann Example", ben: "Ben Example" }; // whoever may log in here; a real site asks its database, and for a password
const sessions = new Map(); // cookie → person

const base64url = (text) => Buffer.from(text).toString("base64url");

/** Five minutes in which the bearer is ${id}, for Eddy alone, for one browser tab. */
function sign(id) {
	const now = Math.floor(Date.now() / 1000);
	const claims = { sub: id, name: people[id], aud: new URL(eddy).origin, iat: now, exp: now + 300, jti: crypto.randomUUID() };
	const text = `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url(JSON.stringify(claims))}`;
	return `${text}.${crypto.createHmac("sha256", key).update(text).digest("base64url")}`;
}

const page = (person) => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Rivermill library</title></head>
<body>
<h1>Rivermill library</h1>
${
	person
		? `<p>You are logged in as ${people[person]}.</p><form method="post" action="/logout"><button>Log out</button></form>`
		: `<form method="post" action="/login"><label>Who are you? <select name="id">${Object.entries(people).map(([id, name]) => `<option value="${id}">${name}</option>`).join("")}</select></label> <button>Log in</button></form>`
}
<script async src="${eddy}/widget.js" data-eddy-identity="/eddy-token"></script>
</body>
</html>`;

http.createServer(async (request, response) => {
	const session = /(?:^|; )session=([\w-]+)/.exec(request.headers.cookie ?? "")?.[1];
	const person = sessions.get(session);
	const answer = (status, body, headers) => response.writeHead(status, headers).end(body);
	// The widget asks here whenever it needs a token.  It comes from this page only: the cookie is SameSite, and no other origin may read the answer.
	if (request.url === "/eddy-token" && request.method === "GET")
		return person ? answer(200, JSON.stringify({ token: sign(person) }), { "content-type": "application/json", "cache-control": "no-store" }) : answer(204);
	if (request.url === "/login" && request.method === "POST") {
		let body = "";
		for await (const part of request) if ((body += part).length > 1000) return answer(413);
		const id = new URLSearchParams(body).get("id");
		if (!Object.hasOwn(people, id)) return answer(403);
		const cookie = crypto.randomUUID();
		sessions.set(cookie, id);
		return answer(303, "", { location: "/", "set-cookie": `session=${cookie}; Path=/; HttpOnly; SameSite=Strict` });
	}
	if (request.url === "/logout" && request.method === "POST") {
		sessions.delete(session);
		return answer(303, "", { location: "/", "set-cookie": "session=; Path=/; Max-Age=0" });
	}
	if (request.url === "/" && request.method === "GET") return answer(200, page(person), { "content-type": "text/html; charset=utf-8" });
	return answer(404);
}).listen(port, "127.0.0.1", function () {
	console.log(`http://127.0.0.1:${this.address().port}/`);
});
