"""Expands a SAM template (JSON on standard input) as SAM does on deployment. Runs in the sam environment."""

import json
import sys

from samtranslator.translator.transform import transform  # type: ignore[import-not-found]  # it is in the sam environment, not here


class NoManagedPolicies:
    """The expansion would ask AWS for the managed policies' ARNs; their names are enough here."""

    def load(self) -> dict[str, str]:
        return {}


PACKAGED = "s3://bucket/key"

template = json.load(sys.stdin)
template["Globals"]["Function"]["CodeUri"] = PACKAGED
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::LayerVersion":
        resource["Properties"]["ContentUri"] = PACKAGED
parameters = {name: each.get("Default", f"the-{name}") for name, each in template["Parameters"].items()}
json.dump(transform(template, parameters, NoManagedPolicies()), sys.stdout)
