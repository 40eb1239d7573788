"""The stream worker's app, built from the environment."""

from schemas import settings
from streams.worker import topology

app = topology.build_app(settings.load("kafka", "database_url"))
