import csv

import numpy as np
import pytest

from common import data
from common.data import life_expectancy


@pytest.mark.usefixtures("data_dir")
def test_it_is_the_published_csv(life_expectancy_csv):
    data.prepare(["life_expectancy"])
    life = life_expectancy.load()
    with life_expectancy_csv.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert list(life.header) == header
    assert list(life.columns) == [header[1], *header[4:]]  # no Country, Status, Life expectancy
    assert "Measles " in life.columns
    cells = np.array(rows)
    numbers = np.where(cells == "", "nan", cells)
    assert life.countries.tolist() == cells[:, 0].tolist()
    assert life.statuses.tolist() == cells[:, 2].tolist()
    np.testing.assert_array_equal(life.years, numbers[:, 3].astype(float))
    np.testing.assert_array_equal(life.inputs, numbers[:, [1, *range(4, 22)]].astype(float))
    assert life.inputs.dtype == life.years.dtype == np.float64
    assert 71.27962362 in life.inputs[0]  # not 71.2796249
    assert data.versions(["life_expectancy"]) == {"life_expectancy": "1.0.0"}


def test_it_is_prepared_without_tensorflow_here(
    life_expectancy_csv, elsewhere, run_python, refusal
):
    code = f"""if True:
        import sys
        from common import data
        from common.data import life_expectancy
        message, = data.prepare(["life_expectancy"], manual_dir={str(life_expectancy_csv.parent)!r})
        assert "tensorflow" not in sys.modules
        assert data.prepare(["life_expectancy"]) == []
        life_expectancy.load()
        assert "apache_beam" not in sys.modules
        print(message)
    """
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"prepared data set 'life_expectancy' in {elsewhere}, from {life_expectancy_csv}\n"
    )
    folder = elsewhere / "life_expectancy/1.0.0"
    (folder / "features.json").unlink()
    message = refusal(life_expectancy.load)
    assert f"the prepared copy in {folder} is damaged: features.json is missing" in message
    assert "run again to prepare it anew" in message
    assert "--data-dir" in message


def test_without_the_file_it_says_where_to_put_it(elsewhere, monkeypatch, tmp_path, refusal):
    message = refusal(data.prepare, ["life_expectancy", "iris"])
    for part in (elsewhere / "downloads/manual", "life_exp.csv", "kaggle.com", "--manual-dir"):
        assert str(part) in message
    monkeypatch.setenv("TFDS_MANUAL_DIR", str(tmp_path))
    assert f"no life_exp.csv in {tmp_path};" in refusal(data.prepare, ["life_expectancy"])
    assert "run_all.py life_expectancy" in refusal(life_expectancy.load)
    monkeypatch.setenv("TFDS_MANUAL_DIR", str(tmp_path / "nowhere"))
    message = refusal(data.prepare, ["life_expectancy"])
    assert message.endswith(f"TFDS_MANUAL_DIR names {tmp_path / 'nowhere'}, which does not exist")
