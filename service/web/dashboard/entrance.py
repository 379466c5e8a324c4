"""The pages of the entrance and of one's own account."""

from __future__ import annotations

from msgspec import Struct
from pydantic import BaseModel, ConfigDict

from service.features.passkeys import Passkeys
from service.features.sessions import Sessions
from service.features.sign_in import SignIn
from service.web.cookies import Doorstep
from service.web.dashboard import files
from service.web.dashboard.frame import TAG, led_to, open_page_operation, page, page_operation
from service.web.dashboard.view import View, own_path
from service.web.operation import FORM, AMember, Call, Operation, Reply
from service.web.presented import InsecureConnection


class ViewForm(BaseModel):
    """What the frame's form sends."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    lang: str = ""
    theme: str = ""
    back: str = ""


class EntrancePages(Struct, frozen=True, kw_only=True):
    """Sign-in, the end of a one-time link, and one's own account."""

    sign_in: SignIn
    sessions: Sessions
    passkeys: Passkeys
    doorstep: Doorstep

    def operations(self) -> list[Operation]:
        """Return the table of them all, with the files that they need."""
        return [
            open_page_operation("sign_in_page", "/moderate/sign-in", self.show_sign_in),
            open_page_operation("arrival_page", "/moderate/arrival", self.show_arrival),
            open_page_operation("dashboard_without_slash", "/moderate", self.lead_in),
            page_operation("own_account_page", "/moderate/me", self.show_own_account),
            Operation(
                operation_id="change_view",
                method="POST",
                path="/moderate/view",
                summary="Choose language and theme of the newsroom's pages",
                tag=TAG,
                credential=AMember(required=False),
                own_pages=True,
                body=ViewForm,
                body_media=FORM,
                hidden=True,
                handler=self.change_view,
            ),
            *files.operations(),
        ]

    async def show_sign_in(self, call: Call) -> Reply:
        """Show where one signs in; whoever is in already is led on, with what is behind `#`."""
        if call.found_member is not None:
            return led_to("/moderate/")
        insecure = False
        try:
            self.doorstep.check(call)
        except InsecureConnection:
            insecure = True
        return page(call, "sign-in.html", title="sign_in", parts=["entrance"], insecure=insecure)

    async def show_arrival(self, call: Call) -> Reply:
        """Show where whoever follows a link arrives; what the link says only the browser knows."""
        return page(call, "arrival.html", title="arrival", parts=["entrance"])

    async def lead_in(self, _: Call) -> Reply:
        """Lead to the page that is meant."""
        return led_to("/moderate/")

    async def show_own_account(self, call: Call) -> Reply:
        """Show where a member is signed in, and with what they can."""
        member = call.member
        own = member.session.session_id
        sessions = await self.sessions.of_member(member.member_id, now=call.now)
        passkeys = await self.passkeys.of_member(member.member_id)
        proofs = await self.sign_in.proofs(member)
        return page(
            call,
            "me.html",
            title="own_account",
            section="me",
            parts=["entrance"],
            sessions=sessions,
            current=own,
            passkeys=passkeys,
            proofs=proofs,
        )

    async def change_view(self, call: Call) -> Reply:
        """Remember what was chosen, and go back."""
        form = call.body_as(ViewForm)
        view = View.of(call).changed({"lang": form.lang, "theme": form.theme})
        return led_to(own_path(form.back), headers={"Set-Cookie": view.cookie})
