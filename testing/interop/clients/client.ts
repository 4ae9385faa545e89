// Calls the service with types that openapi-typescript generated. Usage: node client.js URL
//
// The annotations are part of the test: without the types of openapi.yaml, this file would not compile.

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Problem = components["schemas"]["Problem"];

const [, , baseUrl] = process.argv;
assert(baseUrl);
const client = createClient<paths>({ baseUrl });
const ada = { name: "Ada Lovelace", email: "typescript@example.com", password: "correct horse battery staple" };
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

async function signUp(): Promise<string> {
  const { data, response } = await client.POST("/signup", { body: ada });
  assert.equal(response.status, 201);
  assert(data && "public_id" in data);
  const again = await client.POST("/signup", { body: ada });
  assert(again.data && "code" in again.data);
  const code: "email-taken" = again.data.code;
  assert.deepEqual([again.response.status, code], [202, "email-taken"]);
  return data.public_id;
}

async function testErrors(): Promise<void> {
  const invalid = await client.POST("/signup", { body: { ...ada, email: "ada" } });
  assert(invalid.error && "errors" in invalid.error);
  const fields = invalid.error.errors?.map(({ field, code }) => `${field} ${code}`);
  assert.deepEqual(fields, ["email malformed"]);
  const wrong = await client.POST("/login", { body: { email: ada.email, password: "tortoise lamp quarrel" } });
  assert(wrong.error && "code" in wrong.error);
  const code: Problem["code"] = wrong.error.code;
  assert.deepEqual([wrong.response.status, code], [403, "wrong-password"]);
}

async function testPages(token: string): Promise<void> {
  const headers = bearer(token);
  const emails: string[] = [];
  let cursor: string | null = "";
  do {
    const list: { data?: components["schemas"]["UserPage"] } = await client.GET("/user", {
      headers,
      params: { query: { limit: 1, cursor } },
    });
    assert(list.data);
    emails.push(...list.data.users.map((user) => user.email));
    cursor = list.data.next;
  } while (cursor !== null);
  assert(emails.includes(ada.email) && emails.length > 1, `${emails}`);
}

const publicId = await signUp();
await testErrors();
const loggedIn = await client.POST("/login", { body: { email: ada.email, password: ada.password } });
const refreshToken: string | undefined = loggedIn.data?.refresh_token;
assert(loggedIn.data && refreshToken);
await testPages(loggedIn.data.token);

const refreshed = await client.POST("/refresh", { body: { refresh_token: refreshToken } });
assert(refreshed.data);
assert.notEqual(refreshed.data.refresh_token, refreshToken);
const headers = bearer(refreshed.data.access_token);
const me = await client.GET("/user/me", { headers });
const groups: string[] | undefined = me.data?.groups;
const claims: Record<string, unknown> | undefined = me.data?.claims;
assert.deepEqual([me.data?.public_id, groups, claims], [publicId, [], {}]);

const loggedOut = await client.POST("/logout", { headers, body: { scope: "local" } });
assert.equal(loggedOut.response.status, 204);
const ended = await client.GET("/user/me", { headers });
assert(ended.error && "code" in ended.error);
assert.deepEqual([ended.response.status, ended.error.code], [401, "invalid-token"]);
console.log("openapi-typescript and openapi-fetch: the client compiles, and its calls succeed");
