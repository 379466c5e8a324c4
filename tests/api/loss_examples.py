"""Examples of what is asked about losses, for the tests of the contract."""

from __future__ import annotations

from service.model import Role, Site
from service.storage.losses import Loss
from service.wiring.ground import clock
from tests.api.calls import Answer
from tests.api.conftest import Api
from tests.api.insiders import signed_in


def lost(api: Api, site: Site, *, seq: int = 7) -> None:
    """Note that two comments went with Redis."""
    loss = Loss(
        site_id=site.site_id,
        seq=seq,
        kind="emptied",
        lost_at_most=2,
        restored=3,
        at=clock(),
    )
    assert api.aside.run(api.service.core.losses.store.note(loss))


def list_losses(api: Api) -> Answer:
    site = api.new_site()
    lost(api, site)
    sam = signed_in(api, Role.EDITOR, site)
    return api.ask("GET", "/v1/moderation/losses", bearer=sam.token)


def acknowledge_loss(api: Api) -> Answer:
    site = api.new_site()
    lost(api, site)
    sam = signed_in(api, Role.EDITOR, site)
    where = f"/v1/sites/{site.slug}/losses/7/acknowledgement"
    return api.ask("POST", where, bearer=sam.token)


LOSS_EXAMPLES = (list_losses, acknowledge_loss)
