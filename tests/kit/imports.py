"""What a module imports, and what that imports in turn, read from the sources and without running them."""

import ast
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path


def direct(module: str, folders: Sequence[Path]) -> set[str]:
    """Return the modules that *module* imports, anywhere in it: at its top, in functions, for types only.

    Of `from package import name` both `package` and `package.name` are returned, if the latter is a module of
    *folders*. A package is imported with each of its modules.
    """
    source = _source(module, folders)
    found: set[str] = set()
    for name in _named(source, module) if source else ():
        if _source(name, folders) or not _source(name.rpartition(".")[0], folders):
            found |= set(_with_packages(name))
    return found - {module}


def reached(module: str, folders: Sequence[Path]) -> dict[str, str]:
    """Return every module that importing *module* reaches, with the one that imports it."""
    importers: dict[str, str] = dict.fromkeys(_with_packages(module), "")
    queue = list(importers)
    while queue:
        importer = queue.pop()
        for name in sorted(direct(importer, folders) - importers.keys()):
            importers[name] = importer
            queue.append(name)
    return {name: importer for name, importer in importers.items() if importer}


def circle(modules: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """Return a circle of imports among *modules*, or an empty list if there is none."""
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        done.add(module)
        for name in sorted(direct(module, folders)):
            # A package does not import its own modules: it is loaded before them.
            if not module.startswith(f"{name}.") and (found := visit(name, [*path, module])):
                return found
        return []

    return next((found for module in modules if (found := visit(module, []))), [])


@functools.cache
def _named(source: Path, module: str) -> frozenset[str]:
    is_package = source.name == "__init__.py"
    nodes = ast.walk(ast.parse(source.read_text()))
    return frozenset(name for node in nodes for name in _names(node, module, is_package=is_package))


def _names(node: ast.AST, module: str, *, is_package: bool) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = module.split(".")
            parents = parts[: len(parts) - node.level + is_package]
            base = ".".join([*parents, base]) if base else ".".join(parents)
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)


def _with_packages(module: str) -> Iterator[str]:
    """Yield *module* and the packages around it, which are imported with it."""
    parts = module.split(".")
    yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _source(module: str, folders: Sequence[Path]) -> Path | None:
    if not module:
        return None
    for folder in folders:
        path = folder.joinpath(*module.split("."))
        for source in (path.with_suffix(".py"), path / "__init__.py"):
            if source.exists():
                return source
    return None
