"""What `/openapi.json` says is what the service does, whatever is sent to whichever operation.

Schemathesis writes requests out of the document, right ones and wrong ones, and holds each answer
against it. POSTBAG_TEST_CASES says how many of each for an operation.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.faults.sizes import size
from tests.journeys.api import Paper
from tests.journeys.house import open_house

pytestmark = [pytest.mark.faults, pytest.mark.timeout(7_200)]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ANSWER_SECONDS = 20.0
TRIES, PAUSE_SECONDS = 3, 0.5
"""A 503 says that there is too much to do just now: on two cores no finding, unless it stays."""
TELL_EVERY = 20
"""Operations."""
TOLD = 400
"""Characters of a failure."""


@dataclass(slots=True, kw_only=True)
class Caller:
    """Somebody with a key who calls one operation."""

    base_url: str
    paper: Paper
    real: Mapping[str, str]
    """Name of a part of a path -> what is really there."""
    session: requests.Session
    answers: Counter[int] = field(default_factory=Counter)
    broken: set[str] = field(default_factory=set)

    def ask(self, operation: APIOperation[Any, Any, Any, Any], cases: int) -> None:
        """Call an operation with requests that follow the document, and with some that do not.

        As often as anybody else somebody calls who may.
        """
        security = operation.definition.raw.get("security", ())
        may = [scope for each in security for scope in each.get("key", ())]
        callers = st.sampled_from(("", *self.paper.keys))
        if may:
            callers |= st.sampled_from(may)
        for mode in GenerationMode:

            @settings(
                max_examples=cases,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(
                case=operation.as_strategy(generation_mode=mode),
                by=callers,
                here=st.integers(0, 3),
            )
            def ask_once(case: Case[Any], by: str, here: int) -> None:
                self._call(case, by, is_real=here > 0)

            try:
                ask_once()
            except Exception as error:
                if type(error).__name__ not in {"Unsatisfiable", "SkipTest", "NothingToTest"}:
                    raise

    def _call(self, case: Case[Any], by: str, *, is_real: bool) -> None:
        if is_real:
            case.path_parameters |= {
                name: value for name, value in self.real.items() if name in case.path_parameters
            }
        headers = {"Authorization": f"Bearer {self.paper.keys[by]}"} if by else {}
        for _ in range(TRIES):
            response = case.call(
                base_url=self.base_url,
                session=self.session,
                headers=headers,
                timeout=ANSWER_SECONDS,
                allow_redirects=False,
            )
            if response.status_code != 503:
                break
            time.sleep(PAUSE_SECONDS)
        self.answers[response.status_code] += 1
        try:
            case.validate_response(response, checks=CHECKS)
        except (Failure, FailureGroup) as failure:
            for each in getattr(failure, "exceptions", (failure,)):
                said = " ".join(str(each).split())[-TOLD:]
                self.broken.add(f"{case.operation.label} as {by or 'nobody'}: {said}")


def operations(document: dict[str, Any]) -> Iterator[APIOperation[Any, Any, Any, Any]]:
    """Return every operation whose answer ends."""
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        described = document["paths"][operation.path][operation.method]["responses"]
        if not any("text/event-stream" in each.get("content", {}) for each in described.values()):
            yield operation


async def test_every_operation_answers_as_the_document_says(
    database_url: str, redis_url: str, tell: Callable[[str], None]
) -> None:
    cases = size("CASES", "much", little=1, much=50)
    answers: Counter[int] = Counter()
    broken: set[str] = set()
    async with open_house(database_url, redis_url) as house:
        document = (await house.api("GET", "/openapi.json")).expect(200)
        asked = list(operations(document))
        with requests.Session() as session:
            for number, operation in enumerate(asked):
                paper = await house.found(f"daily-{number}")  # what is deleted, is deleted there
                posted = await paper.post()
                caller = Caller(
                    base_url=house.api.base_url,
                    paper=paper,
                    real={
                        "site": paper.slug,
                        "article": "story-1",
                        "id": posted.id,
                        "comment": posted.id,
                    },
                    session=session,
                )
                await asyncio.to_thread(caller.ask, operation, cases)
                answers += caller.answers
                broken |= caller.broken
                if number % TELL_EVERY == TELL_EVERY - 1:
                    tell(f"{number + 1} of {len(asked)} operations, {answers.total()} requests")

    tell(f"{len(asked)} operations, {answers.total()} requests: {dict(sorted(answers.items()))}")
    assert sorted(broken) == []
    assert answers[200]
