"""Reading templates: (deployment, stack) → what CloudFormation would get."""

import json

APPS = {"fulfillment_app": "Fulfillment", "seller_app": "Seller", "customer_app": "Customer"}
"""App → its stack."""


def of_type(template, type_):
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == type_
    }


def all_of(templates, type_, deployment="dev"):
    """All of that type in a deployment."""
    return [
        properties
        for (of, _), template in templates.items()
        if of == deployment
        for properties in of_type(template, type_).values()
    ]


def text(value):
    """A value of a template with its references, to be searched in."""
    return json.dumps(value, sort_keys=True)
