import json
import os
import subprocess

import numpy as np
import pytest

from common import provenance


def test_provenance_says_what_measured_it():
    made_with = provenance.of_run("cpu", 2)
    assert made_with["device"] == "cpu"
    assert made_with["threads"] == 2
    assert made_with["packages"]["numpy"] == np.__version__
    assert made_with["host"].count(", ") >= 1
    assert made_with["time"].endswith("+00:00")
    json.dumps(made_with)


def test_provenance_does_without_git_and_without_a_package(monkeypatch):
    def no_git(*arguments, **options):
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", no_git)
    monkeypatch.setattr(provenance, "PACKAGES", ("no-such-package",))
    made_with = provenance.of_run("cpu", 1)
    assert made_with["commit"] is None
    assert made_with["dirty"] is None  # nobody knows
    assert made_with["packages"]["no-such-package"] == "unknown"


@pytest.fixture
def checkout(tmp_path):
    """A repository with a commit, beside another one."""
    for name in ("ours", "other"):
        folder = tmp_path / name
        (folder / "results").mkdir(parents=True)
        (folder / "file").write_text(name)
        git(folder, "init", "--quiet")
        git(folder, "add", "file")
        identity = ["-c", "user.name=A", "-c", "user.email=a@b"]
        git(folder, *identity, "commit", "--quiet", "--message", "One")
    return tmp_path / "ours"


def git(folder, *arguments):
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_commit_and_whether_files_differ_from_it(checkout):
    commit = git(checkout, "rev-parse", "HEAD")
    assert provenance._commit(checkout) == (commit, False)
    (checkout / "results" / "new").touch()
    assert provenance._commit(checkout) == (commit, False)
    git(checkout, "config", "status.showUntrackedFiles", "no")
    (checkout / "new").touch()
    assert provenance._commit(checkout) == (commit, True)


def test_the_environment_names_no_other_repository(checkout, monkeypatch):
    other = checkout.with_name("other")
    commit = git(checkout, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert provenance._commit(checkout) == (commit, False)


def test_a_copy_inside_another_repository_has_no_commit(checkout):
    (checkout / "below").mkdir()
    assert provenance._commit(checkout / "below") == (None, None)
    assert provenance._commit(checkout.parent) == (None, None)


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_checkout_of_another_user_is_asked_all_the_same(checkout):
    commit = git(checkout, "rev-parse", "HEAD")
    for path in (checkout, *checkout.rglob("*")):
        os.chown(path, 12345, 12345)
    with pytest.raises(subprocess.CalledProcessError):
        git(checkout, "rev-parse", "HEAD")
    assert provenance._commit(checkout) in ((commit, False), (None, None))  # which old gits answer


def test_git_that_refuses_says_nothing_of_changes(checkout, monkeypatch):
    real = subprocess.run

    def refusing(command, **options):
        return real(["false"] if "status" in command else command, **options)

    monkeypatch.setattr(subprocess, "run", refusing)
    commit, dirty = provenance._commit(checkout)
    assert commit
    assert dirty is None
