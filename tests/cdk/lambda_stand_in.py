"""Run by test_layers as Lambda would run a function: with the app's folder and its layers on the path, and nothing else.

    python -I -S lambda_stand_in.py FUNCTION…

The path comes as KART_PATH. Each function is looked up as Lambda's runtime does it, in a list that is told as JSON.
"""

import importlib
import json
import os
import sys
import time

sys.path[:0] = os.environ["KART_PATH"].split(os.pathsep)


def found(handler):
    """What Lambda would call."""
    module, _, name = handler.rpartition(".")
    return getattr(importlib.import_module(module), name)


def asked(app, path):
    """The API's answer to a request of nobody in particular."""
    event = {
        "httpMethod": "GET",
        "requestContext": {"resourcePath": path, "httpMethod": "GET"},
        "resource": path,
        "path": path,
        "headers": {},
        "multiValueHeaders": {},
        "multiValueQueryStringParameters": None,
        "queryStringParameters": None,
        "pathParameters": {"file_name": "swagger-ui-bundle.min.js"} if "{" in path else {},
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
    }
    return app(event, None)["statusCode"]


def told(handler):
    started = time.process_time()
    function = found(handler)
    answer = {
        "handler": handler,
        "is": repr(function),
        "seconds": time.process_time() - started,
    }
    if handler == "app.app":
        answer["pages"] = {
            path: asked(function, path) for path in ("/docs", "/docs/{file_name}", "/openapi.json")
        }
    return answer


print(json.dumps([told(handler) for handler in sys.argv[1:]]))
