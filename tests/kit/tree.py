"""Where the code of the functions and of the kernel lies."""

from pathlib import Path

from millrace_local.instance import ROOT

DOMAINS = sorted(folder.name for folder in (ROOT / "functions").iterdir() if (folder / "__init__.py").exists())
MODULES = sorted(path for path in (ROOT / "functions").glob("*/*.py"))
KERNEL = sorted((ROOT / "layers" / "shared" / "kernel").rglob("*.py"))


def dotted(path: Path) -> str:
    return f"{path.parent.name}.{path.stem}"
