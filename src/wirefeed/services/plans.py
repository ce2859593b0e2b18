"""Plans: add, change, remove, each change a version. What a change would do is said elsewhere."""

from collections.abc import Callable, Collection, Container, Iterable, Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.access import ALL, PUBLIC, Grant
from wirefeed.domain.audit import SYSTEM, Actor, Verb
from wirefeed.domain.due import delays_of
from wirefeed.domain.errors import Conflict, NotFound, Unacceptable
from wirefeed.domain.plans import Plan
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.services.audit import Audit
from wirefeed.services.delays import Delays, begin_delays
from wirefeed.storage import subscribers, wire
from wirefeed.storage.database import Database

#: Looks at what is held, and raises when that is not what a change was meant for.
Check = Callable[[Plan | None], None]
#: Those who have a plan are counted up to here: nobody writes meanwhile.
_COUNTED = 1000


def _any(_: Plan | None) -> None:
    """Change whatever is held."""


class Plans:
    """What is sold."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        *,
        topics: Container[str],
        languages: Collection[str],
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._audit = audit
        self._topics = topics
        self._languages = languages
        self._clock = clock
        self._delays = Delays()

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

        The same plan again changes nothing, and is no new version. Raises `Unacceptable` for a
        topic or language that there is not.
        """
        async with self._database.writing() as connection:
            held = (await subscribers.plans(connection)).get(plan.name)
            check(held)
            if self.judged(held, plan) is held and held is not None:
                return held
            (kept,) = await self.keep(connection, [(held, plan)], by)
            return kept

    def judged(self, held: Plan | None, new: Plan) -> Plan:
        """Give what is to be held; what is held when that is the same.

        Raises `Unacceptable` for a topic or language that there is not: it would grant or
        except nothing. What was granted before it was gone may stay. Raises it also where
        nothing is granted: that takes everything from all who have the plan.
        """
        if held is not None and _same(held, new):
            return held
        if not new.grants:
            raise Unacceptable(
                "it grants nothing", field="$.grants", remedy="give it a grant at least"
            )
        known = held.grants if held is not None else ()
        for number, grant in enumerate(new.grants):
            if grant not in known:
                self._check(grant, f"$.grants[{number}]")
        return new

    def _check(self, grant: Grant, at: str) -> None:
        see, use = "see `wirefeed topics list`", f"use {', '.join(self._languages)}"
        for field, names, known, fault, remedy in (
            ("topics", grant.topics, self._topics, "there is no topic", see),
            ("except", grant.excepted, self._topics, "there is no topic", see),
            ("languages", grant.languages, self._languages, "no feeds are made in", use),
        ):
            for name in sorted(names - {ALL}):
                if name not in known:
                    raise Unacceptable(f"{fault} {name!r}", field=f"{at}.{field}", remedy=remedy)

    async def keep(
        self,
        connection: AsyncConnection,
        changes: Sequence[tuple[Plan | None, Plan]],
        by: Actor,
    ) -> list[Plan]:
        """Hold plans in place of those held, as a part of something larger."""
        delays = delays_of(new for _, new in changes)
        known = await self._delays.in_force(connection) if delays else delays
        kept = [
            await self._put(connection, new, by, Verb.PLAN_SET if held else Verb.PLAN_ADD)
            for held, new in changes
        ]
        await begin_delays(connection, delays - known, self._clock())
        return kept

    async def remove(self, name: str, by: Actor = SYSTEM, *, check: Check = _any) -> None:
        """Remove a plan. Raises `NotFound`; `Conflict` while someone has it, or for `public`."""
        async with self._database.writing() as connection:
            held = (await subscribers.plans(connection)).get(name)
            if held is None:
                raise _missing(name)
            check(held)
            if name == PUBLIC:
                raise Conflict("everybody has the plan public", remedy="set its grants instead")
            holders = await subscribers.holders(connection, name, self._clock(), _COUNTED + 1)
            if holders:
                more = len(holders) > _COUNTED
                count = f"more than {_COUNTED}" if more else str(len(holders))
                raise Conflict(
                    f"{count} subscribers have the plan {name!r}, {holders[0]} among them",
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
