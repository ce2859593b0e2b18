"""Roles: what each may do, and that a token only narrows it."""

import pytest

from wirefeed.domain.credentials import ADMINISTERING, READING, Scope
from wirefeed.domain.errors import Forbidden
from wirefeed.domain.roles import PERMISSIONS, Administrator, Permission, Role, demand, holders, may

READ = frozenset({Scope.ADMIN_READ})
WRITE = frozenset({Scope.ADMIN_WRITE})


def who(role: Role, scopes: frozenset[Scope] = ADMINISTERING) -> Administrator:
    return Administrator(name="anna", role=role, scopes=scopes, jti="1")


@pytest.mark.parametrize(
    ("role", "scopes", "permission", "allowed"),
    [
        (Role.OWNER, ADMINISTERING, Permission.ADMINS_WRITE, True),
        (Role.OWNER, READ, Permission.ADMINS_WRITE, False),
        (Role.OWNER, READ, Permission.ADMINS_READ, True),
        (Role.OWNER, WRITE, Permission.ADMINS_READ, False),
        (Role.OWNER, READING, Permission.PLANS_READ, False),
        (Role.OWNER, frozenset(), Permission.PLANS_READ, False),
        (Role.SALES, ADMINISTERING, Permission.CREDENTIALS_WRITE, True),
        (Role.SALES, ADMINISTERING, Permission.PLANS_WRITE, False),
        (Role.SALES, ADMINISTERING, Permission.SOURCES_WRITE, False),
        (Role.SALES, READ, Permission.SUBSCRIBERS_WRITE, False),
        (Role.DESK, ADMINISTERING, Permission.STORIES_WRITE, True),
        (Role.DESK, ADMINISTERING, Permission.SUBSCRIBERS_READ, False),
        (Role.AUDITOR, ADMINISTERING, Permission.AUDIT_READ, True),
        (Role.AUDITOR, ADMINISTERING, Permission.STORIES_WRITE, False),
    ],
)
def test_what_may_be_done(role, scopes, permission, allowed):
    assert may(role, scopes, permission) is allowed
    if allowed:
        demand(who(role, scopes), permission)
    else:
        with pytest.raises(Forbidden):
            demand(who(role, scopes), permission)


def test_every_role_is_in_the_table():
    assert set(PERMISSIONS) == set(Role)


@pytest.mark.parametrize("permission", Permission)
def test_a_permission_needs_the_scope_of_its_kind(permission):
    assert permission.writes is (permission.scope is Scope.ADMIN_WRITE)
    assert not may(Role.OWNER, ADMINISTERING - {permission.scope}, permission)


@pytest.mark.parametrize("permission", Permission)
def test_an_owner_may_do_everything_and_an_auditor_see_it(permission):
    assert may(Role.OWNER, ADMINISTERING, permission)
    assert may(Role.AUDITOR, ADMINISTERING, permission) is not permission.writes


def test_a_refusal_names_who_could():
    with pytest.raises(Forbidden) as refused:
        demand(who(Role.AUDITOR), Permission.SUBSCRIBERS_WRITE)
    assert refused.value.message == "the role auditor does not include subscribers:write"
    assert refused.value.remedy == "ask an administrator with the role owner or sales"
    assert holders(Permission.ADMINS_WRITE) == (Role.OWNER,)


def test_a_refusal_names_the_scope_that_is_lacking():
    with pytest.raises(Forbidden) as refused:
        demand(who(Role.OWNER, READ), Permission.PLANS_WRITE)
    assert (refused.value.field, refused.value.message) == (
        "scope",
        "the token lacks the scope admin:write",
    )
