"""Lists the benchmarks: each is a module with a command line of its own."""

import ast
from pathlib import Path


def main() -> None:
    for path in sorted(Path(__file__).parent.glob("*.py")):
        module = ast.parse(path.read_text())
        runs = any(isinstance(one, ast.FunctionDef) and one.name == "main" for one in module.body)
        if runs and path.stem != "__main__":
            summary = (ast.get_docstring(module) or "").split("\n")[0]
            print(f"python -m benchmarks.{path.stem:<18}{summary}")


if __name__ == "__main__":
    main()
