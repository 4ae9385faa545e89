"""Calls the service with a client that openapi-python-client generated. Usage: client.py URL

The annotations are part of the test: mypy checks them against the types of openapi.yaml.
"""

import sys
from uuid import UUID

import httpx
from postern.api.accounts import delete_me, sign_up
from postern.api.sessions import log_in, log_out, refresh
from postern.api.users import list_users, me
from postern.client import AuthenticatedClient, Client
from postern.models import (
    DeleteMe, EmailTaken, GatewayMessage, LogIn, LogOut, LogOutScope, Me, Problem, ProblemCode, Refresh, SignedIn,
    SignedUp, SignUp, SignUpResponse422, UserPage,
)
from postern.types import Unset

EMAIL, PASSWORD = "python@example.com", "correct horse battery staple"


def sign_up_ada(client: Client) -> UUID:
    ada = SignUp(name="Ada Lovelace", email=EMAIL, password=PASSWORD)
    created = sign_up.sync(client=client, body=ada)
    assert isinstance(created, SignedUp), created
    assert isinstance(sign_up.sync(client=client, body=ada), EmailTaken)
    return created.public_id


def check_errors(client: Client) -> None:
    invalid = sign_up.sync(client=client, body=SignUp(name="Ada", email="ada", password=PASSWORD))
    assert isinstance(invalid, SignUpResponse422), invalid
    assert [f"{error.field} {error.code}" for error in invalid.errors or []] == ["email malformed"]
    wrong = log_in.sync(client=client, body=LogIn(email=EMAIL, password="tortoise lamp quarrel"))
    assert isinstance(wrong, Problem) and wrong.code is ProblemCode.WRONG_PASSWORD, wrong


def check_pages(client: AuthenticatedClient) -> None:
    emails: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = list_users.sync(client=client, limit=1, cursor=cursor)
        assert isinstance(page, UserPage), page
        emails += [user.email for user in page.users]
        cursor = page.next_
    assert EMAIL in emails and len(emails) > 1, emails


def check_journey(url: str) -> None:
    client = Client(base_url=url)
    public_id = sign_up_ada(client)
    check_errors(client)
    tokens = log_in.sync(client=client, body=LogIn(email=EMAIL, password=PASSWORD))
    assert isinstance(tokens, SignedIn) and not isinstance(tokens.refresh_token, Unset), tokens
    check_pages(AuthenticatedClient(base_url=url, token=tokens.token))

    renewed = refresh.sync(client=client, body=Refresh(refresh_token=tokens.refresh_token))
    assert isinstance(renewed, SignedIn) and renewed.refresh_token != tokens.refresh_token, renewed
    caller = AuthenticatedClient(base_url=url, token=renewed.access_token)
    found = me.sync(client=caller)
    assert isinstance(found, Me) and (found.public_id, found.groups) == (public_id, []), found
    claims = found.claims.additional_properties
    assert claims == {}, claims

    assert log_out.sync_detailed(client=caller, body=LogOut(scope=LogOutScope.LOCAL)).status_code == 204
    ended = me.sync(client=caller)
    assert isinstance(ended, Problem) and ended.code is ProblemCode.INVALID_TOKEN, ended
    deleted = delete_me.sync(client=caller, body=DeleteMe(password=PASSWORD))
    assert isinstance(deleted, Problem) and deleted.code is ProblemCode.INVALID_TOKEN, deleted


def check_responses_of_api_gateway() -> None:
    """Responses of API Gateway itself have no `code`, and the client can read both kinds."""
    problem = {"type": "about:blank", "title": "Internal Server Error", "status": 500, "detail": "An internal error.",
               "code": "internal-error"}
    for status, message, members in (
        (413, "Request Entity Too Large", {}), (429, "Too Many Requests", {}), (503, "Service Unavailable", {}),
        (500, "Internal Server Error", {}), (500, "An internal error.", problem),
    ):
        response = httpx.Response(status, json={**members, "message": message})
        client = Client(base_url="http://gateway")
        transport = httpx.MockTransport(lambda _: response)
        client.set_httpx_client(httpx.Client(base_url="http://gateway", transport=transport))
        found = log_in.sync(client=client, body=LogIn(email=EMAIL, password=PASSWORD))
        assert isinstance(found, GatewayMessage) and found.message == message, found


check_journey(sys.argv[1])
check_responses_of_api_gateway()
print("openapi-python-client: the client passes mypy, and its calls succeed")
