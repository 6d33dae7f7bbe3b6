"""The environment in a checkout's ``.venv``, made one that can be moved and copied with its folder.

Its scripts begin with the full path of its interpreter, ``activate`` holds its own, and what says where this package
lies is a full path too: in a copy of the project, all of them would lead to the original. Each is made relative to
itself. The Makefile runs this file with the interpreter of that environment.
"""

import json
import os
import re
import sysconfig
import venv
from pathlib import Path

ENVIRONMENT = Path(".venv")

HEAD = b"""#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"
' '''
"""
"""How a script is begun by the interpreter beside it, in a language that is Python as well as shell."""

FULL = re.compile(rb"#!(/bin/sh\n'''exec' [^\n]*\n' '''|[^\n]*/bin/python[0-9.]*)\n")
"""How pip begins it; the first form is for paths that are long, or have spaces in them."""

ACTIVATE = """# Where this file lies now. In a shell that does not tell, in the current folder, if it is the same there.
_OLD_VIRTUAL_PATH="$(dirname -- "${BASH_SOURCE:-$0}")/.."
if [ ! -f "$_OLD_VIRTUAL_PATH/pyvenv.cfg" ] && grep -qsF -- "$VIRTUAL_ENV" .venv/bin/activate ; then
    _OLD_VIRTUAL_PATH=.venv
fi
if [ -f "$_OLD_VIRTUAL_PATH/pyvenv.cfg" ] ; then
    VIRTUAL_ENV="$(cd -- "$_OLD_VIRTUAL_PATH" && pwd)"
    export VIRTUAL_ENV
fi

"""


def relocate(environment: Path) -> None:
    """Make the environment independent of the folder that it lies in."""
    builder = venv.EnvBuilder(symlinks=True)
    builder.setup_scripts(builder.ensure_directories(str(environment.absolute())))
    for file, found, instead in (
        (environment / "pyvenv.cfg", r"^command = .*\n", ""),
        (environment / "bin" / "activate", r"(?=^_OLD_VIRTUAL_PATH=)", ACTIVATE),
    ):
        file.write_text(re.sub(found, instead, file.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    for script in (environment / "bin").iterdir():
        begun = None if script.is_symlink() else FULL.match(content := script.read_bytes())
        if begun:
            script.write_bytes(HEAD + content[begun.end() :])
    packages = Path(sysconfig.get_path("purelib"))
    for pointer in list(packages.glob("__editable__.ablation-*.pth")) or [packages / "ablation.pth"]:
        # A line of such a file is taken relative to the folder that it lies in.
        pointer.write_text(os.path.relpath("src", packages) + "\n")
    for source in packages.glob("ablation-*.dist-info/direct_url.json"):
        source.write_text(json.dumps({"dir_info": {"editable": True}, "url": Path.cwd().as_uri()}))


# A link to an environment elsewhere does not move along, and others may use what it leads to.
if __name__ == "__main__" and not ENVIRONMENT.is_symlink():
    relocate(ENVIRONMENT)
