"""Models: what they know, how good they are, which version is in use, what they may do."""

from __future__ import annotations

from msgspec import Struct

from service.features.learning.desk import KINDS, GateNotMet, Kind, ModelDesk, UnknownModel
from service.features.learning.models import Models
from service.features.lookup import Lookup
from service.features.own import UnknownComment
from service.model import Role, Scope
from service.web.finding import find_on
from service.web.operation import AModerator, Call, Operation, Reply
from service.web.wire.learning import (
    ApprovalIn,
    ExplanationsOut,
    ModelsOut,
    PromoteIn,
    explanations_json,
    models_json,
)

TAG = "Rules"
LOOK = AModerator(scope=Scope.MODERATE, role=Role.VIEWER)
STEER = AModerator(scope=Scope.MANAGE, role=Role.EDITOR)
MODELS = "/v1/sites/{site}/models"
MODEL = f"{MODELS}/{{model}}"


class Learning(Struct, frozen=True, kw_only=True):
    """What the newsroom asks about its models."""

    desk: ModelDesk
    models: Models
    lookup: Lookup

    def operations(self) -> list[Operation]:
        """Return the table of what can be asked about models."""
        return [
            Operation(
                operation_id="read_models",
                method="GET",
                path=MODELS,
                summary="Read what the models know, and how good they are",
                tag=TAG,
                credential=LOOK,
                answers={200: ModelsOut},
                handler=self.read,
            ),
            Operation(
                operation_id="promote_model",
                method="POST",
                path=f"{MODEL}/promote",
                summary="Put a version to use: a newer one, or an older one again",
                tag=TAG,
                credential=STEER,
                body=PromoteIn,
                answers={200: ModelsOut},
                problems=(UnknownModel,),
                handler=self.promote,
            ),
            Operation(
                operation_id="allow_model_approval",
                method="PUT",
                path=f"{MODEL}/approval",
                summary="Let rules ask a model and approve, or not",
                description="Off until at least 1,000 decisions of three people taught it and 300"
                " audited comments of low probability show at most 1 % missed.",
                tag=TAG,
                credential=STEER,
                body=ApprovalIn,
                answers={200: ModelsOut},
                problems=(UnknownModel, GateNotMet),
                handler=self.allow,
            ),
            Operation(
                operation_id="refit_model",
                method="POST",
                path=f"{MODEL}/refit",
                summary="Let the models learn now and not in the night",
                tag=TAG,
                credential=STEER,
                answers={202: ModelsOut},
                problems=(UnknownModel,),
                handler=self.refit,
            ),
            Operation(
                operation_id="explain_comment",
                method="GET",
                path="/v1/moderation/comments/{comment_id}/explanation",
                summary="Read what the models make of a comment, and which words speak against it",
                tag=TAG,
                credential=LOOK,
                answers={200: ExplanationsOut},
                problems=(UnknownComment,),
                handler=self.explain,
            ),
        ]

    async def read(self, call: Call) -> Reply:
        """Show the models of a site."""
        return Reply(content=models_json(await self.desk.states(call.site)))

    async def promote(self, call: Call) -> Reply:
        """Use another version."""
        version = call.body_as(PromoteIn).version
        await self.desk.promote(call.site, _kind(call), version, actor=call.actor, now=call.now)
        return await self.read(call)

    async def allow(self, call: Call) -> Reply:
        """Allow or forbid to approve."""
        approves = call.body_as(ApprovalIn).approves
        await self.desk.allow_approval(
            call.site, _kind(call), approves=approves, actor=call.actor, now=call.now
        )
        return await self.read(call)

    async def refit(self, call: Call) -> Reply:
        """Ask for a new version."""
        await self.desk.ask_anew(call.site, _kind(call), actor=call.actor, now=call.now)
        return Reply(status=202, content=models_json(await self.desk.states(call.site)))

    async def explain(self, call: Call) -> Reply:
        """Show what speaks against a comment."""
        site, found = await find_on(self.lookup, call)
        source = found.waiting or found.public or found.kept
        text = source.text if source is not None else None
        return Reply(content=explanations_json(self.models.explain(site, text) if text else []))


def _kind(call: Call) -> Kind:
    """Return the model of the path."""
    kind = call.path["model"]
    if kind not in KINDS:
        raise UnknownModel
    return kind
