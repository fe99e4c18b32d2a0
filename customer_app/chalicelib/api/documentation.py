"""/openapi.json and /docs: what this app takes and answers."""

from online_kart.documentation import documentation

documentation_api = documentation("Customer App")
