"""The payment provider behind the port of `domain.payments`, over HTTP. Each call is named by its order and what it does."""

import json
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any
from uuid import UUID

from .domain.errors import PaymentDeclined, Unavailable

ANSWER_SECONDS_MAX = 8.0
"""A bank may take seconds to decide. Under the 20 s of an order's step, with what that does in the database."""


class HttpPaymentProvider:
    """POSTs `<url>/payments/<order id>/<what>`; 402 is a refusal, anything else but 200 says nothing."""

    def __init__(self, url: str) -> None:
        self._url = url

    def authorize(self, order_id: UUID, amount_paise: int) -> None:
        self._post(order_id, "authorization", {"amount_paise": amount_paise})

    def capture(self, order_id: UUID) -> None:
        self._post(order_id, "capture", {})

    def release(self, order_id: UUID) -> None:
        self._post(order_id, "release", {})

    def refund(self, order_id: UUID, return_id: UUID, amount_paise: int) -> None:
        self._post(order_id, f"refunds/{return_id}", {"amount_paise": amount_paise})

    def _post(self, order_id: UUID, what: str, body: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"{self._url}/payments/{order_id}/{what}",
            data=json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Idempotency-Key": f"{order_id} {what}",
            },
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS_MAX):
                return
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == HTTPStatus.PAYMENT_REQUIRED:
                raise PaymentDeclined(order_id) from error
            raise Unavailable(f"The payment provider answered {error.code}.") from error
        except OSError as error:
            raise Unavailable("The payment provider does not answer.") from error
