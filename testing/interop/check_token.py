import jwt  # pip install "PyJWT[crypto]"


def verifier(issuer, audience, algorithm):
    """Returns a function that verifies a token and returns its claims.

    That function raises jwt.PyJWTError if the token is invalid or the keys cannot be fetched.
    """
    keys = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json")

    def verify(token):
        key = keys.get_signing_key_from_jwt(token)
        # The clocks may differ by 5 seconds.
        decoded = jwt.decode_complete(token, key, algorithms=[algorithm], issuer=issuer, audience=audience,
                                      leeway=5, options={"require": ["exp", "sub"]})
        if decoded["header"].get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("not an access token")
        return decoded["payload"]

    return verify
