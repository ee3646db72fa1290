"""An erased member's links end with him, and everybody who holds a copy is told."""

from tests.clients import TestProgram
from tests.coupons.links.links import announced, body, join, make


def test_his_links_end_and_others_stay(program: TestProgram) -> None:
    join(program.client, "ada", "bob")
    links = [make(program.client) for _ in range(3)]
    bobs = make(program.client, member_external_id="bob")
    program.client.delete(f"/v1/links/{links[2]['id']}")
    deleted = program.client.get(f"/v1/links/{links[2]['id']}").json
    assert program.client.post("/v1/members/ext:ada/erasure").status_code == 200
    shown = [program.client.get(f"/v1/links/{link['id']}").json for link in links]
    assert [link["status"] for link in shown] == ["deleted"] * 3
    assert shown[2] == deleted
    assert [announced(link["code"]) for link in links] == [1, 1, 1]
    assert program.client.get(f"/v1/links/resolve?code={links[0]['code']}").status_code == 410
    assert program.client.patch(f"/v1/links/{links[0]['id']}", {"expires_at": None}).status_code == 409
    assert program.client.get(f"/v1/links/{bobs['id']}").json == bobs
    assert announced(bobs["code"]) == 0


def test_the_words_on_his_links_go_with_him(program: TestProgram) -> None:
    join(program.client, "ada")
    words = {"product": {"sku": "tea", "title": "Ada's own tea"}, "sub_ids": ["ada@example.com"]}
    links = [make(program.client, **words) for _ in range(2)]
    program.client.delete(f"/v1/links/{links[1]['id']}")
    program.client.post("/v1/members/ext:ada/erasure")
    shown = [program.client.get(f"/v1/links/{link['id']}").json for link in links]
    assert [(link["product"], link["sub_ids"]) for link in shown] == [(None, [])] * 2


def test_erasing_again_tells_nobody(program: TestProgram) -> None:
    (member_id,) = join(program.client, "ada")
    link = make(program.client)
    for _ in range(2):
        assert program.client.post(f"/v1/members/{member_id}/erasure").status_code == 200
    assert announced(link["code"]) == 1


def test_who_comes_back_under_the_same_name_starts_without_links(program: TestProgram) -> None:
    join(program.client, "ada")
    code = f"tea-{program.id.hex[-12:]}"
    make(program.client, code=code)
    program.client.post("/v1/members/ext:ada/erasure")
    join(program.client, "ada")
    assert program.member("ext:ada").get("/v1/me/links").json["data"] == []
    # the code was somebody else's, who happened to have his name
    assert program.client.post("/v1/links", body(code=code)).status_code == 409
