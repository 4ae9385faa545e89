import { createRemoteJWKSet, jwtVerify } from "jose"; // npm install jose

// Returns a function from a token to its claims. It throws if the token is invalid or the keys cannot be read.
export function checker(issuer, audience, algorithm) {
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
  return async (token) => {
    const options = { algorithms: [algorithm], issuer, audience, requiredClaims: ["exp", "sub"] };
    return (await jwtVerify(token, keys, options)).payload;
  };
}
