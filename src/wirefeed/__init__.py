"""A news agency's wire: publish once, each reader gets what its subscription entitles it to."""

__version__ = "0.1.0"
