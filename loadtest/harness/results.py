"""`results.json`: the figures of the last run of each scenario, with where and when they were taken."""

import datetime
import json
import os

from . import report, setup

PATH = setup.FOLDER / "results.json"


def load():
    return json.loads(PATH.read_text()) if PATH.exists() else {}


def stamp(peers, **settings):
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "commit": setup.commit(), "machine": setup.machine(), "versions": setup.versions(peers),
            "load_average": round(os.getloadavg()[0], 2), **settings}


def save(section, value):
    """Replaces one section, and renders RESULTS.md anew from all of them."""
    every = load()
    every[section] = value
    fresh = PATH.with_suffix(".new")
    fresh.write_text(json.dumps(every, indent=1, sort_keys=True) + "\n")
    fresh.rename(PATH)
    report.write(every)
