"""The three apps for programs in Python: a class each, whose methods take and answer the models of `online_kart`.

The demo, the command `kart` and the end-to-end tests meet the apps by it, over HTTP and by nothing else.
"""
