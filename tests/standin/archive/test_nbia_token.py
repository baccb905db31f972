from mgi_standin.archive.nbia_token import token_response
from mgi_standin.archive.response import Request

PATH = "/nbia-api/oauth/token"
GUEST = {"username": "nbia_guest", "password": "", "client_id": "NBIA", "grant_type": "password"}


def test_the_guest_gets_a_bearer_token_that_can_be_refreshed(gdc):
    token = gdc("POST", PATH, data=GUEST).json()
    assert token["token_type"] == "Bearer"
    assert {"access_token", "expires_in", "refresh_expires_in", "refresh_token", "id_token", "scope"} <= set(token)
    assert {"session_state", "not-before-policy"} <= set(token)
    again = gdc("POST", PATH, data={"grant_type": "refresh_token", "refresh_token": token["refresh_token"]})
    assert again.json()["access_token"] == token["access_token"]


def test_nobody_else_gets_one(gdc):
    assert gdc("POST", PATH, data=GUEST | {"username": "somebody"}).status_code == 401
    assert gdc("POST", PATH, data={"grant_type": "refresh_token", "refresh_token": "stale"}).status_code == 401
    assert gdc("POST", PATH, data={"grant_type": "magic"}).status_code == 400
    assert gdc("GET", PATH).status_code == 405


def test_the_token_endpoint_is_a_plain_function():
    body = b"grant_type=password&username=nbia_guest&password="
    assert token_response(Request(method="POST", path=PATH, body=body)).status == 200
