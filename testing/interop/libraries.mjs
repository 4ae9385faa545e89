// Tests the service against jose and aws-jwt-verify. Usage: node libraries.mjs TASK (written by begin.py)

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { JwtVerifier } from "aws-jwt-verify";
import { JwtBaseError, JwtInvalidSignatureAlgorithmError } from "aws-jwt-verify/error";
import { SimpleJwksCache } from "aws-jwt-verify/jwk";
import { SignJWT, createLocalJWKSet, errors, importJWK, jwtVerify } from "jose";
import { verifier } from "./check_token.mjs";

const task = JSON.parse(readFileSync(process.argv[2], "utf8"));
const isSymmetric = task.algorithm === "HS256";
const { dependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));

const fetchKeys = async () => (await (await fetch(task.jwks_uri)).json()).keys;
// With HS256 no key is published: the signing key verifies as well.
const known = isSymmetric ? task.keys : await fetchKeys();
const expected = { keys: known, issuer: task.issuer, audience: task.audience, algorithm: task.algorithm };

// Key sets of jose do not support HMAC keys.
const sharedKey = (keys) => (header) => {
  const key = keys.find(({ kid }) => kid === header.kid);
  if (!key) throw new errors.JWKSNoMatchingKey();
  return importJWK(key, task.algorithm);
};

// Returns a token that the service has just issued.
async function logIn() {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`${task.issuer}/login`, { method: "POST", headers, body: JSON.stringify(task.user) });
  return (await response.json()).token;
}

// Calls a function while the clock is behind.
async function withClockBehind(seconds, call) {
  const Clock = globalThis.Date;
  globalThis.Date = class extends Clock {
    constructor(...given) {
      super(...(given.length ? given : [Clock.now() - seconds * 1000]));
    }
    static now() {
      return Clock.now() - seconds * 1000;
    }
  };
  try {
    return await call();
  } finally {
    globalThis.Date = Clock;
  }
}

const jose = {
  name: "jose",
  isDocumented: !isSymmetric,
  VerificationError: errors.JOSEError,
  // The documented verifier.
  verifier: () => verifier(task.issuer, task.audience, task.algorithm),
  async verify(token, { keys, issuer, audience, algorithm }) {
    const options = { issuer, audience, algorithms: [algorithm] };
    return (await jwtVerify(token, isSymmetric ? sharedKey(keys) : createLocalJWKSet({ keys }), options)).payload;
  },
  async sign(claims, key, algorithm, typ) {
    const header = { alg: algorithm, kid: key.kid, typ };
    return new SignJWT(claims).setProtectedHeader(header).sign(await importJWK(key, algorithm));
  },
};

// aws-jwt-verify supports no HMAC and cannot sign. By default, it fetches over https only.
const awsJwtVerify = {
  name: "aws-jwt-verify",
  VerificationError: JwtBaseError,
  create: (issuer, audience, algorithm, cache) =>
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
  verifier() {
    const fetcher = { fetch: async (url) => (await fetch(url)).arrayBuffer() };
    const created = this.create(task.issuer, task.audience, task.algorithm, new SimpleJwksCache({ fetcher }));
    return (token) => created.verify(token);
  },
  async verify(token, { keys, issuer, audience, algorithm }) {
    const created = this.create(issuer, audience, algorithm);
    created.cacheJwks({ keys });
    return created.verifySync(token);
  },
};

function fail(library, what) {
  console.error(`${task.algorithm}, ${library.name}: ${what}`);
  process.exit(1);
}

async function assertAccepts(library, verify, token, what, more = {}) {
  const claims = await verify(token).catch((error) => fail(library, `${what} is rejected: ${error}`));
  const wanted = { iss: task.issuer, aud: task.audience, sub: task.public_id, ...more };
  const isExpected = Object.entries(wanted).every(([claim, value]) => isDeepStrictEqual(claims[claim], value));
  if (!isExpected || !(Date.now() / 1000 < claims.exp)) {
    fail(library, `${what} has the claims ${JSON.stringify(claims)}`);
  }
}

async function assertRejects(library, verify, token, what) {
  const error = await verify(token).then(() => fail(library, `${what} is accepted`), (error) => error);
  if (!(error instanceof library.VerificationError)) {
    fail(library, `${what} throws ${error}, which is not a verification error`);
  }
}

// Returns the status and the error code with which the service responds to a token.
async function responseTo(token) {
  const response = await fetch(`${task.issuer}/user`, { headers: { Authorization: `Bearer ${token}` } });
  return response.ok ? `${response.status}` : `${response.status} ${(await response.json()).code}`;
}

function unsigned(claims, kid) {
  const parts = [{ alg: "none", typ: "JWT", kid }, claims];
  return parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".") + ".";
}

