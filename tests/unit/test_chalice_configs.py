"""Plain `chalice local` in an app's folder finds what `make up` starts."""

import json

import pytest

from local.apps import APPS, ROOT
from local.clock import ClockFile
from local.environment import REGION
from local.ports import HOST, Ports
from local.state import REPOSITORY
from local.token_issuers import token_issuers

ENGINE_URL = f"http://{HOST}:{Ports().engine}"
STORES = {
    "KART_INVENTORY_DSN": f"postgresql://kart@{HOST}:{Ports().inventory}/inventory",
    "KART_CUSTOMER_DSN": f"postgresql://kart@{HOST}:{Ports().customer}/customer",
    "MONGODB_URI": f"mongodb://{HOST}:{Ports().documents}/?directConnection=true",
}


@pytest.mark.parametrize("app", APPS)
def test_an_app_started_by_itself_has_the_stores_the_clock_and_the_people_of_make_up(app):
    config = json.loads((ROOT / app / ".chalice" / "config.json").read_text())
    variables = config["stages"]["dev"]["environment_variables"]

    clock_file = ROOT / app / variables.pop("KART_CLOCK_FILE")

    assert clock_file.resolve() == ClockFile(REPOSITORY / ".kart").path
    assert variables.pop("KART_TOKEN_ISSUERS") == token_issuers(app, ENGINE_URL, REGION)
    assert variables.items() <= STORES.items()
