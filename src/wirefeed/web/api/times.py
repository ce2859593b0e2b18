"""Times as the API tells them: as files of accounts do. Pure."""

from wirefeed.formats.times import Time, micros, moment

__all__ = ["Time", "micros", "moment"]
