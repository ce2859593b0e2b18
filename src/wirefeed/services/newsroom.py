"""The way in and what the desk has in hand, put together: stories, kills, drills. No rules here."""

from dataclasses import dataclass

from wirefeed.formats import markup
from wirefeed.services.drills import Drills
from wirefeed.services.duties import Duty
from wirefeed.services.kill_alarms import HELD, KillAlarms
from wirefeed.services.kills import Kills
from wirefeed.services.means import Means
from wirefeed.services.newsdesk import Newsdesk
from wirefeed.services.publishing import Publishing


@dataclass(frozen=True, kw_only=True)
class Newsroom:
    """How stories come in, and how they are taken back."""

    publishing: Publishing
    newsdesk: Newsdesk
    kills: Kills
    kill_alarms: KillAlarms
    drills: Drills


def newsroom(means: Means) -> Newsroom:
    """Put it together."""
    settings, database, clock = means.settings, means.database, means.clock
    publishing = Publishing(
        database,
        means.taxonomy,
        means.audit,
        languages=settings.site.languages,
        default_language=settings.default_language,
        sanitiser=markup.EDITION,
        clock=clock,
    )
    ledger = means.ledger
    duty = Duty(database, "kills", clock=clock, held=HELD)
    kills = Kills(database, ledger, alarm_minutes=settings.kills.alarm_minutes, clock=clock)
    return Newsroom(
        publishing=publishing,
        newsdesk=Newsdesk(database, publishing, clock=clock),
        kills=kills,
        kill_alarms=KillAlarms(database, ledger, kills, duty, means.follower, clock=clock),
        drills=Drills(database, publishing, means.audit, means.house, clock=clock),
    )
