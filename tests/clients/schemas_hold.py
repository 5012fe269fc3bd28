"""schemathesis asks a running server what its own OpenAPI document says may be asked: no answer may be a failure of the server, or
another than the document promises.

usage: schemas_hold.py URL SECONDS
"""

import sys
import time

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

url, seconds = sys.argv[1], float(sys.argv[2])
schema = schemathesis.openapi.from_url(f"{url}/api")
operations = [result.ok() for result in schema.get_all_operations()]
assert len(operations) > 20, len(operations)
asked, faults = 0, {}
for operation in operations:
    end = time.monotonic() + seconds / len(operations)

    @settings(
        max_examples=100_000,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def holds(case):
        global asked
        # One fault an operation is enough, and is not looked for again.
        if time.monotonic() > end or operation.label in faults:
            raise TimeoutError
        asked += 1
        try:
            case.call_and_validate(checks=CHECKS)
        except Exception as fault:
            faults[operation.label] = str(fault)
            raise TimeoutError from fault

    try:
        holds()
    except TimeoutError:
        pass
print(f"{asked} questions to {len(operations)} operations")
if faults:
    print("\n\n".join(f"{label}: {fault}" for label, fault in faults.items()))
    sys.exit(1)
