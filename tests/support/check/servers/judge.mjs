// Judges ID tokens as OpenID Connect Core 3.1.3.7 says, with jose. Reads what to judge from standard input, writes what it found.
import { createHash } from 'node:crypto';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import fs from 'node:fs';

const { issuer, nonce, tokens } = JSON.parse(fs.readFileSync(0, 'utf8'));
const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));

async function verdict({ answer, client }) {
  let claims;
  try {
    const expected = { issuer, audience: client, algorithms: ['RS256'], requiredClaims: ['sub', 'exp', 'iat'] };
    claims = (await jwtVerify(answer.id_token, keys, expected)).payload;
  } catch (error) {
    return error.claim ?? error.code ?? String(error);
  }
  if (claims.nonce !== nonce) return 'nonce';
  if (Array.isArray(claims.aud) && claims.azp !== client) return 'azp';
  const hash = createHash('sha256').update(answer.access_token).digest().subarray(0, 16).toString('base64url');
  if (claims.at_hash !== undefined && claims.at_hash !== hash) return 'at_hash';
  return 'good';
}

const said = {};
for (const [name, token] of Object.entries(tokens)) said[name] = await verdict(token);
console.log(JSON.stringify(said));
