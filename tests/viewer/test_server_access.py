"""Only who knows the token is answered, only under this machine's name, and only pages of ours may ask."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from tests.viewer.serving import Client, functions_named, going_source

from tomosplat.viewer.serving import serve
from tomosplat.viewer.serving.guard import Guard
from tomosplat.viewer.serving.page import content_policy


@pytest.fixture(scope="module")
def client():
    with serve(going_source(), going_source()) as server:
        client = Client(server)
        for scene in (1, 2):
            client.follow(scene)
        yield client


def page_cookie(client: Client) -> str:
    return client.get(f"/?token={client.token}", X_Tomosplat_Token=None).headers["Set-Cookie"].split(";")[0]


def test_the_page_opens_with_the_token_and_takes_it_out_of_the_address(client) -> None:
    first = client.get(f"/?token={client.token}", X_Tomosplat_Token=None)
    assert first.status == 303
    assert first.headers["Location"] == "/"
    assert {"HttpOnly", "SameSite=Lax"} <= set(first.headers["Set-Cookie"].split("; "))
    for _ in range(2):  # the second is what the reload button does
        page = client.get("/", X_Tomosplat_Token=None, Cookie=page_cookie(client))
        assert page.status == 200
        config = re.search(rb'<script type="application/json" id="tomosplat-config">(.*?)</script>', page.body)
        assert json.loads(config[1]) == {"mode": "served", "scene": "1", "token": client.token}


def test_the_address_can_name_a_scene(client) -> None:
    first = client.get(f"/?token={client.token}&scene=2")
    assert first.headers["Location"] == "/?scene=2"
    page = client.get("/?scene=2", Cookie=page_cookie(client))
    assert b'"scene": "2"' in page.body
    unknown = client.get(f"/?token={client.token}&scene=%0d%0aX-Evil:1")
    assert unknown.headers["Location"] == "/"
    assert "X-Evil" not in unknown.headers


@pytest.mark.parametrize("token", [None, "", "wrong", "t\xf6ken", "x" * 4000])
def test_without_the_token_nothing_is_told(client, token: str | None) -> None:
    for path in ("/api/scenes", "/api/scenes/1/status", "/api/scenes/1/gaussians", "/api/scenes/1/volume", "/api/no"):
        answer = client.get(path, X_Tomosplat_Token=token)
        assert answer.status == 403, path
        assert set(answer.json) == {"message"}
    assert client.post("/api/scenes/1/transfer", functions_named("1"), X_Tomosplat_Token=token).status == 403
    assert client.get("/", X_Tomosplat_Token=None).status == 403
    assert client.get("/", Cookie=f"tomosplat-{client.port}={(token or '')[:9]}").status == 403


@pytest.mark.parametrize(
    "host", [None, "", "evil.example", "127.0.0.1.evil.example", "localhost.", "127.0.0.1@evil.example", "10.0.0.1"]
)
def test_another_name_is_refused_even_with_the_token(client, host: str | None) -> None:
    paths = ("/", f"/?token={client.token}", "/favicon.ico", "/api/scenes", "/api/scenes/1/gaussians")
    assert {client.get(path, Host=host).status for path in paths} == {403}
    assert client.post("/api/scenes/1/transfer", functions_named("1"), Host=host).status == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:8080", "127.0.0.1:9"])
def test_this_machines_own_names_are_good_through_tunnels_too(client, host: str) -> None:
    assert client.get("/api/scenes", Host=host).status == 200


def test_only_our_own_page_may_post(client) -> None:
    path, body = "/api/scenes/1/transfer", functions_named("0.5")
    for origin in ("http://evil.example", "null", f"https://127.0.0.1:{client.port}", "http://127.0.0.1:1", ""):
        assert client.post(path, body, Origin=origin).status == 403, origin
    assert client.post(path, body, Origin=f"http://127.0.0.1:{client.port}").status == 202


def test_a_server_for_others_takes_addresses_but_no_foreign_names() -> None:
    guard = Guard("0.0.0.0")
    assert guard.accepts_host("192.168.1.7:8080")
    assert guard.accepts_host("[fe80::1]:8080")
    assert not guard.accepts_host("evil.example:8080")
    assert Guard("scanner.example").accepts_host("scanner.example:8080")
    assert not Guard("127.0.0.1").accepts_host("192.168.1.7:8080")


def test_tokens_differ_from_run_to_run_and_are_not_shown() -> None:
    tokens = {Guard("127.0.0.1").token for _ in range(3)}
    assert len(tokens) == 3
    assert min(map(len, tokens)) >= 32
    guard = Guard("127.0.0.1")
    assert guard.token not in repr(guard)


def test_every_answer_forbids_keeping_sniffing_and_framing(client) -> None:
    page = client.get("/", Cookie=page_cookie(client))
    for answer in (page, client.get("/api/scenes"), client.get("/nothing"), client.get("/", Host="evil.example")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Server"] == "tomosplat"
        assert "Access-Control-Allow-Origin" not in answer.headers
    rules = dict(rule.split(" ", 1) for rule in page.headers["Content-Security-Policy"].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "'self'"
    assert rules["worker-src"] == "blob:"
    assert "unsafe" not in page.headers["Content-Security-Policy"]


def test_the_policy_names_scripts_and_styles_by_their_hash_and_leaves_data_out() -> None:
    def named(code: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"

    script, style = 'if (1 < 2) f("&amp; <b>");', "a > b { color: red }"
    html = f"<style>{style}</style><script type=application/json>1</script><script type='module'>{script}</script>"
    rules = dict(rule.split(" ", 1) for rule in content_policy(html).split("; "))
    assert rules["script-src"] == named(script)
    assert rules["style-src"] == named(style)
