"""The login of the NBIA API; only the guest, nbia_guest with an empty password, has an account here."""

from mgi_standin.archive.response import Request, Response, json_response, text_response

_ACCESS_TOKEN = "guest-access-token"
_REFRESH_TOKEN = "guest-refresh-token"
_SECONDS = 7200


def token_response(request: Request) -> Response:
    """Answer a form of username, password, client_id, client_secret and grant_type (password or refresh_token)."""
    if request.method != "POST":
        return text_response("HTTP Status 405 - Method Not Allowed", 405)
    form = dict(reversed(request.form()))
    grant = form.get("grant_type")
    if grant not in ("password", "refresh_token"):
        return json_response({"error": "unsupported_grant_type"}, 400)
    by_password = (form.get("username"), form.get("password", "")) == ("nbia_guest", "")
    if not (by_password if grant == "password" else form.get("refresh_token") == _REFRESH_TOKEN):
        return json_response({"error": "invalid_grant", "error_description": "Invalid user credentials"}, 401)
    return json_response(
        {
            "access_token": _ACCESS_TOKEN,
            "expires_in": _SECONDS,
            "refresh_expires_in": _SECONDS,
            "refresh_token": _REFRESH_TOKEN,
            "token_type": "Bearer",
            "id_token": _ACCESS_TOKEN,
            "scope": "openid",
            "session_state": "guest",
            "not-before-policy": 0,
        }
    )
