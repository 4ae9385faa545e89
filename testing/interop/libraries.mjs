// Checks the service against jose and aws-jwt-verify.
// Usage: node libraries.mjs TASK. begin.py writes the file TASK.

import { readFileSync } from "node:fs";
import { JwtVerifier } from "aws-jwt-verify";
import { JwtBaseError, JwtInvalidSignatureAlgorithmError } from "aws-jwt-verify/error";
import { SimpleJwksCache } from "aws-jwt-verify/jwk";
import { SignJWT, createLocalJWKSet, errors, importJWK, jwtVerify } from "jose";
import { checker } from "./check_token.mjs";

const task = JSON.parse(readFileSync(process.argv[2], "utf8"));
const isSymmetric = task.algorithm === "HS256";
const { dependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));

const fetched = async () => (await (await fetch(task.jwks_uri)).json()).keys;
// With HS256 nothing is published, because the same key signs and verifies.
const known = isSymmetric ? task.keys : await fetched();
const right = { keys: known, issuer: task.issuer, audience: task.audience, algorithm: task.algorithm };

// The key sets of jose do not support HMAC keys.
const sharedKey = (keys) => (header) => {
  const key = keys.find(({ kid }) => kid === header.kid);
  if (!key) throw new errors.JWKSNoMatchingKey();
  return importJWK(key, task.algorithm);
};

const jose = {
  name: "jose",
  TokenError: errors.JOSEError,
  // The function of the documentation.
  checker: () => checker(task.issuer, task.audience, task.algorithm),
  async check(token, { keys, issuer, audience, algorithm }) {
    const options = { issuer, audience, algorithms: [algorithm] };
    return (await jwtVerify(token, isSymmetric ? sharedKey(keys) : createLocalJWKSet({ keys }), options)).payload;
  },
  async sign(claims, key, algorithm) {
    const header = { alg: algorithm, kid: key.kid, typ: "JWT" };
    return new SignJWT(claims).setProtectedHeader(header).sign(await importJWK(key, algorithm));
  },
};

// It does not support HMAC and does not sign. Its default fetcher accepts only https.
const awsJwtVerify = {
  name: "aws-jwt-verify",
  TokenError: JwtBaseError,
  verifier: (issuer, audience, algorithm, cache) =>
    JwtVerifier.create(
      {
        issuer,
        audience,
        jwksUri: task.jwks_uri,
        customJwtCheck: ({ header }) => {
          if (header.alg !== algorithm) {
            throw new JwtInvalidSignatureAlgorithmError("Another algorithm", header.alg, algorithm);
          }
        },
      },
      cache && { jwksCache: cache },
    ),
  checker() {
    const fetcher = { fetch: async (url) => (await fetch(url)).arrayBuffer() };
    const verifier = this.verifier(task.issuer, task.audience, task.algorithm, new SimpleJwksCache({ fetcher }));
    return (token) => verifier.verify(token);
  },
  async check(token, { keys, issuer, audience, algorithm }) {
    const verifier = this.verifier(issuer, audience, algorithm);
    verifier.cacheJwks({ keys });
    return verifier.verifySync(token);
  },
};

function fail(library, what) {
  console.error(`${task.algorithm}, ${library.name}: ${what}`);
  process.exit(1);
}

async function assertAccepted(library, check, token, what) {
  const claims = await check(token).catch((error) => fail(library, `${what} is rejected: ${error}`));
  const isRight = claims.iss === task.issuer && claims.aud === task.audience && claims.sub === task.public_id;
  if (!isRight || !(Date.now() / 1000 < claims.exp)) fail(library, `${what} has the claims ${JSON.stringify(claims)}`);
}

async function assertRejected(library, check, token, what) {
  const error = await check(token).then(() => fail(library, `${what} is accepted`), (reason) => reason);
  if (!(error instanceof library.TokenError)) fail(library, `${what} leads to ${error}, which is not a rejection`);
}

// The service's status for a token, and the error code.
async function response(token) {
  const answer = await fetch(`${task.issuer}/user`, { headers: { Authorization: `Bearer ${token}` } });
  return answer.ok ? `${answer.status}` : `${answer.status} ${(await answer.json()).code}`;
}

