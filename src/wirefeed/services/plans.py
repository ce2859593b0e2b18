"""Plans: add, change, remove, each change a version. What a change would do is said elsewhere."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import PUBLIC
from wirefeed.domain.audit import SYSTEM, Actor, Verb
from wirefeed.domain.errors import Conflict, NotFound
from wirefeed.domain.plans import Plan
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.services.audit import Audit
from wirefeed.storage import subscribers, wire
from wirefeed.storage.database import Database

#: Looks at what is held, and raises when that is not what a change was meant for.
Check = Callable[[Plan | None], None]


def _any(_: Plan | None) -> None:
    """Change whatever is held."""


class Plans:
    """What is sold."""

    def __init__(self, database: Database, audit: Audit, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    async def all(self) -> dict[str, Plan]:
        """Give all plans by name."""
        async with self._database.reading() as connection:
            return await subscribers.plans(connection)

    async def get(self, name: str) -> Plan:
        """Give a plan. Raises `NotFound`."""
        plan = (await self.all()).get(name)
        if plan is None:
            raise _missing(name)
        return plan

    async def versions(self, name: str) -> list[Plan]:
        """Give every version of a plan, the newest first. Raises `NotFound`."""
        async with self._database.reading() as connection:
            found = await subscribers.plan_versions(connection, name)
        if not found:
            raise _missing(name)
        return found

    async def put(self, plan: Plan, by: Actor = SYSTEM, *, check: Check = _any) -> Plan:
        """Add a plan, or replace the one of its name; it acts on the next request.

        The same plan again changes nothing, and is no new version.
        """
        async with self._database.writing() as connection:
            held = (await subscribers.plans(connection)).get(plan.name)
            check(held)
            if held is not None and _same(held, plan):
                return held
            return await self._put(connection, plan, by, Verb.PLAN_SET if held else Verb.PLAN_ADD)

    async def remove(self, name: str, by: Actor = SYSTEM, *, check: Check = _any) -> None:
        """Remove a plan. Raises `NotFound`; `Conflict` while someone has it, or for `public`."""
        async with self._database.writing() as connection:
            held = (await subscribers.plans(connection)).get(name)
            if held is None:
                raise _missing(name)
            check(held)
            if name == PUBLIC:
                raise Conflict("everybody has the plan public", remedy="set its grants instead")
            holders = await subscribers.holders(connection, name)
            if holders:
                raise Conflict(
                    f"{len(holders)} subscribers have the plan {name!r}, {holders[0]} among them",
                    remedy="take it from them first",
                )
            await self._announce(connection, name)
            await subscribers.remove_plan(connection, name)
            await self._audit.record(
                connection, by, Verb.PLAN_REMOVE, f"plan:{name}", version=held.version
            )

    async def seed(self, plans: Iterable[Plan]) -> bool:
        """Give a database without plans its first ones; say whether it had none."""
        if await self.all():
            return False
        # All or none: with only some, those missing would never be seeded.
        async with self._database.writing() as connection:
            held = await subscribers.plans(connection)
            for plan in () if held else plans:
                await self._put(connection, plan, SYSTEM, Verb.PLAN_ADD)
        return not held

    async def _put(self, connection: AsyncConnection, plan: Plan, by: Actor, verb: Verb) -> Plan:
        at = await self._announce(connection, plan.name)
        version = await subscribers.last_version(connection, plan.name) + 1
        kept = replace(plan, changed=at, version=version)
        await subscribers.put_plan(connection, kept)
        await self._audit.record(connection, by, verb, f"plan:{plan.name}", version=version)
        return kept

    async def _announce(self, connection: AsyncConnection, name: str) -> int:
        change = Change(kind=ChangeKind.ACCESS, about=f"plan:{name}")
        return (await wire.append(connection, [change], self._clock())).at


def _same(held: Plan, new: Plan) -> bool:
    return replace(new, changed=held.changed, version=held.version) == held


def _missing(name: str) -> NotFound:
    return NotFound(f"there is no plan {name!r}", remedy="see `wirefeed plans list`")
