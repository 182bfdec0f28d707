"""The README's example of a reproduction is held to the contract that it teaches."""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]


def test_the_example_keeps_the_contract(tmp_path: pathlib.Path) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    section = text.partition("## Add a reproduction")[2].partition("\n## ")[0]
    files = re.findall(r"`(reproductions/coin/\S+)`.*?```\w+\n(.*?)```", section, re.DOTALL)
    assert [name.rpartition("/")[2] for name, _ in files] == [
        "claims.toml",
        "experiment.py",
        "figures.py",
    ]
    for name, content in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    (tmp_path / "reproductions" / "__init__.py").touch()
    contract = [
        f"tests/reproductions/test_{name}.py" for name in ("contract", "figures", "quotations")
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *contract],
        cwd=ROOT,
        env={**os.environ, "REPRODUCTION_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "passed" in done.stdout
