"""Examples of what is asked of statistics, for the tests of the contract."""

from __future__ import annotations

from tests.api.calls import Answer
from tests.api.conftest import Api


def read_statistics(api: Api) -> Answer:
    api.approved(api.article())
    return api.ask("GET", f"/v1/moderation/stats?site={api.site.slug}", bearer=api.keys["moderate"])


def export_statistics(api: Api) -> Answer:
    where = f"/v1/moderation/stats.csv?site={api.site.slug}"
    return api.ask("GET", where, bearer=api.keys["moderate"])


STATISTICS_EXAMPLES = (read_statistics, export_statistics)
