"""Roles of administrators: what each may do, and that a token may do less. Pure.

There is one table, at the end; a permission that stands for no role in it is the owner's alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from wirefeed.domain.credentials import Scope
from wirefeed.domain.errors import Forbidden


class Role(StrEnum):
    """What an administrator is there for."""

    OWNER = "owner"
    SALES = "sales"
    DESK = "desk"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """Something an administrator may be allowed to do. What is not named here nobody may do."""

    PLANS_READ = "plans:read"
    PLANS_WRITE = "plans:write"
    SUBSCRIBERS_READ = "subscribers:read"
    SUBSCRIBERS_WRITE = "subscribers:write"
    #: Tokens of subscribers, feed keys, hand-overs.
    CREDENTIALS_READ = "credentials:read"
    CREDENTIALS_WRITE = "credentials:write"
    #: Newsrooms, and the tokens with which they send: whoever issues one can publish.
    SOURCES_READ = "sources:read"
    SOURCES_WRITE = "sources:write"
    #: Stories as they are held, and who sees how much of them.
    STORIES_READ = "stories:read"
    #: Kill, withhold, reinstate.
    STORIES_WRITE = "stories:write"
    TOPICS_READ = "topics:read"
    #: File the stories anew by the topics.
    TOPICS_WRITE = "topics:write"
    #: The keys that sign tokens.
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    #: Other administrators, their roles and tokens: whoever writes these can become anyone.
    ADMINS_READ = "admins:read"
    ADMINS_WRITE = "admins:write"
    AUDIT_READ = "audit:read"
    #: Use of credentials, refusals, and what looks like a leak.
    USAGE_READ = "usage:read"
    #: Settle what was flagged as a leak.
    FLAGS_WRITE = "flags:write"

    @property
    def writes(self) -> bool:
        """Whether something changes by it."""
        return self.value.endswith(":write")

    @property
    def scope(self) -> Scope:
        """What a token needs to carry for it."""
        return Scope.ADMIN_WRITE if self.writes else Scope.ADMIN_READ


@dataclass(frozen=True, slots=True, kw_only=True)
class Administrator:
    """Who administers, by which token."""

    name: str
    role: Role
    #: What the token is for; it can only narrow what the role may do.
    scopes: frozenset[Scope]
    #: The token, for the audit.
    jti: str


def may(role: Role, scopes: frozenset[Scope], permission: Permission) -> bool:
    """Say whether a role may do something with a token of these scopes."""
    return permission in PERMISSIONS[role] and permission.scope in scopes


def demand(who: Administrator, permission: Permission) -> None:
    """Raise `Forbidden`, saying what is lacking, unless this administrator may do it."""
    if permission not in PERMISSIONS[who.role]:
        raise Forbidden(
            f"the role {who.role} does not include {permission}",
            remedy=f"ask an administrator with the role {_holders(permission)}",
        )
    if permission.scope not in who.scopes:
        raise Forbidden(f"the token lacks the scope {permission.scope}", field="scope")


def holders(permission: Permission) -> tuple[Role, ...]:
    """Give the roles that include a permission."""
    return tuple(role for role in Role if permission in PERMISSIONS[role])


def _holders(permission: Permission) -> str:
    return " or ".join(holders(permission))


#: The table: what each role may do.
PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.SALES: frozenset(
        {
            Permission.PLANS_READ,
            Permission.SUBSCRIBERS_READ,
            Permission.SUBSCRIBERS_WRITE,
            Permission.CREDENTIALS_READ,
            Permission.CREDENTIALS_WRITE,
            # To explain to a subscriber what it sees.
            Permission.STORIES_READ,
            Permission.TOPICS_READ,
            Permission.USAGE_READ,
            Permission.FLAGS_WRITE,
        }
    ),
    Role.DESK: frozenset(
        {
            Permission.STORIES_READ,
            Permission.STORIES_WRITE,
            Permission.TOPICS_READ,
            Permission.TOPICS_WRITE,
        }
    ),
    # Everything may be looked at, and nothing touched.
    Role.AUDITOR: frozenset(permission for permission in Permission if not permission.writes),
}
