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

#: Looks at what is held, and raises when that is not what a change was meant for.
Check = Callable[[Admin | None], None]


def _any(_: Admin | None) -> None:
    """Change whatever is held."""


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

    async def get(self, name: str) -> Admin:
        """Give an administrator. Raises `NotFound`."""
        async with self._database.reading() as connection:
            found = await administrators.admin(connection, name)
        if found is None:
            raise _missing(name)
        return found

    async def add(self, name: str, role: Role, by: Actor = SYSTEM) -> Admin:
        """Add an administrator. Raises `Unacceptable` for a name, `Conflict` when it is taken."""

        def check(found: Admin | None) -> None:
            if found is not None:
                raise Conflict(f"the administrator {name!r} exists", field="name")

        return await self.put(name, role, by, check=check)

    async def set_role(self, name: str, role: Role, by: Actor = SYSTEM) -> Admin:
        """Give an administrator another role; it acts on the next request.

        Raises `NotFound`, and `Conflict` when no owner would be left.
        """

        def check(found: Admin | None) -> None:
            if found is None:
                raise _missing(name)

        return await self.put(name, role, by, check=check)

    async def put(self, name: str, role: Role, by: Actor = SYSTEM, *, check: Check = _any) -> Admin:
        """Hold an administrator in a role, new or not; the same again changes nothing.

        Raises `Unacceptable` for a name, `Conflict` when no owner would be left.
        """
        if not NAME.fullmatch(name):
            raise Unacceptable(
                f"{name!r} is no administrator's name",
                field="name",
                remedy="use lower-case letters, digits and hyphens, 64 at most",
            )
        async with self._database.writing() as connection:
            found = {admin.name: admin for admin in await administrators.admins(connection)}
            held = found.get(name)
            check(held)
            if held is not None and held.role == role:
                return held
            if held is not None:
                _keep_an_owner(found, name)
            created = held.created if held else self._clock()
            new = Admin(name=name, role=role.value, created=created)
            await administrators.put(connection, new)
            await self._audit.record(
                connection,
                by,
                Verb.ADMIN_ROLE if held else Verb.ADMIN_ADD,
                f"admin:{name}",
                role=role,
                was=held.role if held else None,
            )
        return new

    async def remove(
        self, name: str, by: Actor = SYSTEM, *, check: Callable[[Admin], None] = _any
    ) -> None:
        """Remove an administrator and all its tokens.

        Raises `NotFound`, and `Conflict` when no owner would be left.
        """
        async with self._database.writing() as connection:
            found = {admin.name: admin for admin in await administrators.admins(connection)}
            if name not in found:
                raise _missing(name)
            check(found[name])
            _keep_an_owner(found, name)
            await administrators.remove(connection, name)
            await self._audit.record(connection, by, Verb.ADMIN_REMOVE, f"admin:{name}")


def _keep_an_owner(found: dict[str, Admin], name: str) -> None:
    owners = {admin.name for admin in found.values() if admin.role == Role.OWNER}
    if owners == {name}:
        raise Conflict(f"{name!r} is the only owner", remedy="make someone else an owner first")


def _missing(name: str) -> NotFound:
    return NotFound(f"there is no administrator {name!r}", remedy="see `wirefeed admins list`")
