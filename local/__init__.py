"""The whole system on one machine: databases, AWS stand-ins, three Chalice servers, the demo.

Nothing here is deployed. `make up` and `make demo` run it by hand, the tests use its parts.
"""
