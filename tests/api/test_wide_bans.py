"""A ban on several sites over HTTP: by members, for readers whom the sites sign in."""

from __future__ import annotations

from service.model import Mode, Role, Site
from service.wiring.ground import clock
from tests.api.conftest import Api
from tests.api.insiders import Insider, signed_in
from tests.api.people import a_reader, trust_tokens


def of_two_sites(api: Api, role: Role) -> tuple[Site, Site, Insider]:
    """Return two sites with readers' tokens, and a senior of the first with a role on the other."""
    here, there = api.new_site(mode=Mode.POST), api.new_site(mode=Mode.POST)
    for site in (here, there):
        trust_tokens(api, site)
    sam = signed_in(api, Role.SENIOR, here)
    api.aside.run(api.service.members.team.invite(sam.email, role, there, clock()))
    return here, there, sam


def token_of(api: Api, site: Site, subject: str) -> str:
    token = a_reader(api, site, subject=subject).bearer
    assert token is not None
    return token


def refused(api: Api, site: Site, subject: str) -> bool:
    bearer = token_of(api, site, subject)
    return api.post(api.article(), site=site, bearer=bearer).code == "author_banned"


def test_a_member_bans_on_every_site_of_theirs_and_lifts_it_everywhere(api: Api) -> None:
    here, there, sam = of_two_sites(api, Role.SENIOR)
    for site in (here, there):
        api.post(api.article(), site=site, bearer=token_of(api, site, "omar"))
    public = api.post(api.article(), site=there).json["comment"]
    where = f"/v1/sites/{here.slug}/readers/reader:omar"
    ban = {"until": None, "reason": "Enough.", "everywhere": True}
    answer = api.ask("PUT", where, json={"ban": ban}, bearer=sam.token)
    assert answer.json["ban"] == {"until": None, "reason": "Enough.", "everywhere": True}
    assert refused(api, here, "omar")
    api.eventually(lambda: refused(api, there, "omar"))
    assert not refused(api, there, "leila")
    vote = f"/v1/sites/{there.slug}/comments/{public['id']}/vote"
    voted = api.ask("PUT", vote, json={"value": 1}, bearer=token_of(api, there, "omar"))
    assert voted.code == "author_banned"

    assert api.ask("PUT", where, json={"ban": None}, bearer=sam.token).json["ban"] is None
    assert not refused(api, there, "omar")
    key = api.new_key(there)
    log = f"/v1/sites/{there.slug}/audit?kind=act"

    def acts() -> list[str]:
        items = api.ask("GET", log, bearer=key).json["items"]
        elsewhere = [each for each in items if each["act"].endswith("_elsewhere")]
        assert here.slug not in str(elsewhere)
        return [each["act"] for each in elsewhere]

    api.eventually(lambda: len(acts()) == 2)
    assert acts() == ["reader.readmitted_elsewhere", "reader.banned_elsewhere"]


def test_where_a_member_may_not_ban_no_ban_of_theirs_holds(api: Api) -> None:
    here, there, sam = of_two_sites(api, Role.MODERATOR)
    api.post(api.article(), site=here, bearer=token_of(api, here, "omar"))
    where = f"/v1/sites/{here.slug}/readers/reader:omar"
    ban = {"until": None, "everywhere": True}
    answer = api.ask("PUT", where, json={"ban": ban}, bearer=sam.token)
    assert answer.json["ban"]["everywhere"] is False
    assert refused(api, here, "omar")
    assert not refused(api, there, "omar")


def test_a_key_bans_on_its_own_site_alone(api: Api) -> None:
    here, _, _ = of_two_sites(api, Role.SENIOR)
    api.post(api.article(), site=here, bearer=token_of(api, here, "omar"))
    where = f"/v1/sites/{here.slug}/readers/reader:omar"
    ban = {"until": None, "everywhere": True}
    answer = api.ask("PUT", where, json={"ban": ban}, bearer=api.new_key(here))
    assert (answer.status, answer.code) == (403, "forbidden")
    assert not refused(api, here, "omar")
