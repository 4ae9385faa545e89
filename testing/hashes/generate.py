"""Prints hashes of the installed libraries as rows of an import, one JSON object per line.

Runs with the libraries of one virtual environment: werkzeug, Django, passlib, bcrypt and argon2-cffi, each if it is
installed. The hashes are as the library writes them, at its defaults and with some other parameters.

Usage: python testing/hashes/generate.py NAME
NAME distinguishes the email addresses of several runs.
"""

import importlib
import json
import sys
import warnings
from importlib.metadata import version

# Not in ASCII, and longer than a block of no hash function.
PASSWORD = "correct horse battery stäple"


def module(name):
    """Returns a module, or None if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def werkzeug_hashes():
    generate = importlib.import_module("werkzeug.security").generate_password_hash
    yield "default", generate(PASSWORD)
    yield "with a long salt", generate(PASSWORD, salt_length=32)
    for method in ("pbkdf2:sha1", "pbkdf2:sha1:1000", "pbkdf2:sha256", "pbkdf2:sha512:20000"):
        yield method, generate(PASSWORD, method=method)
    # The versions since 2.3 also have scrypt.
    if tuple(map(int, version("werkzeug").split(".")[:2])) >= (2, 3):
        for method in ("pbkdf2", "scrypt", "scrypt:16384:8:2"):
            yield method, generate(PASSWORD, method=method)


def django_hashes():
    importlib.import_module("django.conf").settings.configure()
    importlib.import_module("django").setup()
    hashers = importlib.import_module("django.contrib.auth.hashers")
    names = ["PBKDF2PasswordHasher", "PBKDF2SHA1PasswordHasher"]
    if module("argon2"):
        names.append("Argon2PasswordHasher")
    if module("bcrypt"):
        names.append("BCryptPasswordHasher")
    # Since version 4.0.
    if hasattr(hashers, "ScryptPasswordHasher"):
        names.append("ScryptPasswordHasher")
    for name in names:
        hasher = getattr(hashers, name)()
        yield name, hasher.encode(PASSWORD, hasher.salt())


def passlib_hashes():
    handlers = importlib.import_module("passlib.hash")
    for name in ("pbkdf2_sha1", "pbkdf2_sha256", "pbkdf2_sha512", "scrypt", "bcrypt", "argon2",
                 "django_pbkdf2_sha256", "django_pbkdf2_sha1"):
        yield name, getattr(handlers, name).hash(PASSWORD)
    yield "pbkdf2_sha256 with a salt of 64 bytes", handlers.pbkdf2_sha256.using(salt_size=64).hash(PASSWORD)
    yield "bcrypt 2y", handlers.bcrypt.using(ident="2y", rounds=5).hash(PASSWORD)


def bcrypt_hashes():
    bcrypt = importlib.import_module("bcrypt")
    yield "default", bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt()).decode()
    yield "2a", bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode()
    yield "cost 14", bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(14)).decode()


def argon2_hashes():
    argon2 = importlib.import_module("argon2")
    yield "default", argon2.PasswordHasher().hash(PASSWORD)
    for kind in argon2.Type:
        lengths = {"salt_len": 64, "hash_len": 64}
        hasher = argon2.PasswordHasher(type=kind, memory_cost=1024, time_cost=2, parallelism=3, **lengths)
        yield f"Type.{kind.name} with the longest salt and hash", hasher.hash(PASSWORD)
    profiles = importlib.import_module("argon2.profiles")
    yield "RFC_9106_LOW_MEMORY", argon2.PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY).hash(PASSWORD)


LIBRARIES = (
    ("werkzeug", "werkzeug", werkzeug_hashes),
    ("Django", "django", django_hashes),
    ("passlib", "passlib", passlib_hashes),
    ("bcrypt", "bcrypt", bcrypt_hashes),
    ("argon2-cffi", "argon2", argon2_hashes),
)


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} NAME")
    # Old versions warn about themselves.
    warnings.simplefilter("ignore")
    number = 0
    for package, name, hashes in LIBRARIES:
        if not module(name):
            continue
        for description, text in hashes():
            number += 1
            print(json.dumps({
                "email": f"{sys.argv[1]}.{number}@example.com",
                "name": f"{package} {version(package)}, {description}",
                "password_hash": text,
            }))
    if not number:
        sys.exit("none of the libraries is installed")


if __name__ == "__main__":
    main()
