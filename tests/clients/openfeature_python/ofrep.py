"""OpenFeature's own provider for OFREP, against the server at OFREP_URL. Writes what it read as one line of JSON."""

import json
import logging
import os

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

logging.disable(logging.CRITICAL)


def connected(domain, token):
    headers = {"Authorization": f"Bearer {token}"}
    provider = OFREPProvider(os.environ["OFREP_URL"], headers_factory=lambda: headers)
    api.set_provider(provider, domain)
    return api.get_client(domain)


def seen(details):
    code = details.error_code.value if details.error_code else None
    return [details.value, str(details.reason.value), details.variant, code]


client = connected("known", os.environ["OFREP_TOKEN"])
stranger = connected("stranger", "not-a-token")
ann = EvaluationContext("ann", {"email": "ann@example.com"})
bob = EvaluationContext("bob")
staff = client.get_boolean_details("staff", False, ann)

print(
    json.dumps(
        {
            "nav": seen(client.get_boolean_details("nav", True)),
            "staff": seen(staff),
            "not staff": seen(client.get_boolean_details("staff", True, bob)),
            "text": seen(client.get_string_details("text", "fallback", ann)),
            "count": seen(client.get_integer_details("count", 0, ann)),
            "ratio": seen(client.get_float_details("ratio", 0.1, ann)),
            "object": seen(client.get_object_details("object", {}, ann)),
            "open": seen(client.get_string_details("open", "fallback", ann)),
            "disabled": seen(client.get_boolean_details("disabled", False, ann)),
            "none": seen(client.get_string_details("none", "fallback", ann)),
            "mismatch": seen(client.get_integer_details("text", 7, ann)),
            "refused": seen(stranger.get_boolean_details("nav", False, ann)),
            "owner": staff.flag_metadata["owner"],
        }
    )
)
