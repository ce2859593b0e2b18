"""Administrators: who there is, and in which role."""

from collections.abc import Callable

from wirefeed.domain.audit import SYSTEM, Actor, Verb
from wirefeed.domain.errors import Conflict, NotFound, Unacceptable
from wirefeed.domain.plans import NAME
from wirefeed.domain.roles import Role
from wirefeed.services.audit import Audit
from wirefeed.storage import administrators
from wirefeed.storage.administrators import Admin
from wirefeed.storage.database import Database


class Administrators:
    """Who administers."""

    def __init__(self, database: Database, audit: Audit, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    async def all(self) -> list[Admin]:
        """Give all administrators by name."""
        async with self._database.reading() as connection:
            return await administrators.admins(connection)

    async def add(self, name: str, role: Role, by: Actor = SYSTEM) -> Admin:
        """Add an administrator. Raises `Unacceptable` for a name, `Conflict` when it is taken."""
        if not NAME.fullmatch(name):
            raise Unacceptable(
                f"{name!r} is no administrator's name",
                field="name",
                remedy="use lower-case letters, digits and hyphens, 64 at most",
            )
        async with self._database.writing() as connection:
            if await administrators.admin(connection, name):
                raise Conflict(f"the administrator {name!r} exists", field="name")
            new = Admin(name=name, role=role.value, created=self._clock())
            await administrators.put(connection, new)
            await self._audit.record(connection, by, Verb.ADMIN_ADD, f"admin:{name}", role=role)
        return new

    async def set_role(self, name: str, role: Role, by: Actor = SYSTEM) -> Admin:
        """Give an administrator another role; it acts on the next request.

        Raises `NotFound`, and `Conflict` when no owner would be left.
        """
        async with self._database.writing() as connection:
            found = {admin.name: admin for admin in await administrators.admins(connection)}
            if name not in found:
                raise _missing(name)
            if found[name].role == role:
                return found[name]
            _keep_an_owner(found, name)
            new = Admin(name=name, role=role.value, created=found[name].created)
            await administrators.put(connection, new)
            await self._audit.record(
                connection, by, Verb.ADMIN_ROLE, f"admin:{name}", role=role, was=found[name].role
            )
        return new

    async def remove(self, name: str, by: Actor = SYSTEM) -> None:
        """Remove an administrator and all its tokens.

        Raises `NotFound`, and `Conflict` when no owner would be left.
        """
        async with self._database.writing() as connection:
            found = {admin.name: admin for admin in await administrators.admins(connection)}
            if name not in found:
                raise _missing(name)
            if len(found) > 1:
                # The last of all may go: then only the command line administers.
                _keep_an_owner(found, name)
            await administrators.remove(connection, name)
            await self._audit.record(connection, by, Verb.ADMIN_REMOVE, f"admin:{name}")


def _keep_an_owner(found: dict[str, Admin], name: str) -> None:
    owners = {admin.name for admin in found.values() if admin.role == Role.OWNER}
    if owners == {name}:
        raise Conflict(f"{name!r} is the only owner", remedy="make someone else an owner first")


def _missing(name: str) -> NotFound:
    return NotFound(f"there is no administrator {name!r}", remedy="see `wirefeed admins list`")
