"""Alarms: lines that CloudWatch counts, people read, and a list names."""

import json
import re
from uuid import UUID

import pytest

from local.apps import APPS, ROOT
from online_kart.alarms import ALARMS, raise_alarm
from online_kart.metrics import NAMESPACE

ORDER_ID = UUID("00000000-0000-4000-8000-000000000001")


def test_an_alarm_is_one_line_of_json_that_cloudwatch_counts_by_its_name(capsys):
    raise_alarm("OrderStuck", order_id=ORDER_ID, revision=2)

    (text,) = capsys.readouterr().out.splitlines()
    line = json.loads(text)
    (metric,) = line["_aws"]["CloudWatchMetrics"]
    assert metric == {
        "Namespace": NAMESPACE,
        "Dimensions": [["alarm"]],
        "Metrics": [{"Name": "alarms", "Unit": "Count"}],
    }
    assert (line["alarm"], line["alarms"]) == ("OrderStuck", 1)
    assert (line["order_id"], line["revision"]) == (str(ORDER_ID), 2)
    assert line["says"] == ALARMS["OrderStuck"]


def test_an_alarm_that_is_not_listed_can_not_be_raised():
    with pytest.raises(AssertionError, match="Nonsense"):
        raise_alarm("Nonsense")


def test_every_alarm_of_the_list_is_raised_somewhere_and_no_other():
    folders = [ROOT / "layers", ROOT / "local", *(ROOT / app for app in APPS)]
    raised = {
        name
        for folder in folders
        for path in folder.rglob("*.py")
        for name in re.findall(r'raise_alarm\(\s*"(\w+)"', path.read_text())
    }

    assert raised == set(ALARMS)
