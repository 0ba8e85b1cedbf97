"""OpenFeature's own evaluator for flagd's documents. Reads lines of {document, cases: [{flag, context, now}]}, and writes for
each a line of [{variant, reason, error}]."""

import json
import logging
import sys
import time

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import OpenFeatureError

logging.disable(logging.CRITICAL)


def evaluate(core, case):
    context = dict(case["context"])
    key = context.pop("targetingKey", None)
    time.time = lambda: case["now"]
    try:
        found = core.resolve_string_value(
            case["flag"], "the fallback", EvaluationContext(key, context)
        )
    except OpenFeatureError as error:
        return {"variant": None, "reason": None, "error": error.error_code.value}
    except Exception as error:
        return {"variant": None, "reason": None, "error": type(error).__name__}
    return {"variant": found.variant, "reason": found.reason.value, "error": None}


for line in sys.stdin:
    asked = json.loads(line)
    core = FlagdCore()
    core.set_flags(asked["document"])
    print(json.dumps([evaluate(core, case) for case in asked["cases"]]), flush=True)
