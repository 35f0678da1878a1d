"""Which walks a run takes: one per model and seed, and the members of blends, each once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sklearn.base import clone

from attngru_bt import checks
from attngru_bt.data.market import Market
from attngru_bt.features.panel import Panel
from attngru_bt.walkforward.blend import Blend
from attngru_bt.walkforward.by_name import generator
from attngru_bt.walkforward.checkpoint import recipe_digest
from attngru_bt.walkforward.generator import SignalGenerator
from attngru_bt.walkforward.panels import panel_key
from attngru_bt.walkforward.recipe import Recipe
from attngru_bt.walkforward.walk import Walk


def signals_of(
    market: Market, models: Mapping[str, Any] | Sequence[str], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the signal of each model: a recipe, a blend, or an object with ``scores(bars)``."""
    checks.list_of_names("models", models)
    signals: dict[str, Any] = {}
    items = models.items() if isinstance(models, Mapping) else ((name, name) for name in models)
    for name, model in items:
        if isinstance(model, str):
            signal = generator(model, **settings)
        elif isinstance(model, Blend):
            signal = model.with_settings(**settings)
        elif isinstance(model, Recipe) or hasattr(model, "scores"):
            signal = clone(model, safe=False)
        else:
            signal = Recipe(model, **settings)
        if isinstance(signal, SignalGenerator):
            signal = signal.recipe
        if isinstance(signal, Blend):
            signals[name] = signal.with_settings(universe=market.membership)
            continue
        # one that has a parameter `universe` and is given none chooses among the members
        if market.membership is not None and getattr(signal, "universe", market) is None:
            signal.set_params(universe=market.membership)
        if isinstance(signal, Recipe):
            signal.check()
        signals[name] = signal
    return signals


def recipes_among(signals: Iterable[Any]) -> list[Recipe]:
    """Return the recipes among some signals, those of blends included."""
    members = [
        member
        for signal in signals
        for member in (signal.members().values() if isinstance(signal, Blend) else [signal])
    ]
    return [member for member in members if isinstance(member, Recipe)]


def neutral_to(signal: Any) -> Sequence[str]:
    """Return the exposures that a blend is made neutral to."""
    return (signal.neutralize or ()) if isinstance(signal, Blend) else ()


def make_walks(
    signals: Mapping[str, Any],
    counts: Mapping[str, int],
    panels: Mapping[str, Panel],
    topk: int,
    folder: str | os.PathLike[str] | None,
) -> tuple[list[Walk], list[Walk]]:
    """Return a walk per model and seed with no month scored yet, and the walks to carry out.

    A blend combines the scores of its members and is not walked itself: the second list has the
    members in its place. Members with the same recipe, panel and seed share a walk, with each
    other and with a model of the lineup.
    """
    first = next(iter(panels.values()))
    # a name of fitted walks → panel and digest of their recipe before the seed is added
    names: dict[str, tuple[str, str]] = {}
    # panel and digest of a recipe, seed included → its walk
    walk_of: dict[tuple[str, str], Walk] = {}

    def walked(name: str, signal: Any, seed: int, panel: Panel) -> Walk:
        if not isinstance(signal, Recipe):
            return Walk(None, panel, model=name, seed=seed, signal=_seeded(signal, seed), topk=topk)
        seeded = _seeded(signal, seed)
        walk = Walk(
            seeded,
            panels[panel_key(signal)],
            model=name,
            seed=seed,
            checkpoints=None if folder is None else Path(folder) / name / f"seed{seed}",
        )
        walk_of.setdefault((panel_key(signal), recipe_digest(seeded)), walk)
        return walk

    walks: dict[tuple[str, int], Walk] = {}
    for name, signal in signals.items():
        if isinstance(signal, Recipe):
            names[name] = panel_key(signal), recipe_digest(signal)
        for seed in range(counts[name]):
            if not isinstance(signal, Blend):
                walks[name, seed] = walked(name, signal, seed, first)
    parts = list(walks.values())
    for name, signal in signals.items():
        if not isinstance(signal, Blend):
            continue
        of_first = next(iter(recipes_among([signal])), None)
        panel = first if of_first is None else panels[panel_key(of_first)]
        for seed in range(counts[name]):
            members = {}
            for part, member in signal.members().items():
                if isinstance(member, Recipe):
                    key = panel_key(member), recipe_digest(_seeded(member, seed))
                    if key in walk_of:
                        members[part] = walk_of[key]
                        continue
                    same = panel_key(member), recipe_digest(member)
                    # walks of one name may differ only in their seed: their checkpoints lie in
                    # folders by name and seed
                    walk_name = part if names.get(part, same) == same else f"{part} of {name}"
                    names[walk_name] = same
                    members[part] = walked(walk_name, member, seed, panel)
                else:
                    members[part] = walked(part, member, seed, panel)
                parts.append(members[part])
            walks[name, seed] = signal.walk_of(members, model=name, seed=seed)
    return [walks[name, seed] for name in signals for seed in range(counts[name])], parts


def _seeded(signal: Any, seed: int) -> Any:
    """Return a fresh signal whose random state has the seed added."""
    signal = clone(signal, safe=False)  # unsafe: also copies objects without get_params
    if hasattr(signal, "get_params") and "random_state" in signal.get_params():
        signal.set_params(random_state=signal.random_state + seed)
    return signal
