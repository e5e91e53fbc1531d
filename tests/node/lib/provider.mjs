// A real log-in service for tests: npm oidc-provider on loopback, which lets in whom the test names, without asking.
import http from 'node:http';
import { createHash } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

const key = async (alg, kid) => ({ ...(await exportJWK((await generateKeyPair(alg, { extractable: true })).privateKey)), alg, kid, use: 'sig' });

export class Service {
	static async open(callbacks, { port = 0, generation = 1, postOnly = false } = {}) {
		const s = new Service();
		s.account = 'ana';
		s.requests = [];
		s.server = http.createServer((q, r) => s.#take(q, r));
		await new Promise((done) => s.server.listen(port, '127.0.0.1', done));
		s.port = s.server.address().port;
		s.issuer = `http://127.0.0.1:${s.port}`;
		const client = (client_id, more = {}) => ({ client_id, client_secret: 'a secret: with + and %', redirect_uris: callbacks, response_types: ['code'], grant_types: ['authorization_code'], ...more });
		s.provider = new Provider(s.issuer, {
			clients: [
				...(postOnly ? [] : [client('eddy'), client('eddy-es', { id_token_signed_response_alg: 'ES256' }), client('eddy-ed', { id_token_signed_response_alg: 'EdDSA' })]),
				client('eddy-post', { token_endpoint_auth_method: 'client_secret_post' }),
			],
			jwks: { keys: [await key('RS256', `rs${generation}`), await key('ES256', `es${generation}`), await key('EdDSA', `ed${generation}`)] },
			...(postOnly && { clientAuthMethods: ['client_secret_post'] }),
			pkce: { required: () => true, methods: ['S256'] },
			cookies: { keys: ['k'] },
			claims: { openid: ['sub', 'https://slack.com/user_id', 'https://slack.com/team_id'], profile: ['name'] },
			conformIdTokenClaims: false,
			enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
			features: { devInteractions: { enabled: false } },
			interactions: { url: (ctx, i) => `/interaction/${i.uid}` },
			findAccount: (ctx, id) => ({
				accountId: id,
				claims: () => ({ sub: id, name: s.name ?? 'Ana Ruiz', ...s.claims }),
			}),
		});
		s.callback = s.provider.callback();
		return s;
	}

	async #take(q, r) {
		this.requests.push(`${q.method} ${new URL(q.url, this.issuer).pathname}`);
		if (!q.url.startsWith('/interaction/')) return this.callback(q, r);
		try {
			const details = await this.provider.interactionDetails(q, r);
			if (this.declines) return await this.provider.interactionFinished(q, r, { error: 'access_denied', error_description: 'no' });
			if (details.prompt.name === 'login') return await this.provider.interactionFinished(q, r, { login: { accountId: this.account } });
			const grant = new this.provider.Grant({ accountId: details.session.accountId, clientId: details.params.client_id });
			grant.addOIDCScope('openid profile');
			return await this.provider.interactionFinished(q, r, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
		} catch (e) {
			r.writeHead(500).end(String(e));
		}
	}

	close() {
		this.server.closeAllConnections();
		return new Promise((done) => this.server.close(done));
	}
}

/** A browser without a screen: follows redirects, keeps cookies for each origin and path. */
export class Walker {
	jar = [];

	async go(url, options = {}) {
		const u = new URL(url);
		const cookies = this.jar.filter((c) => c.origin === u.origin && u.pathname.startsWith(c.path)).map((c) => `${c.name}=${c.value}`).join('; ');
		const r = await fetch(url, { redirect: 'manual', ...options, headers: { ...options.headers, ...(cookies && { cookie: cookies }) } });
		for (const line of r.headers.getSetCookie()) {
			const [pair, ...attributes] = line.split('; ');
			const at = (name) => attributes.find((a) => a.toLowerCase().startsWith(name))?.split('=')[1];
			const c = { origin: u.origin, name: pair.slice(0, pair.indexOf('=')), value: pair.slice(pair.indexOf('=') + 1), path: at('path') ?? '/', line };
			this.jar = this.jar.filter((o) => !(o.origin === c.origin && o.name === c.name && o.path === c.path));
			if (c.value && at('max-age') !== '0') this.jar.push(c);
		}
		return r;
	}

	/** As far as the redirects lead; ${stop}(url) ends it before that address is asked for. */
	async follow(url, stop = () => false) {
		for (let i = 0; i < 15; i++) {
			if (stop(url)) return { url };
			const r = await this.go(url);
			if (r.status < 300 || r.status > 399) return { url, status: r.status, text: await r.text() };
			url = new URL(r.headers.get('location'), url).href;
		}
		throw new Error('too many redirects');
	}
}

export const sha256 = (text) => createHash('sha256').update(text).digest('hex');
