// An OpenID provider (oidc-provider) with a directory of people, a sign-in form, and clients for whom it breaks what it says.
// Argument: a file of settings, see ../openid.rs.
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { once } from 'node:events';
import Provider from 'oidc-provider';
import { SignJWT, UnsecuredJWT, decodeJwt, exportJWK, exportSPKI, generateKeyPair } from 'jose';

const setup = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const alg = setup.algorithm;
// RSA-2048 and its like: made in a tenth of a second, and the same for all who ask.
const pair = () => generateKeyPair(alg, { extractable: true });
const [keys, stranger] = [await pair(), await pair()];
const kid = 'first';

const claims = (person) => ({
  sub: person.sub,
  preferred_username: person.login,
  email: person.email,
  email_verified: true,
  given_name: person.given,
  family_name: person.surname,
  groups: person.groups,
  ...person.more,
});

const provider = new Provider(setup.issuer, {
  clients: setup.clients.map(({ id, secret }) => ({
    client_id: id,
    client_secret: secret,
    redirect_uris: setup.redirects.map((path) => `http://127.0.0.1${path}`),
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'],
    id_token_signed_response_alg: alg,
    token_endpoint_auth_method: 'client_secret_basic',
  })),
  jwks: { keys: [{ ...(await exportJWK(keys.privateKey)), kid, use: 'sig', alg }] },
  cookies: { keys: ['not a secret'] },
  pkce: { required: () => setup.pkce },
  scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
  claims: {
    openid: ['sub'],
    profile: ['preferred_username', 'given_name', 'family_name', ...setup.claims],
    email: ['email', 'email_verified'],
    groups: ['groups'],
  },
  // Groups and names stand in the ID token too, as at most providers.
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  // Who has signed in has agreed.
  loadExistingGrant: async (ctx) => {
    const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope([...ctx.oidc.requestParamScopes].join(' '));
    await grant.save();
    return grant;
  },
  findAccount: (_, sub) => {
    const person = setup.people.find((one) => one.sub === sub);
    return person && { accountId: sub, claims: () => claims(person) };
  },
});
// Tests' daemons listen on ports of their own, with TLS and without; the path must be one that was registered all the same.
provider.Client.prototype.redirectUriAllowed = (uri) => {
  const { hostname, pathname } = new URL(uri);
  return ['127.0.0.1', 'localhost'].includes(hostname) && setup.redirects.includes(pathname);
};

// What is wrong in the ID token of the client of this name; anything else in it is as the provider made it.
const signed = (claims, { key = keys.privateKey, as = alg, kid: named = kid } = {}) =>
  new SignJWT(claims).setProtectedHeader({ alg: as, typ: 'JWT', kid: named }).sign(key);
const now = () => Math.floor(Date.now() / 1000);
const faults = {
  'wrong-nonce': (token) => signed({ ...token, nonce: 'another' }),
  'no-nonce': ({ nonce: _, ...token }) => signed(token),
  'wrong-audience': (token) => signed({ ...token, aud: 'somebody-else' }),
  'two-audiences': (token) => signed({ ...token, aud: [token.aud, 'somebody-else'], azp: 'somebody-else' }),
  'wrong-issuer': (token) => signed({ ...token, iss: 'https://elsewhere.test' }),
  'no-signature': (token) => new UnsecuredJWT(token).encode(),
  'public-key-as-secret': async (token) => {
    const secret = new TextEncoder().encode(await exportSPKI(keys.publicKey));
    return signed(token, { key: secret, as: 'HS256' });
  },
  'client-secret-as-key': (token) => {
    const { secret } = setup.clients.find(({ id }) => id === token.aud);
    return signed(token, { key: new TextEncoder().encode(secret.padEnd(32, '.')), as: 'HS256' });
  },
  expired: (token) => signed({ ...token, iat: now() - 7200, exp: now() - 3600 }),
  'not-yet': (token) => signed({ ...token, nbf: now() + 3600, iat: now() + 3600, exp: now() + 7200 }),
  'no-expiry': ({ exp: _, ...token }) => signed(token),
  'no-subject': ({ sub: _, ...token }) => signed(token),
  'other-key': (token) => signed(token, { key: stranger.privateKey }),
  'unknown-key': (token) => signed(token, { key: stranger.privateKey, kid: 'second' }),
  'cut-signature': async (token) => (await signed(token)).replace(/\.[^.]*$/, '.'),
  'wrong-access-hash': (token) => signed({ ...token, at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }),
};
// The same of the whole answer.
const answers = {
  'no-token': ({ id_token: _, ...body }) => body,
  'not-json': () => '<html>out of order</html>',
  huge: (body) => ({ ...body, more: 'x'.repeat(8 << 20) }),
};
provider.use(async (ctx, next) => {
  await next();
  const client = ctx.oidc?.client?.clientId;
  if (ctx.path === '/me' && client === 'other-person' && ctx.body?.sub) ctx.body = { ...ctx.body, sub: 'somebody-else' };
  if (ctx.path !== '/token' || !ctx.body?.id_token) return;
  if (faults[client]) ctx.body.id_token = await faults[client](decodeJwt(ctx.body.id_token));
  if (answers[client]) ctx.body = answers[client](ctx.body);
  if (client === 'error') [ctx.status, ctx.body] = [500, 'out of order'];
  if (client === 'slow') await new Promise((resolve) => setTimeout(resolve, setup.slow_ms));
});

// The sign-in form, as plain as can be.
const page = (uid, said = '') => `<!doctype html><title>Provider</title><p id="said">${said}</p>
<form method="post" action="/interaction/${uid}"><input name="login"><input name="password" type="password">
<button type="submit">Sign in</button></form>`;
async function interaction(request, response) {
  const { uid } = await provider.interactionDetails(request, response);
  const say = (status, said) => {
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' });
    response.end(page(uid, said));
  };
  if (request.method !== 'POST') return say(200);
  let body = '';
  for await (const piece of request) body += piece;
  const form = new URLSearchParams(body);
  const person = setup.people.find(({ login }) => login === form.get('login'));
  if (!person || person.password !== form.get('password')) return say(401, 'unknown name or wrong password');
  const result = person.locked
    ? { error: 'access_denied', error_description: 'the account is locked' }
    : { login: { accountId: person.sub } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

const callback = provider.callback();
const answer = (request, response) => {
  if (!request.url.startsWith('/interaction/')) return callback(request, response);
  return interaction(request, response).catch((error) => {
    response.writeHead(400, { 'content-type': 'text/plain' });
    response.end(String(error));
  });
};
const server = setup.certificate
  ? https.createServer({ cert: fs.readFileSync(setup.certificate), key: fs.readFileSync(setup.key) }, answer)
  : http.createServer(answer);
for (const event of ['server_error', 'authorization.error', 'grant.error']) {
  provider.on(event, (_, error) => console.log(event, error.message, error.error_description ?? ''));
}
server.listen(setup.port, '127.0.0.1');
await once(server, 'listening');
console.log('ready');
