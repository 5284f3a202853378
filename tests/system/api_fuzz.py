"""Calls made up from the sandbox's own OpenAPI schema, valid ones and wrong ones."""

import random
import sys

import hypothesis
import schemathesis
from hypothesis import HealthCheck

# These would end the sandbox's broker or plant faults, which is what they are for.
NOT_TRIED = ("/sandbox/broker", "/sandbox/faults")
REAL_IDS = 0.7
# A sandbox in which one call breaks now and then, to see that it is found.
BROKEN = [
    sys.executable,
    "-c",
    "from ways_device.sandbox.profiles import Profiles\n"
    "create = Profiles.create\n"
    "def breaking(self, fields):\n"
    "    assert not fields.get('metadata'), 'planted'\n"
    "    return create(self, fields)\n"
    "Profiles.create = breaking\n"
    "from ways_device.cli import main\n"
    "main()",
    "sandbox",
    "start",
]
BROKEN_PATH = "/v1/iot/profiles"


def fuzz(sandbox, ids, seed, examples, only=None):
    """Try every operation of the schema with so many examples.

    ids maps "{device_id}" and so on to objects that exist: most calls are made on those, else
    nearly all would end as 404. Returns (calls made, descriptions of answers of 500 and above).
    """
    schema = schemathesis.openapi.from_dict(sandbox.call("GET", "/sandbox/openapi.json"))
    chance = random.Random(seed)
    made, broken = 0, []
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.startswith(NOT_TRIED) or (only and operation.path != only):
            continue

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy())
        def attempt(case):
            nonlocal made
            if chance.random() < REAL_IDS:
                for name in case.path_parameters or {}:
                    real = ids.get(f"{{{name}}}")
                    if real is not None:
                        case.path_parameters[name] = real
            made += 1
            answer = case.call(
                base_url=sandbox.info["api_url"],
                headers={"X-API-Key": sandbox.http.headers["X-API-Key"]},
                timeout=30,
            )
            if answer.status_code >= 500:
                sent = f"{case.method} {answer.request.url} {answer.request.body!r:.300}"
                broken.append(f"{answer.status_code} to {sent}")

        attempt()
    return made, broken
