import jwt  # pip install "PyJWT[crypto]"


def verifier(issuer, audience, algorithm):
    """Returns a function that verifies a token and returns its claims.

    That function raises jwt.PyJWTError if the token is invalid or the keys cannot be fetched.
    """
    keys = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json")

    def verify(token):
        key = keys.get_signing_key_from_jwt(token)
        return jwt.decode(token, key, algorithms=[algorithm], issuer=issuer, audience=audience,
                          options={"require": ["exp", "sub"]})

    return verify
