import { createRemoteJWKSet, jwtVerify } from "jose"; // npm install jose

// Returns a function that verifies a token and returns its claims. That function throws if the token is
// invalid or the keys cannot be fetched.
export function verifier(issuer, audience, algorithm) {
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
  const options = {
    algorithms: [algorithm],
    issuer,
    audience,
    typ: "at+jwt",
    requiredClaims: ["exp", "sub"],
    clockTolerance: 5, // The clocks may differ by 5 seconds.
  };
  return async (token) => (await jwtVerify(token, keys, options)).payload;
}
