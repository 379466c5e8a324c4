"""A site's back end and its operators: articles, settings, keys."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from service.errors import Conflict, FieldError, Invalid
from service.features.access import Keyring, UnknownKey
from service.features.administration import Act, Acts
from service.features.articles import ArticleDirectory, OwnAlias
from service.features.sites import SettingsChanged, SiteDirectory
from service.features.token_keys import KidTaken, TokenKeys, TooManyTokenKeys, UnknownTokenKey
from service.model import Role, Scope
from service.web.operation import MANAGEMENT_BODY_BYTES, AModerator, Call, Operation, Reply
from service.web.wire.management import (
    ArticleChangesIn,
    ArticleOut,
    KeyIn,
    KeysOut,
    MergeIn,
    NewKeyOut,
    RotateIn,
    SettingsIn,
    SettingsOut,
    TokenKeyIn,
    TokenKeyOut,
    TokenKeysOut,
    article_json,
    key_json,
    later,
    settings_json,
    token_key_json,
    whole_list,
)

TAG = "Back ends and operators"
ARTICLE = "/v1/sites/{site}/articles/{article}"
READ = AModerator(scope=Scope.READ, role=Role.VIEWER)
EDIT = AModerator(scope=Scope.MANAGE, role=Role.EDITOR)
ADMINISTER = AModerator(scope=Scope.MANAGE, role=Role.ADMIN)
HAND_OUT = AModerator(scope=Scope.MANAGE, role=Role.ADMIN, fresh=True)
"""What lets others in: a session needs a fresh proof."""


class OwnKey(Conflict):
    """A key asks for its own end: somebody has to be able to mend it."""

    code = "own_key"
    title = "A key cannot end itself; use another, or the command line."


class Management(Struct, frozen=True, kw_only=True):
    """What is set up and looked after."""

    sites: SiteDirectory
    articles: ArticleDirectory
    keyring: Keyring
    token_keys: TokenKeys
    acts: Acts

    def operations(self) -> list[Operation]:
        """Return the table of what back ends can ask."""
        return [*self._articles(), *self._settings(), *self._keys()]

    def _articles(self) -> list[Operation]:
        return [
            Operation(
                operation_id="describe_article",
                method="PUT",
                path=ARTICLE,
                summary="Describe an article, or change what is known of it",
                tag=TAG,
                credential=EDIT,
                body=ArticleChangesIn,
                body_limit=MANAGEMENT_BODY_BYTES,
                answers={200: ArticleOut},
                problems=(OwnAlias,),
                handler=self.describe_article,
            ),
            Operation(
                operation_id="read_article",
                method="GET",
                path=ARTICLE,
                summary="Read what is known of an article",
                tag=TAG,
                credential=READ,
                answers={200: ArticleOut},
                handler=self.read_article,
            ),
            Operation(
                operation_id="merge_article",
                method="POST",
                path=f"{ARTICLE}/merge",
                summary="Make an article's key an alias of another article",
                tag=TAG,
                credential=EDIT,
                body=MergeIn,
                answers={200: ArticleOut},
                problems=(OwnAlias,),
                handler=self.merge_article,
            ),
        ]

    def _settings(self) -> list[Operation]:
        path = "/v1/sites/{site}/settings"
        return [
            Operation(
                operation_id="read_settings",
                method="GET",
                path=path,
                summary="Read how the site wants its comments",
                tag=TAG,
                credential=EDIT,
                answers={200: SettingsOut},
                handler=self.read_settings,
            ),
            Operation(
                operation_id="change_settings",
                method="PUT",
                path=path,
                summary="Change how the site wants its comments",
                tag=TAG,
                credential=ADMINISTER,
                body=SettingsIn,
                body_limit=MANAGEMENT_BODY_BYTES,
                answers={200: SettingsOut},
                problems=(SettingsChanged,),
                handler=self.change_settings,
            ),
        ]

    def _keys(self) -> list[Operation]:
        keys, token_keys = "/v1/sites/{site}/keys", "/v1/sites/{site}/token-keys"
        return [
            Operation(
                operation_id="list_keys",
                method="GET",
                path=keys,
                summary="List the site's keys",
                tag=TAG,
                credential=ADMINISTER,
                answers={200: KeysOut},
                handler=self.list_keys,
            ),
            Operation(
                operation_id="create_key",
                method="POST",
                path=keys,
                summary="Make a key",
                description="Its secret is told once, in this answer.",
                tag=TAG,
                credential=HAND_OUT,
                body=KeyIn,
                answers={201: NewKeyOut},
                handler=self.create_key,
            ),
            Operation(
                operation_id="revoke_key",
                method="DELETE",
                path=f"{keys}/{{key_id}}",
                summary="End a key",
                tag=TAG,
                credential=HAND_OUT,
                answers={204: None},
                problems=(UnknownKey, OwnKey),
                handler=self.revoke_key,
            ),
            Operation(
                operation_id="rotate_key",
                method="POST",
                path=f"{keys}/{{key_id}}/rotate",
                summary="Make a key's successor; both are good for a while",
                description="It may the same, for as long. Its secret is told once, here.",
                tag=TAG,
                credential=HAND_OUT,
                body=RotateIn,
                answers={201: NewKeyOut},
                problems=(UnknownKey,),
                handler=self.rotate_key,
            ),
            Operation(
                operation_id="list_token_keys",
                method="GET",
                path=token_keys,
                summary="List the keys with which the site signs its readers in",
                tag=TAG,
                credential=ADMINISTER,
                answers={200: TokenKeysOut},
                handler=self.list_token_keys,
            ),
            Operation(
                operation_id="add_token_key",
                method="POST",
                path=token_keys,
                summary="Add a key with which the site signs its readers in",
                tag=TAG,
                credential=HAND_OUT,
                body=TokenKeyIn,
                answers={201: TokenKeyOut},
                problems=(KidTaken, TooManyTokenKeys),
                handler=self.add_token_key,
            ),
            Operation(
                operation_id="revoke_token_key",
                method="DELETE",
                path=f"{token_keys}/{{kid}}",
                summary="End a key with which the site signs its readers in",
                tag=TAG,
                credential=HAND_OUT,
                answers={204: None},
                problems=(UnknownTokenKey,),
                handler=self.revoke_token_key,
            ),
        ]

    async def describe_article(self, call: Call) -> Reply:
        """Create or change an article."""
        changes = call.body_as(ArticleChangesIn).changes()
        # A back end describes articles all day; what a person changes is worth an entry.
        act = self._act(call, "article.changed") if call.found_member is not None else None
        article = await self.articles.put(call.site, call.article, changes, call.now, act=act)
        return Reply(content=article_json(article, await self.articles.aliases(call.site, article)))

    async def read_article(self, call: Call) -> Reply:
        """Show an article."""
        article = await self.articles.describe(call.site, call.article, now=call.now)
        return Reply(content=article_json(article, await self.articles.aliases(call.site, article)))

    async def merge_article(self, call: Call) -> Reply:
        """Let one key lead to another article; no comment moves."""
        into = call.body_as(MergeIn).into
        article = await self.articles.merge(call.site, call.article, into, call.now)
        return Reply(content=article_json(article, await self.articles.aliases(call.site, article)))

    async def read_settings(self, call: Call) -> Reply:
        """Show the settings."""
        return Reply(content=settings_json(call.site))

    async def change_settings(self, call: Call) -> Reply:
        """Change what was said, and only if nobody was faster."""
        # What is remembered may be a second old: what is left out would become what it was.
        wish, site = call.body_as(SettingsIn), await self.sites.read_again(call.site.slug)
        read = site.settings_version if wish.version is None else wish.version
        changed = await self.sites.change_settings(
            site,
            wish.applied_to(site.settings),
            read,
            name=wish.name,
            act=self._act(call, "settings.changed"),
        )
        return Reply(content=settings_json(changed))

    async def list_keys(self, call: Call) -> Reply:
        """Show the keys, ended ones included."""
        keys = await self.keyring.of_site(call.site)
        return Reply(content=whole_list([key_json(key) for key in keys]))

    async def create_key(self, call: Call) -> Reply:
        """Make a key; its secret is told once, in this answer."""
        wish = call.body_as(KeyIn)
        if not later(wish.expires_at, call.now):
            detail = "A key ends in the future."
            error = FieldError(pointer="/expires_at", code="in_the_past", detail=detail)
            raise Invalid(detail, errors=(error,))
        key, token = await self.keyring.create(
            call.site,
            name=wish.name,
            scopes=frozenset(Scope(scope) for scope in wish.scopes),
            expires_at=wish.expires_at,
            now=call.now,
            act=self._act(call, "key.created"),
        )
        return Reply(status=201, content={**key_json(key), "key": token})

    async def revoke_key(self, call: Call) -> Reply:
        """End a key, but not the one that asks."""
        if call.found_key is not None and call.path["key_id"] == call.found_key.key_id:
            raise OwnKey
        act = self._act(call, "key.revoked")
        await self.keyring.revoke(call.site, call.path["key_id"], call.now, act)
        return Reply(status=204)

    async def rotate_key(self, call: Call) -> Reply:
        """Make a key's successor; its secret is told once, in this answer."""
        key, token = await self.keyring.rotate(
            call.site,
            call.path["key_id"],
            overlap=timedelta(hours=call.body_as(RotateIn).overlap_hours),
            now=call.now,
            act=self._act(call, "key.rotated"),
        )
        return Reply(status=201, content={**key_json(key), "key": token})

    async def list_token_keys(self, call: Call) -> Reply:
        """Show the keys of the site's own sign-in."""
        keys = await self.token_keys.of_site(call.site)
        return Reply(content=whole_list([token_key_json(key) for key in keys]))

    async def add_token_key(self, call: Call) -> Reply:
        """Add one."""
        wish = call.body_as(TokenKeyIn)
        key = await self.token_keys.add(
            call.site,
            kid=wish.kid,
            issuer=wish.issuer,
            algorithm=wish.algorithm,
            key=wish.key.encode(),
            now=call.now,
            act=self._act(call, "token_key.added"),
        )
        return Reply(status=201, content=token_key_json(key))

    async def revoke_token_key(self, call: Call) -> Reply:
        """End one."""
        act = self._act(call, "token_key.revoked")
        await self.token_keys.revoke(call.site, call.path["kid"], call.now, act)
        return Reply(status=204)

    def _act(self, call: Call, act: str) -> Act:
        return self.acts.by(call.actor, act, site=call.site, now=call.now)
