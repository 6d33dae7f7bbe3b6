"""How the cells behind a line are trained again: the study's own command, with one level of each factor.

It goes by another ``name``, so that the study's own results stay; what is trained already is not trained again.
"""

import json
import shlex
from collections.abc import Collection, Mapping
from typing import Any

from ablation.reporting.design import WHOLE, Design
from ablation.reporting.naming import Label, raw


def commands(manifest: Mapping[str, Any], design: Design, factors: Collection[str]) -> dict[str, Any]:
    """What the page puts a line's command together from.

    ``base`` is the command without these factors, ``words`` what selects each of their levels, ``rates`` the key of the
    learning rate with each level of optimizer, which may have its own.
    """
    optimizers = design.levels["optimizer"]
    keys = [f"optimizer.{level}.lr" if level in design.brings else "lr" for level in optimizers]
    aside = {*factors, "name", *(keys if "lr" in factors else ())}
    kept = [word for word in manifest["overrides"] if factor_of(word) not in aside and path_of(word) not in aside]
    words = {
        factor: [f"{factor}={selected(manifest, factor, level)}" for level in design.levels[factor]]
        for factor in factors
    }
    base = shlex.join(["python", "pipelines/study.py", *kept, f"name={manifest['name']}_picked"])
    return {"base": base, "words": words, "rates": keys}


def path_of(word: str) -> str:
    """The key that an override sets."""
    return word.lstrip("+~").partition("=")[0]


def factor_of(word: str) -> str:
    """The factor that it belongs to, or another part of the config."""
    return path_of(word).partition(".")[0]


def is_own(manifest: Mapping[str, Any], factor: str) -> bool:
    """Whether the study's command itself has levels or settings of a factor, which no name would select."""
    own = [word for word in manifest["overrides"] if factor_of(word) == factor]
    return any("." in path_of(word) or "{" in word for word in own)


def selected(manifest: Mapping[str, Any], factor: str, level: Label) -> str:
    """A level as the command line selects it: by its name, or written out where the study's command has its own."""
    if not is_own(manifest, factor):
        return "null" if level == WHOLE and factor == "examples" else raw(level)
    settings = manifest["config"][factor][str(level)]
    return f"{{{level}: {value_text({name: value for name, value in settings.items() if name != 'lr'})}}}"


def value_text(value: Any) -> str:
    """A setting as the command line reads it."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {value_text(each)}' for name, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    return value if isinstance(value, str) and value.isidentifier() else json.dumps(value)
