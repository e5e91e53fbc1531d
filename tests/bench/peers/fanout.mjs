// The yardsticks of scripts/bench-fanout: a server on npm ws or on socket.io that sends every message it gets to all.  fanout.mjs ws|sio
import { createServer } from 'node:http';

const up = (server) => server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port} -`));
process.stdin.resume().on('end', () => process.exit(0));
const http = createServer();
if (process.argv[2] === 'sio') {
	const { Server } = await import('socket.io');
	const io = new Server(http, { serveClient: false });
	io.on('connection', (socket) => socket.on('m', (m) => io.emit('m', m)));
} else {
	const { WebSocketServer } = await import('ws');
	const wss = new WebSocketServer({ server: http });
	wss.on('connection', (c) => c.on('message', (m, binary) => {
		for (const other of wss.clients) other.send(m, { binary });
	}));
}
up(http);
