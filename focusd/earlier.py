"""Settings as earlier versions had them, said as they are said today. Pure."""

from collections.abc import Mapping
from typing import Any


def in_todays_words(tree: object, default_plans: Mapping[str, Any]) -> object:
    """Give settings without what is said otherwise by now; what never was a setting stays, and is refused.

    `default_plans` are the plans of who gives none.

    `axis.assumed_is_enough` (until November 2026) held for all plans; now each says what it needs.
    """
    axis = tree.get("axis") if isinstance(tree, dict) else None
    if not isinstance(tree, dict) or not isinstance(axis, dict) or "assumed_is_enough" not in axis:
        return tree
    kept = {name: value for name, value in axis.items() if name != "assumed_is_enough"}
    today = {**tree, "axis": kept}
    plans = tree.get("plans", default_plans)
    if axis["assumed_is_enough"] is True and isinstance(plans, Mapping):
        today["plans"] = {name: _trusting(plan) for name, plan in plans.items()}
    return today


def _trusting(plan: object) -> object:
    return {"needs": "assumed", **plan} if isinstance(plan, Mapping) else plan
