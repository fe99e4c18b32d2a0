"""`kart`, a command for people: what the apps tell of orders, routes, runs and stock, and the closing of a facility.

It asks the apps by `local.client` as whoever signed in at this terminal, shows tables, and, with `--json`, the answers.
"""
