"""Checks the service against other JWT libraries, with each algorithm.

The libraries accept the service's tokens, the service accepts theirs, and both sides reject forgeries.

Usage: python testing/interop/run.py LOCAL NODE_MODULES
LOCAL is the program `local`. NODE_MODULES has the packages of testing/interop/package.json. The interpreter needs
PyJWT[crypto] and joserfc.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from service import Service  # noqa: E402

ALGORITHMS = ("HS256", "EdDSA", "ES256", "RS256")
AUDIENCE = "postern-interop"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def python(script, *arguments):
    subprocess.run([sys.executable, HERE / script, *arguments], check=True)


def check(program, algorithm, folder):
    python("keys.py", algorithm, folder)
    # The issuer's URL contains the port, so the port must be known before the service starts.
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    settings = {"JWT_ALGORITHM": algorithm, "JWT_SECRET_ARN": f"file:{folder}/keys.json", "JWT_ISSUER": issuer,
                "JWT_AUDIENCE": AUDIENCE, "JWT_CLAIMS": "email,groups"}
    with Service(program, port=port, **settings):
        python("begin.py", algorithm, issuer, AUDIENCE, folder)
        python("libraries.py", f"{folder}/task.json")
        subprocess.run(["node", f"{folder}/libraries.mjs", f"{folder}/task.json"], check=True)


def main():
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} LOCAL NODE_MODULES")
    program, node_modules = (Path(argument).resolve() for argument in sys.argv[1:])
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        # Node.js looks for packages in the script's folder and its ancestors.
        for file in (*HERE.glob("*.mjs"), HERE / "package.json"):
            shutil.copy(file, folder)
        Path(folder, "node_modules").symlink_to(node_modules)
        for algorithm in ALGORITHMS:
            check(program, algorithm, folder)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as failure:
        sys.exit(failure.returncode)
