"""From a command line to a plain config: Hydra composes, and whatever it refuses becomes one line.

This is the only file of the package that knows Hydra; beyond it a config is a plain dict.
"""

import difflib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ablation import UserError

CONF = Path(__file__).resolve().parents[3] / "conf"
"""The folder of the config files, in the checkout that this package is installed from."""

Config = dict[str, Any]


def stage(run: Callable[[Config], None]) -> Callable[[], None]:
    """Make a command of a function of the composed config.

    The command exits with 0, or prints one line ``error: ...`` on stderr and exits with 2; interrupted, it exits
    with 130.
    """

    def main() -> None:
        try:
            config = compose_command_line()
            if config is not None:
                run(config)
        except UserError as error:
            sys.exit(_refuse(error))
        except KeyboardInterrupt:
            print("interrupted: what was finished is kept; the same command goes on from there", file=sys.stderr)
            sys.exit(130)

    return main


def _refuse(error: UserError) -> int:
    print("error: " + " ".join(str(error).split()), file=sys.stderr)
    return 2


def compose_command_line() -> Config | None:
    """Compose the config that ``sys.argv`` asks for; None where it asked for something about the config (``--cfg``).

    Raises:
        UserError: what was asked for does not exist, or cannot be parsed or resolved.
    """
    if any(re.fullmatch(r"-m|--multirun|hydra\.mode=.*multirun.*", word, re.IGNORECASE) for word in sys.argv[1:]):
        raise UserError("--multirun: a study is already the full product of its levels; give lists, as depth=[5,20]")
    composed: list[DictConfig] = []
    overrides: list[str] = []
    preset: list[str] = []

    def take(config: DictConfig) -> None:
        composed.append(config)
        preset.append(str(HydraConfig.get().runtime.choices.get("study")))
        # Unresolved: an override's own ${...} is not to be looked up here.
        overrides.extend(OmegaConf.to_container(HydraConfig.get().overrides.task))  # type: ignore[arg-type]

    # Hydra prints its refusals over many lines and leaves by itself, unless it is told to raise them.
    full_error = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(take)()
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise UserError(_one_line(error)) from error
    finally:
        if full_error is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full_error
    if not composed:
        return None
    if preset[0] == "None":
        raise UserError("study: must be one preset, as study=core, not a list of them")
    _check_overrides(overrides)
    try:
        config: Config = OmegaConf.to_container(composed[0], resolve=True, throw_on_missing=True)  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        raise UserError(_one_line(error)) from error
    if "overrides" in config:
        raise UserError(f"overrides={config['overrides']}: no such key; give the overrides themselves")
    config["overrides"] = [f"study={preset[0]}", *filter(_decides_results, overrides)]
    return config


def _decides_results(override: str) -> bool:
    """Whether an override says what the study is, rather than where and how it runs, or which preset it begins with."""
    return not re.match(r"[+~]*(study|device|engine|tracking|report|paths|hydra)\b", override)


def _check_overrides(overrides: list[str]) -> None:
    """Refuse a level that is selected twice, which Hydra merges in silence."""
    for override in OverridesParser.create().parse_overrides(overrides):
        value = override.value()
        # Only a factor's own list is one of levels; widths and targets may well repeat a number.
        if isinstance(value, list) and "." not in override.key_or_group:
            twice = [level for level in value if value.count(level) > 1]
            if twice:
                raise UserError(f"{override.input_line}: {twice[0]} is there twice; each level may stand once")


def _one_line(error: Exception) -> str:
    """Say what was refused, its key, its value and what is allowed."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.removesuffix(".yaml").rpartition("/")
        allowed = sorted(path.stem for path in (CONF / group).glob("*.yaml"))
        return f"{group or 'config'}={name}: no such level; allowed: {', '.join(allowed)}{_closest(name, allowed)}"
    if isinstance(error, OverrideParseException):
        return f"{error.override}: not an override as key=value ({str(error).splitlines()[0]})"
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    key = re.match(r"Could not override '([^']+)'", first)
    if key:
        return _unknown_key(key[1])
    sweep = re.search(r"Ambiguous value for argument '([^'=]+)=([^']*)'", first)
    if sweep:
        return f"{sweep[1]}={sweep[2]}: several levels are a list, as '{sweep[1]}=[{sweep[2]}]'"
    full_key = re.search(r"full_key: (\S+)", str(error))
    return f"{full_key[1] if full_key else ' '.join(sys.argv[1:])}: {first}"


def _unknown_key(key: str) -> str:
    """Name the keys that exist beside one that does not."""
    given = next((word for word in sys.argv[1:] if word.lstrip("+~").startswith(f"{key}=")), key)
    config = OmegaConf.load(CONF / "config.yaml")
    assert isinstance(config, DictConfig)
    groups = {path.name for path in CONF.iterdir() if path.is_dir()}
    section, _, rest = key.partition(".")
    if not rest:
        allowed = sorted((groups | {str(name) for name in config}) - {"defaults", "hydra"})
        return f"{given}: no such key; allowed: {', '.join(allowed)}{_closest(key, allowed)}"
    if section not in groups:
        return f"{given}: no such key; allowed: {', '.join(f'{section}.{name}' for name in config.get(section) or {})}"
    label, _, parameter = rest.partition(".")
    if parameter:
        return f"{given}: {section}={label} is not selected, or has no parameter {parameter}"
    if section in ("engine", "tracking", "report"):
        known = {path.stem: list(map(str, OmegaConf.load(path))) for path in sorted((CONF / section).glob("*.yaml"))}
        having = [f"{section}={name}" for name, keys in known.items() if label in keys]
        if having:
            return f"{given}: a key of {', '.join(having)} alone, which is not selected"
        return f"{given}: no such key; allowed: {', '.join(sorted({key for keys in known.values() for key in keys}))}"
    return f"{given}: {section}={label} is not selected, or has no such key; '+{key}={{kind: ...}}' adds a level"


def _closest(name: str, allowed: list[str]) -> str:
    close = difflib.get_close_matches(name, allowed, n=1)
    return f"; did you mean {close[0]}?" if close else ""
