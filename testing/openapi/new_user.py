"""A hook for Schemathesis: each request is sent with the token of a new user."""

import uuid

import requests
import schemathesis


@schemathesis.auth(refresh_interval=None)
class NewUser:
    def get(self, case, context):
        api = context.operation.schema.config.base_url
        credentials = {"email": f"{uuid.uuid4()}@example.com", "password": "correct horse battery staple"}
        requests.post(f"{api}/signup", json={"name": "Ada Lovelace", **credentials}).raise_for_status()
        return requests.post(f"{api}/login", json=credentials).json()["token"]

    def set(self, case, token, context):
        case.headers["x-access-token"] = token
