// What stands between a client and the daemon: one port on which every connection can be cut, frozen or refused.  With script(), websockets
// are answered by the test instead, while pages still come from the daemon; with web(request, response) the test answers HTTP too.
import net from 'node:net';
import http from 'node:http';
import { WebSocketServer } from 'ws';

export class Front {
	static async open(target) {
		const f = new Front();
		f.target = target; // the daemon's port
		f.lines = new Set(); // websockets: {client, server, frozen}
		f.others = new Set();
		f.refuse = false;
		f.refused = 0;
		f.upgrades = 0;
		f.inner = http.createServer((q, r) => (f.web ? f.web(q, r) : r.writeHead(426).end()));
		f.ws = new WebSocketServer({ server: f.inner, handleProtocols: () => 'eddy.v1', perMessageDeflate: false });
		f.ws.on('connection', (s) => f.player?.(s));
		f.server = net.createServer({ noDelay: true }, (c) => f.#take(c));
		await new Promise((done) => f.server.listen(0, '127.0.0.1', done));
		f.port = f.server.address().port;
		f.origin = `http://127.0.0.1:${f.port}`;
		return f;
	}

	/** From here on player(socket) answers websockets; null: the daemon does. */
	script(player) {
		this.player = player;
		this.cut();
	}

	/** Ends all websockets at once. */
	cut() {
		for (const l of [...this.lines]) this.#end(l);
	}

	/** Ends one of them: which(n) picks. */
	cutOne(which) {
		const all = [...this.lines];
		if (!all.length) return false;
		this.#end(all[which(all.length)]);
		return true;
	}

	/** A line on which nothing arrives any more, in neither direction, and nobody says so: what a sleeping laptop leaves behind. */
	freezeOne(which) {
		const all = [...this.lines].filter((l) => !l.frozen);
		if (!all.length) return false;
		const l = all[which(all.length)];
		l.frozen = true;
		for (const s of [l.client, l.server]) {
			s?.unpipe();
			s?.on('data', () => {});
		}
		return true;
	}

	/** No network: what is open ends, what is new is refused. */
	down() {
		this.refuse = true;
		for (const s of this.others) s.destroy();
		this.cut();
	}

	up() {
		this.refuse = false;
	}

	close() {
		this.down();
		this.server.close();
		this.inner.close();
	}

	#end(l) {
		this.lines.delete(l);
		for (const s of [l.client, l.server]) s?.resetAndDestroy();
	}

	#take(client) {
		client.on('error', () => {});
		if (this.refuse) {
			this.refused++;
			return client.resetAndDestroy();
		}
		client.once('data', (head) => {
			client.pause();
			client.unshift(head);
			const upgrade = /^GET [^\r]*\r\n(?:[^\r]*\r\n)*?upgrade: *websocket/i.test(head.toString('latin1'));
			if (!upgrade && this.web) {
				this.others.add(client);
				client.on('close', () => this.others.delete(client));
				this.inner.emit('connection', client);
				return client.resume();
			}
			if (!upgrade) return this.#pass(client, { client }, this.others);
			this.upgrades++;
			const line = { client };
			this.lines.add(line);
			client.on('close', () => this.lines.delete(line));
			if (!this.player) return this.#pass(client, line);
			this.inner.emit('connection', client);
			client.resume();
		});
	}

	#pass(client, line, set) {
		const server = net.connect({ port: this.target, host: '127.0.0.1', noDelay: true });
		line.server = server;
		set?.add(client);
		server.on('error', () => client.destroy());
		client.on('close', () => {
			set?.delete(client);
			if (!line.frozen) server.destroy();
		});
		server.on('close', () => !line.frozen && client.destroy());
		server.on('end', () => !line.frozen && client.end());
		client.pipe(server, { end: false });
		server.pipe(client, { end: false });
	}
}