const now = Math.floor(Date.now() / 1000);
// Without "alg" and "use", so that the libraries allow misuse of the keys.
const [first, second, other] = [...task.keys, task.other].map(({ alg, use, ...key }) => key);
const good = { iss: task.issuer, aud: task.audience, sub: task.public_id, iat: now, nbf: now, exp: now + 60 };
const sign = (changes = {}, key = first, algorithm = task.algorithm, typ = task.typ) =>
  jose.sign({ ...good, ...changes }, key, algorithm, typ);
const signAs = (typ) => sign({}, first, task.algorithm, typ);

// The library verifies tokens of the service.
async function testVerification(library) {
  const verify = isSymmetric ? (token) => library.verify(token, expected) : library.verifier();
  await assertAccepts(library, verify, task.token, "the service's token", task.claims);
  for (const [what, wrong] of Object.entries({
    "another key with the same kid": { keys: [{ ...task.other_verification_key, kid: first.kid }] },
    "another key": { keys: [task.other_verification_key] },
    "another issuer": { issuer: "https://auth.example.com" },
    "another audience": { audience: "other-audience" },
    "another algorithm": { algorithm: "ES384" },
  })) {
    const verifyWrong = (token) => library.verify(token, { ...expected, ...wrong });
    await assertRejects(library, verifyWrong, task.token, `the service's token, with ${what} required,`);
  }
  const sameKid = { ...other, kid: first.kid };
  await assertRejects(library, verify, await sign({}, other), "a token signed with another key");
  await assertRejects(library, verify, await sign({}, sameKid), "a token signed with another key with the same kid");
  await assertRejects(library, verify, await sign({ exp: now - 60 }), "an expired token");
  if (library.isDocumented) await testDocumentedVerifier(library, verify);
}

async function testDocumentedVerifier(library, verify) {
  await assertAccepts(library, verify, await sign(), "a token of the library");
  for (const [what, token] of Object.entries({
    "a logout token": await signAs("logout+jwt"),
    "a token without an audience": await sign({ aud: undefined }),
    "a token for another audience": await sign({ aud: "other-audience" }),
    "a token of another issuer": await sign({ iss: "https://auth.example.com" }),
    "a token that does not expire": await sign({ exp: undefined }),
  })) {
    await assertRejects(library, verify, token, what);
  }
  const fresh = (seconds) => `a fresh token, with a clock that is ${seconds} s behind,`;
  for (const seconds of [0.5, 4]) {
    const token = await logIn();
    await withClockBehind(seconds, () => assertAccepts(library, verify, token, fresh(seconds)));
  }
  const token = await logIn();
  await withClockBehind(60, () => assertRejects(library, verify, token, fresh(60)));
}

// The service verifies tokens of the library. Returns the number of forgeries.
async function testSigning(library) {
  for (const [what, token] of Object.entries({
    "a token": await sign(),
    "a token signed with the second key": await sign({}, second),
    "a token for several audiences": await sign({ aud: ["other-audience", task.audience] }),
    "a token of the type JWT": await signAs("JWT"),
    "a token without a type": await signAs(undefined),
  })) {
    const found = await responseTo(token);
    if (found !== "200") fail(library, `the service responds to ${what} of the library with ${found}`);
  }
  const forgeries = {
    "signed with another key": await sign({}, other),
    "signed with another key with the same kid": await sign({}, { ...other, kid: first.kid }),
    "signed with the second key with the kid of the first": await sign({}, { ...second, kid: first.kid }),
    "without an audience": await sign({ aud: undefined }),
    "for another audience": await sign({ aud: "other-audience" }),
    "of another issuer": await sign({ iss: "https://auth.example.com" }),
    "that is expired": await sign({ exp: now - 60 }),
    "that does not expire": await sign({ exp: undefined }),
    "that is not valid yet": await sign({ nbf: now + 60 }),
    "without a subject": await sign({ sub: undefined }),
    "of another type": await signAs("logout+jwt"),
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
    const found = await responseTo(token);
    if (found !== "401 invalid-token") fail(library, `the service responds to a token ${what} with ${found}`);
  }
  return Object.keys(forgeries).length;
}

const title = (library) => `${task.algorithm}: ${library.name} ${dependencies[library.name]}`;
await testVerification(jose);
const forgeries = await testSigning(jose);
console.log(
  `${title(jose)} accepts tokens of the service; ` +
    `the service accepts its tokens and rejects its ${forgeries} forgeries`,
);
if (isSymmetric) {
  console.log(`${title(awsJwtVerify)} does not support HMAC; skipped`);
} else {
  await testVerification(awsJwtVerify);
  console.log(`${title(awsJwtVerify)} accepts tokens of the service; it cannot sign`);
}
