"""From a command line to a plain config: Hydra composes, and whatever is refused becomes one line.

This folder alone knows Hydra; beyond it a config is a plain dict. `words` reads the command line, `files` the YAML
files, `selection` and `arrangement` decide which levels a factor has, and `refusals` says what is wrong.
"""

import os
import re
import signal
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ablation import UserError
from ablation.levels import shown
from ablation.studies.config.arrangement import Arrangement, arrange, preset
from ablation.studies.config.own import put_in_force
from ablation.studies.config.places import CONF, check_checkout, go_home
from ablation.studies.config.refusals import one_line
from ablation.studies.config.selection import Selection
from ablation.studies.config.words import Words

Config = dict[str, Any]

REPEATED = 400
"""Letters without a space that a message repeats at most."""


def stage(
    run: Callable[[Config], None], script: str | None = None, reads: Collection[str] | None = None
) -> Callable[[], None]:
    """Make a command of a function of the composed config.

    The command exits with 0, or prints one line ``error: ...`` on stderr and exits with 2; interrupted, it exits
    with 130, and ended by SIGTERM, as a scheduler does, with 143.

    Args:
        run: what the stage does.
        script: the file that is run as the command, which must be of this project.
        reads: the sections of the config that the stage reads, beside those that say where and how; none for all.
    """

    def main() -> None:
        signal.signal(signal.SIGTERM, _end)
        try:
            words = sys.argv[1:]
            if script is not None:
                check_checkout(Path(script))
                words = go_home(words)
            config = compose(words, reads)
            if config is not None:
                run(config)
        except UserError as error:
            sys.exit(_refuse(error))
        except KeyboardInterrupt as error:
            print("interrupted: what was finished is kept; the same command goes on from there", file=sys.stderr)
            sys.exit(143 if isinstance(error, _EndedError) else 130)

    return main


class _EndedError(KeyboardInterrupt):
    """The process was asked to end, and does so as if it were interrupted."""


def _end(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _EndedError


def _refuse(error: UserError) -> int:
    told = " ".join(str(error).encode("utf-8", "backslashreplace").decode().split())
    told = re.sub(rf"\S{{{REPEATED},}}", lambda word: f"{word[0][:60]}... ({len(word[0])} letters)", told)
    print(f"error: {told}", file=sys.stderr)
    return 2


def compose_command_line() -> Config | None:
    """Compose the config that ``sys.argv`` asks for; see ``compose``."""
    return compose(sys.argv[1:])


def compose(given: Sequence[str], reads: Collection[str] | None = None) -> Config | None:
    """Compose the config that a command line asks for; None where it asked for something about the config (``--cfg``).

    Args:
        given: the words of the command line.
        reads: the sections that may be overridden, as in ``stage``.

    Raises:
        UserError: what was asked for does not exist, or cannot be parsed or resolved.
    """
    words = Words(given, reads)
    if words.flags.shell_completion:
        _answer(list(given))
        return None
    put_in_force(CONF, preset(words.overrides), words.overrides)
    arranged = arrange(CONF, words.overrides)
    flags = words.flags
    try:
        if flags.help or flags.hydra_help or flags.info or flags.cfg in ("hydra", "all"):
            _answer([*words.given_flags, *arranged.words])
            return None
        with hydra.initialize_config_dir(str(CONF), job_name="ablation", version_base="1.3"):
            composed = hydra.compose("config", arranged.words)
        _leave_selected(composed, arranged)
        if flags.cfg:
            part = OmegaConf.select(composed, flags.package or "", default=composed)
            print(OmegaConf.to_yaml(part, resolve=flags.resolve), end="")
            return None
        config: Config = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)  # type: ignore[assignment]
    except (HydraException, OmegaConfBaseException, RecursionError, ValueError, TypeError, OSError) as error:
        raise UserError(one_line(error, words.overrides, Selection(CONF, arranged.study))) from error
    if "overrides" in config:
        raise UserError(f"overrides={shown(config['overrides'])}: no such key; give the overrides themselves")
    told = [str(override.input_line) for override in words.overrides]
    config["overrides"] = [f"study={arranged.study}", *filter(_decides_results, told)]
    return config


def _answer(words: list[str]) -> None:
    """Have Hydra, which reads the command line itself, answer what is asked about the config, as by ``--help``."""

    def nothing(config: DictConfig) -> None:
        pass

    # It prints its refusals over many lines and leaves by itself, unless it is told to raise them.
    argv, full_error = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv, os.environ["HYDRA_FULL_ERROR"] = [argv[0], *words], "1"
    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(nothing)()
    finally:
        sys.argv = argv
        if full_error is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full_error


def _leave_selected(config: DictConfig, arranged: Arrangement) -> None:
    """Leave each group with the keys that it was given, in their order."""
    OmegaConf.set_struct(config, False)
    for group, keys in arranged.keys.items():
        content = config.get(group)
        if not keys:
            config.pop(group, None)
        elif isinstance(content, DictConfig):
            config[group] = {key: content._get_node(key) for key in keys if key in content}
    OmegaConf.set_struct(config, True)


def _decides_results(override: str) -> bool:
    """Whether an override says what the study is, rather than where and how it runs, or which preset it begins with."""
    return not re.match(r"[+~]*(study|device|engine|tracking|report|paths|plan)\b", override)
