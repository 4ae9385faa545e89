"""Generates clients from openapi.yaml, checks their types, and calls the service with them.

Usage: python testing/interop/clients/run.py LOCAL NODE_MODULES
LOCAL is the program `local`. NODE_MODULES has the packages of testing/interop/clients/package.json. The interpreter
needs openapi-python-client and mypy.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
DESCRIPTION = HERE.parents[2] / "openapi.yaml"
sys.path.append(str(HERE.parents[1]))

from service import Service  # noqa: E402


def run(*command, folder):
    """Runs a command in `folder`, with the interpreter's other programs in its path. Its output shows on failure."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stdout}")
    return done.stdout


def build_typescript(folder, node_modules):
    """Generates the types and compiles client.ts to client.js."""
    # Node.js looks for packages in the script's folder and its ancestors.
    for name in ("client.ts", "package.json", "tsconfig.json"):
        shutil.copy(HERE / name, folder)
    Path(folder, "node_modules").symlink_to(node_modules)
    run(node_modules / ".bin/openapi-typescript", DESCRIPTION, "--output", "api.d.ts", folder=folder)
    run(node_modules / ".bin/tsc", "--project", ".", folder=folder)


def build_python(folder):
    """Generates the package `postern` and checks it and client.py."""
    shutil.copy(HERE / "client.py", folder)
    # Without the linter that the generator would run, whose fixes depend on its version.
    Path(folder, "config.yaml").write_text("post_hooks: []")
    run("openapi-python-client", "generate", "--path", DESCRIPTION, "--output-path", "postern", "--meta", "none",
        "--config", "config.yaml", "--fail-on-warning", folder=folder)
    run("mypy", "--strict", "--cache-dir", os.devnull, "client.py", "postern", folder=folder)


def main():
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} LOCAL NODE_MODULES")
    program, node_modules = (Path(argument).resolve() for argument in sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        build_typescript(folder, node_modules)
        build_python(folder)
        with Service(program) as service:
            # The list has another user, so that it has more than one page.
            service.sign_up()
            print(run("node", "client.js", service.url, folder=folder), end="")
            print(run(sys.executable, "client.py", service.url, folder=folder), end="")


if __name__ == "__main__":
    main()
