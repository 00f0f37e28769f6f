// A SAML identity provider (samlp) with people and a sign-in form. Argument: a file of settings, see ../saml.rs.
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import express from 'express';
import samlp from 'samlp';

const setup = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const read = (path) => fs.readFileSync(path, 'utf8');
const [cert, key] = [read(setup.signer_certificate), read(setup.signer_key)];
// What stands behind /sso says what the answer is like.
const kinds = {
  '': {},
  '/response-signed': { signResponse: true, signAssertion: false },
  '/both-signed': { signResponse: true },
  '/unsigned': { signAssertion: false },
  '/sha1': { signatureAlgorithm: 'rsa-sha1', digestAlgorithm: 'sha1' },
  '/short': { lifetimeInSeconds: 1 },
};
if (setup.encrypt_for) {
  const encryptionCert = read(setup.encrypt_for);
  const encryptionPublicKey = new X509Certificate(encryptionCert).publicKey.export({ type: 'spki', format: 'pem' });
  kinds['/encrypted'] = { encryptionCert, encryptionPublicKey };
  kinds['/encrypted-cbc'] = {
    encryptionCert,
    encryptionPublicKey,
    encryptionAlgorithm: 'http://www.w3.org/2001/04/xmlenc#aes256-cbc',
    disallowEncryptionWithInsecureAlgorithm: false,
  };
}

class Mapper {
  constructor(person) {
    this.person = person;
  }
  getClaims() {
    const { login, email, given, surname, groups, more } = this.person;
    return { uid: login, email, givenName: given, surname, groups, ...more };
  }
  getNameIdentifier() {
    return { nameIdentifier: this.person.sub };
  }
}

// Where an answer goes and for whom it is: as the request says, or (without one) the link.
const target = (request, callback) =>
  samlp.parseRequest(request, (error, asked) =>
    error
      ? callback(error)
      : callback(null, {
          acs: asked?.assertionConsumerServiceURL || setup.acs || request.query.acs,
          audience: asked?.issuer || request.query.audience,
          id: asked?.id,
        }),
  );

const page = (said) => `<!doctype html><title>Provider</title><p id="said">${said}</p>
<form method="post" action=""><input name="login"><input name="password" type="password">
<button type="submit">Sign in</button></form>`;

const app = express();
app.use(express.urlencoded({ extended: false, limit: '1mb' }));
for (const [path, kind] of Object.entries(kinds)) {
  app.get(`/sso${path}`, (request, response, next) =>
    target(request, (error) => (error ? next(error) : response.send(page('')))),
  );
  app.post(`/sso${path}`, (request, response, next) =>
    target(request, (error, { acs, audience, id } = {}) => {
      if (error) return next(error);
      const person = setup.people.find(({ login }) => login === request.body.login);
      if (!person || person.password !== request.body.password) {
        return response.status(401).send(page('unknown name or wrong password'));
      }
      const common = {
        issuer: setup.issuer,
        cert,
        key,
        signatureAlgorithm: 'rsa-sha256',
        digestAlgorithm: 'sha256',
        audience,
        recipient: acs,
        destination: acs,
        inResponseTo: id,
        nameIdentifierFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
        authnContextClassRef: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
        sessionIndex: '_session',
        RelayState: request.query.RelayState,
      };
      if (person.locked) {
        const refused = {
          code: 'urn:oasis:names:tc:SAML:2.0:status:Responder',
          description: 'the account is locked',
        };
        return samlp.sendError({ ...common, error: refused, getPostURL: (_, done) => done(null, acs) })(request, response, next);
      }
      return samlp.auth({
        ...common,
        ...kind,
        profileMapper: (one) => new Mapper(one),
        getUserFromRequest: () => person,
        getPostURL: (_audience, _dom, _request, done) => done(null, acs),
      })(request, response, next);
    }),
  );
}
app.get('/metadata', samlp.metadata({ issuer: setup.issuer, cert, redirectEndpointPath: '/sso', postEndpointPath: '/sso' }));
// Express knows a handler of errors by its four arguments.
app.use((error, _request, response, _next) => response.status(400).type('text').send(String(error)));

const server = setup.certificate
  ? https.createServer({ cert: read(setup.certificate), key: read(setup.key) }, app)
  : http.createServer(app);
server.listen(setup.port, '127.0.0.1', () => console.log('ready'));