function unsigned(claims, kid) {
  const parts = [{ alg: "none", typ: "JWT", kid }, claims];
  return parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".") + ".";
}

const now = Math.floor(Date.now() / 1000);
// Without "alg" and "use", so that the libraries let the tests misuse the keys.
const [first, second, other] = [...task.keys, task.other].map(({ alg, use, ...key }) => key);
const good = { iss: task.issuer, aud: task.audience, sub: task.public_id, iat: now, nbf: now, exp: now + 60 };
const sign = (changes = {}, key = first, algorithm = task.algorithm) =>
  jose.sign({ ...good, ...changes }, key, algorithm);

// The library verifies the service's tokens.
async function testVerifying(library) {
  const check = isSymmetric ? (token) => library.check(token, right) : library.checker();
  await assertAccepted(library, check, task.token, "the service's token");
  for (const [what, wrong] of Object.entries({
    "another key of this kid": { keys: [{ ...task.other_verifying, kid: first.kid }] },
    "another key": { keys: [task.other_verifying] },
    "another issuer": { issuer: "https://auth.example.com" },
    "another audience": { audience: "another-service" },
    "another algorithm": { algorithm: "ES384" },
  })) {
    const wrongly = (token) => library.check(token, { ...right, ...wrong });
    await assertRejected(library, wrongly, task.token, `the service's token, where the library requires ${what},`);
  }
  await assertRejected(library, check, await sign({}, other), "a token of another key");
  const forged = await sign({}, { ...other, kid: first.kid });
  await assertRejected(library, check, forged, "a token of another key with this kid");
  await assertRejected(library, check, await sign({ exp: now - 60 }), "an expired token");
}

// The service verifies the library's tokens. Returns the number of forgeries.
async function testSigning(library) {
  for (const [what, token] of Object.entries({
    "a token": await sign(),
    "a token of the second key": await sign({}, second),
    "a token for several": await sign({ aud: ["another-service", task.audience] }),
  })) {
    const found = await response(token);
    if (found !== "200") fail(library, `the service responds to ${what} of the library with ${found}`);
  }
  const forgeries = {
    "of another key": await sign({}, other),
    "of another key with this kid": await sign({}, { ...other, kid: first.kid }),
    "of the second key with the first one's kid": await sign({}, { ...second, kid: first.kid }),
    "without an audience": await sign({ aud: undefined }),
    "for another audience": await sign({ aud: "another-service" }),
    "of another issuer": await sign({ iss: "https://auth.example.com" }),
    "that is expired": await sign({ exp: now - 60 }),
    "that does not expire": await sign({ exp: undefined }),
    "that is not valid yet": await sign({ nbf: now + 60 }),
    "without a subject": await sign({ sub: undefined }),
    "without a signature": unsigned(good, first.kid),
  };
  if (["HS256", "RS256"].includes(task.algorithm)) {
    const longer = task.algorithm.replace("256", "512");
    forgeries[`signed with ${longer}`] = await sign({}, first, longer);
  }
  if (!isSymmetric) {
    const key = { kty: "oct", k: first.n ?? first.x, kid: first.kid };
    forgeries["signed with HS256 and the public key"] = await sign({}, key, "HS256");
  }
  for (const [what, token] of Object.entries(forgeries)) {
    const found = await response(token);
    if (found !== "401 invalid-token") fail(library, `the service responds to a token ${what} with ${found}`);
  }
  return Object.keys(forgeries).length;
}

const title = (library) => `${task.algorithm}: ${library.name} ${dependencies[library.name]}`;
await testVerifying(jose);
const forgeries = await testSigning(jose);
console.log(`${title(jose)} accepts our tokens; we accept its tokens and reject its ${forgeries} forgeries`);
if (isSymmetric) {
  console.log(`${title(awsJwtVerify)} does not support HMAC: skipped`);
} else {
  await testVerifying(awsJwtVerify);
  console.log(`${title(awsJwtVerify)} accepts our tokens; it cannot sign`);
}
