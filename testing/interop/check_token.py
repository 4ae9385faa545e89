import jwt  # pip install "PyJWT[crypto]"


def checker(issuer, audience, algorithm):
    """Returns a function from a token to its claims.

    It raises jwt.PyJWTError if the token is invalid or the keys cannot be read.
    """
    keys = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json")

    def check(token):
        key = keys.get_signing_key_from_jwt(token)
        return jwt.decode(token, key, algorithms=[algorithm], issuer=issuer, audience=audience,
                          options={"require": ["exp", "sub"]})

    return check
