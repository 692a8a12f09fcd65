"""ARCHITECTURE.md names what is there: every path exists, and no folder of src/ is left out."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def tree() -> dict[str, str]:
    """Path and sentence of each line of the tree, by the indentation of its name."""
    block = re.search(r"## Where things are\n\n```text\n(.*?)```", PAGE, flags=re.S)
    assert block is not None
    found, above = {}, [""]
    for line in block[1].splitlines():
        indent, name, words = re.fullmatch(r"( *)(\S+) *(.*)", line).groups()
        above = above[: len(indent) // 2 + 1]
        path = above[-1] + name
        above.append(path)
        found[path] = words
    return found


def there(path: str) -> bool:
    """Whether a path exists; a name without ending is that of a folder or of a module."""
    if path.endswith("/"):
        return (ROOT / path).is_dir()
    return (ROOT / path).is_file() or (ROOT / path).is_dir() or (ROOT / f"{path}.py").is_file()


def test_every_path_of_the_tree_exists_and_is_described():
    assert [path for path in tree() if not there(path)] == []
    # A folder that is divided further may leave the words to its parts.
    bare = [p for p, words in tree().items() if not words and not any(Path(ROOT, p).glob("*/"))]
    assert bare == []


def test_every_path_in_the_text_exists():
    text = re.sub(r"^```.*?^```$", "", PAGE, flags=re.M | re.S)
    spans = [span for span in re.findall(r"`([^`\n]+)`", text) if " " not in span]
    paths = [span for span in spans if re.fullmatch(r"[\w./-]+(/|\.(py|yml|md|toml))", span)]
    places = [ROOT, ROOT / "src", ROOT / "src" / "synthtab"]
    assert len(paths) > 10
    assert [path for path in paths if not any((place / path).exists() for place in places)] == []


def test_every_package_of_src_is_in_the_tree():
    packages = {path.parent for path in (ROOT / "src").rglob("*.py")}
    named = {(ROOT / path).resolve() for path in tree()}
    assert sorted(str(path.relative_to(ROOT)) for path in packages - named) == []


def test_the_layers_are_packages_of_the_library():
    block = re.search(r"## Who may import whom\n.*?```text\n(.*?)```", PAGE, flags=re.S)
    layers = set(block[1].split())
    inside = [path.removeprefix("src/synthtab/") for path in tree() if "src/synthtab/" in path]
    folders = {name.strip("/") for name in inside if "/" not in name[:-1]} - {""}
    assert layers == folders - {"dp", "parallel"}  # which the text explains
