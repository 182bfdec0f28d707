import csv
import hashlib
import http.server
import json
import os
import pathlib
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from unittest import mock

import numpy as np
import pytest

from common import data, errors

ROOT = pathlib.Path(__file__).parents[2]
RED = "wine_quality/red/1.0.0"
RECORDS = "wine_quality-train.tfrecord-00000-of-00001"


@pytest.fixture
def copies(data_dir):
    """The folder of the prepared copies, which must be there."""
    if not (data_dir / "mnist/3.0.1").is_dir() or not (data_dir / RED).is_dir():
        pytest.skip(f"no prepared copies of MNIST and wine quality in {data_dir} (TFDS_DATA_DIR)")
    return data_dir


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """Point TFDS_DATA_DIR to an empty folder, and forget what was loaded from another."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("TFDS_DATA_DIR", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TFDS_MANUAL_DIR", raising=False)
    for loader in (data.mnist, data.wine_quality, data.life_expectancy):
        loader.cache_clear()
    yield folder
    for loader in (data.mnist, data.wine_quality, data.life_expectancy):
        loader.cache_clear()


@pytest.fixture
def red_copy(copies, elsewhere):
    """A writable copy of the red wines, to be damaged."""
    shutil.copytree(copies / RED, elsewhere / RED)
    for path in (elsewhere / RED).iterdir():
        path.chmod(0o644)
    return elsewhere / RED


@pytest.fixture
def offline(monkeypatch):
    """Have the data sets come from a local port that nobody listens on."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(data, "_url", lambda name: f"http://127.0.0.1:{port}/{name}")


@pytest.fixture
def online(monkeypatch):
    """Have the data sets come from a local server, which only has to answer the probe."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.RequestHandlerClass.do_GET = lambda self: self.send_response(200) or self.end_headers()
    server.RequestHandlerClass.log_message = lambda *_: None
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(data, "_url", lambda name: f"http://127.0.0.1:{server.server_port}/{name}")
    yield
    server.shutdown()
    server.server_close()


def run_python(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)


def download_by(monkeypatch, code):
    monkeypatch.setattr(data, "_download_command", lambda _: [sys.executable, "-c", code])


def one_line(raised):
    message = str(raised.value)
    assert "\n" not in message
    return message


# --- What is published is what is loaded --------------------------------------------------------


@pytest.mark.usefixtures("copies")
def test_mnist_is_the_published_files():
    mnist = data.mnist()
    files = {  # md5 of the four published files, unzipped
        "6bbc9ace898e44ae57da46a324031adb": mnist.train_images,
        "a25bea736e30d166cdddb491f175f624": mnist.train_labels,
        "2646ac647ad5339dbf082846283269ea": mnist.test_images,
        "27ae3e4e09519cfbb04c329615203637": mnist.test_labels,
    }
    for md5, array in files.items():
        header = struct.pack(f">{1 + array.ndim}i", 2048 + array.ndim, *array.shape)
        assert hashlib.md5(header + array.astype(np.uint8).tobytes()).hexdigest() == md5
    assert mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.train_images.dtype == mnist.test_images.dtype == np.uint8
    assert mnist.train_labels.dtype == mnist.test_labels.dtype == np.int64
    assert mnist.version == "3.0.1"


@pytest.mark.usefixtures("copies")
@pytest.mark.parametrize(
    ("colour", "rows", "sha256", "oddity"),
    [
        # Everything in the files is printed as briefly as can be, but for one cell in each.
        (
            "red",
            1599,
            "4a402cf041b025d4566d954c3b9ba8635a3a8a01e039005d97d6a710278cf05e",
            (";2.74;2;9.4;4", ";2.74;2.0;9.4;4"),
        ),
        (
            "white",
            4898,
            "76c3f809815c17c07212622f776311faeb31e87610d52c26d87d6e361b169836",
            (";3.42;0.44;8;3", ";3.42;0.44;8.0;3"),
        ),
    ],
)
def test_wine_is_the_published_csv(colour, rows, sha256, oddity):
    wine = data.wine_quality(colour)
    assert wine.features.shape == (rows, 11)
    assert wine.features.dtype == np.float64
    assert wine.quality.dtype == np.int64
    lines = [";".join(f'"{column}"' for column in (*wine.columns, "quality"))] + [
        ";".join(f"{x:.15g}" for x in (*row, quality))
        for row, quality in zip(wine.features, wine.quality, strict=True)
    ]
    csv = "".join(line + "\n" for line in lines).replace(*oddity)
    assert hashlib.sha256(csv.encode()).hexdigest() == sha256


@pytest.mark.usefixtures("copies")
def test_wine_rows_columns_and_decimals():
    red = data.wine_quality("red")
    assert red.quality[:5].tolist() == [5, 5, 5, 6, 5]
    published = [7.4, 0.7, 0, 1.9, 0.076, 11, 34, 0.9978, 3.51, 0.56, 9.4]  # not 7.4000001
    assert red.features[0].tolist() == published
    assert red.columns[0] == "fixed acidity"
    assert red.columns[-1] == "alcohol"
    assert 9.56666666666667 in red.features[:, -1]


def test_iris_is_fishers():
    iris = data.iris()
    assert iris.features.shape == (150, 4)
    assert iris.features[0].tolist() == [5.1, 3.5, 1.4, 0.2]
    assert np.bincount(iris.labels).tolist() == [50, 50, 50]
    assert iris.labels.dtype == np.int64
    assert iris.names == ("setosa", "versicolor", "virginica")


def test_breast_cancer_is_wisconsins():
    tumours = data.breast_cancer()
    assert tumours.features.shape == (569, 30)
    assert tumours.features[0, :4].tolist() == [17.99, 10.38, 122.8, 1001.0]
    assert tumours.names == ("malignant", "benign")
    assert np.bincount(tumours.labels).tolist() == [212, 357]
    assert tumours.labels.dtype == np.int64
    assert data.breast_cancer() is tumours
    with pytest.raises(ValueError, match="read-only"):
        tumours.features[0, 0] = 0


@pytest.mark.usefixtures("data_dir")
def test_life_expectancy_is_the_published_csv(life_expectancy_csv):
    data.prepare(["life_expectancy"])
    life = data.life_expectancy()
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


@pytest.mark.usefixtures("copies")
def test_arrays_are_loaded_once_and_cannot_be_changed():
    assert data.wine_quality("red") is data.wine_quality("red")
    with pytest.raises(ValueError, match="read-only"):
        data.wine_quality("red").features[0, 0] = 0
    with pytest.raises(ValueError, match="read-only"):
        data.iris().labels[0] = 2


@pytest.mark.usefixtures("copies")
def test_nothing_is_printed_and_the_parent_never_imports_tensorflow():
    code = """if True:
        import sys
        from common import data
        assert data.prepare(["mnist", "wine_quality", "iris"]) == []
        data.versions(["mnist", "wine_quality", "iris"])
        data.iris()
        data._url("mnist"), data._url("wine_quality")
        assert "tensorflow" not in sys.modules
        data.wine_quality("red")
        assert "tensorflow" in sys.modules
    """
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- Finding the copies -------------------------------------------------------------------------


def test_versions():
    assert data.versions(["mnist", "wine_quality"]) == {"mnist": "3.0.1", "wine_quality": "1.0.0"}
    assert data.versions(["iris"])["iris"].startswith("scikit-learn 1.")
    os.environ["REPRODUCTION_STAND_IN"] = "mnist"
    assert data.versions(["mnist"])["mnist"] == "stand-in: scikit-learn digits scaled to 28x28"


@pytest.mark.parametrize("function", [data.prepare, data.versions])
def test_unknown_data_set(function):
    with pytest.raises(errors.UserError) as raised:
        function(["iris", "mnits"])
    message = one_line(raised)
    assert "'mnits'" in message
    assert "breast_cancer, iris, life_expectancy, mnist, wine_quality" in message


@pytest.mark.usefixtures("offline")
def test_the_given_folder_wins_over_the_environment(copies, monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    os.environ["REPRODUCTION_STAND_IN"] = "mnist"  # left over from an earlier decision
    assert data.prepare(["mnist", "wine_quality"], copies) == []
    assert os.environ["TFDS_DATA_DIR"] == str(copies.absolute())
    assert data.versions(["mnist"]) == {"mnist": "3.0.1"}


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_the_given_folder_has_to_be_one(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(errors.UserError) as raised:
        data.prepare(["iris"], tmp_path / name)
    assert f"--data-dir '{tmp_path / name}'" in one_line(raised)


def test_loading_what_is_missing_names_folder_and_command(elsewhere):
    with pytest.raises(errors.UserError) as raised:
        data.wine_quality("red")
    message = one_line(raised)
    assert "'wine_quality' is missing" in message
    assert str(elsewhere / RED) in message
    command = data._download_command("wine_quality")
    assert shlex.split(message)[-3:] == command


def test_the_command_calls_the_library(elsewhere, monkeypatch):
    library = mock.MagicMock()
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", library)
    exec(data._download_command("wine_quality")[2], {})
    assert library.builder.call_args_list == [
        mock.call("wine_quality/red:1.0.0", data_dir=str(elsewhere)),
        mock.call("wine_quality/white:1.0.0", data_dir=str(elsewhere)),
    ]
    assert library.builder().download_and_prepare.call_count == 2


def test_the_probe_asks_for_the_librarys_own_files():
    assert data._url("mnist").endswith("-ubyte.gz")
    assert data._url("wine_quality").endswith(".csv")


# --- Downloading, or standing in ----------------------------------------------------------------


@pytest.mark.usefixtures("offline")
def test_offline_digits_stand_in_for_mnist(elsewhere):
    start = time.monotonic()
    (message,) = data.prepare(["mnist", "mnist", "iris"])
    assert time.monotonic() - start < 10
    assert message.startswith("NO MNIST")
    assert "\n" not in message
    assert "NOT_RUN" in message
    assert str(elsewhere) in message
    assert data.versions(["mnist"])["mnist"].startswith("stand-in")

    digits = data.mnist()
    assert digits.train_images.shape == (1500, 28, 28)
    assert digits.test_images.shape == (297, 28, 28)
    assert digits.train_images.dtype == np.uint8
    assert (digits.train_images.min(), digits.train_images.max()) == (0, 255)
    assert digits.train_labels[:5].tolist() == [0, 1, 2, 3, 4]  # scikit-learn's own order
    assert len(digits.train_labels) == 1500
    assert len(digits.test_labels) == 297
    assert digits.version == "stand-in: scikit-learn digits scaled to 28x28"


@pytest.mark.usefixtures("offline", "elsewhere")
def test_worker_processes_use_the_same_stand_in():
    data.prepare(["mnist"])
    code = "from common import data; print(data.mnist().version)"
    assert run_python(code).stdout.startswith("stand-in")


@pytest.mark.usefixtures("offline")
def test_offline_nothing_stands_in_for_wine(elsewhere):
    with pytest.raises(errors.UserError) as raised:
        data.prepare(["iris", "wine_quality"])
    message = one_line(raised)
    assert "'wine_quality' is missing" in message
    assert str(elsewhere / RED) in message
    assert "no answer from http://127.0.0.1" in message
    assert shlex.split(message)[-3:] == data._download_command("wine_quality")


@pytest.mark.usefixtures("elsewhere")
def test_a_server_that_says_nothing_counts_as_offline(monkeypatch):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(data, "_url", lambda name: url)
        monkeypatch.setattr(data, "PROBE_SECONDS", 0.3)
        start = time.monotonic()
        assert data._online({"mnist": url, "wine_quality": url}) == set()
        assert time.monotonic() - start < 2


def test_a_name_server_that_says_nothing_counts_as_offline(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(5))
    monkeypatch.setattr(data, "PROBE_SECONDS", 0.3)
    start = time.monotonic()
    assert data._online({"mnist": "https://data.invalid/mnist"}) == set()
    assert time.monotonic() - start < 2


@pytest.mark.usefixtures("online")
def test_download(elsewhere, monkeypatch, capsys):
    folder = str(elsewhere / "mnist/3.0.1")
    download_by(monkeypatch, f"print('progress'); import os; os.makedirs({folder!r})")
    assert data.prepare(["mnist"]) == [f"downloaded data set 'mnist' to {elsewhere}"]
    assert "REPRODUCTION_STAND_IN" not in os.environ
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"downloading data set 'mnist' to {elsewhere} ...\n"


@pytest.mark.usefixtures("online", "elsewhere")
@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise OSError('No space left on device')", "OSError: No space left on device"),
        ("import time; time.sleep(60)", "did not end within 1 s"),
        ("pass", "left no copy"),
    ],
)
def test_failed_download(monkeypatch, code, says):
    monkeypatch.setattr(data, "DOWNLOAD_SECONDS", 1)
    download_by(monkeypatch, code)
    with pytest.raises(errors.UserError) as raised:
        data.prepare(["wine_quality"])
    assert says in one_line(raised)
    (message,) = data.prepare(["mnist"])
    assert message.startswith("NO MNIST")
    assert says in message


# --- Preparing what cannot be downloaded --------------------------------------------------------


def test_life_expectancy_is_prepared_without_tensorflow_here(life_expectancy_csv, elsewhere):
    code = f"""if True:
        import sys
        from common import data
        message, = data.prepare(["life_expectancy"], manual_dir={str(life_expectancy_csv.parent)!r})
        assert "tensorflow" not in sys.modules
        assert data.prepare(["life_expectancy"]) == []
        data.life_expectancy()
        assert "apache_beam" not in sys.modules
        print(message)
    """
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"prepared data set 'life_expectancy' in {elsewhere}, from {life_expectancy_csv}\n"
    )
    assert (elsewhere / "life_expectancy/1.0.0/features.json").is_file()
    (elsewhere / "life_expectancy/1.0.0/features.json").unlink()
    name, folder = "life_expectancy:1.0.0", elsewhere / "life_expectancy/1.0.0"
    assert "prepare it anew" in damage_is_reported(name, folder, data.life_expectancy)


@pytest.mark.parametrize("where", ["downloads/manual", "named"])
def test_what_is_prepared_goes_where_it_may_and_is_found_there(elsewhere, monkeypatch, where):
    manual = elsewhere / where
    manual.mkdir(parents=True)
    (manual / "Life Expectancy Data.csv").touch()
    if where == "named":
        monkeypatch.setenv("TFDS_MANUAL_DIR", str(manual))
    elsewhere.chmod(0o555)  # nor may the administrator write here, who could
    monkeypatch.setattr("common.life_expectancy.read", mock.Mock())
    commands = []

    def library(command, cwd):
        commands.append(command)
        (pathlib.Path(command[3]) / "life_expectancy/1.0.0").mkdir(parents=True)
        return ""

    monkeypatch.setattr(data, "_run_library", library)
    (message,) = data.prepare(["life_expectancy"])
    home = str(pathlib.Path("~/tensorflow_datasets").expanduser())
    assert commands[0][3:] == [home, str(manual)]
    assert home in message
    assert data.prepare(["life_expectancy"]) == []
    elsewhere.chmod(0o755)


def test_without_the_file_it_says_where_to_put_it(elsewhere, monkeypatch, tmp_path):
    with pytest.raises(errors.UserError) as raised:
        data.prepare(["life_expectancy", "iris"])
    message = one_line(raised)
    for part in (elsewhere / "downloads/manual", "life_exp.csv", "kaggle.com", "--manual-dir"):
        assert str(part) in message
    monkeypatch.setenv("TFDS_MANUAL_DIR", str(tmp_path))
    with pytest.raises(errors.UserError) as raised:
        data.prepare(["life_expectancy"])
    assert f"no life_exp.csv in {tmp_path};" in one_line(raised)
    with pytest.raises(errors.UserError) as raised:
        data.life_expectancy()
    assert "run_all.py life_expectancy" in one_line(raised)
    with pytest.raises(errors.UserError) as raised:
        data.prepare(["iris"], manual_dir=tmp_path / "nowhere")
    assert f"--manual-dir '{tmp_path / 'nowhere'}'" in one_line(raised)


def test_a_copy_that_cannot_be_written_is_told_in_one_line(elsewhere, monkeypatch):
    (elsewhere / "life_exp.csv").touch()
    monkeypatch.setattr("common.life_expectancy.read", mock.Mock())
    monkeypatch.setattr(data, "_run_library", lambda *_, **__: "failed (OSError: No space left)")
    with pytest.raises(errors.UserError) as raised:
        data.prepare(["life_expectancy"], manual_dir=elsewhere)
    assert "No space left" in one_line(raised)
    assert f"in {elsewhere}" in one_line(raised)


# --- Damaged copies -----------------------------------------------------------------------------


def records(path):
    """Split a tfrecord file: 8 bytes of length, 4 of checksum, the content, 4 of checksum."""
    content, found = path.read_bytes(), []
    while content:
        length = struct.unpack("<Q", content[:8])[0] + 16
        found.append(content[:length])
        content = content[length:]
    return found


def damage_is_reported(name, folder, load):
    with pytest.raises(errors.UserError) as raised:
        load()
    message = one_line(raised)
    assert f"data set '{name}'" in message
    assert f"{folder} is damaged" in message
    assert "--data-dir" in message
    assert "{{" not in message
    return message


def red_is_damaged(folder):
    return damage_is_reported("wine_quality/red:1.0.0", folder, lambda: data.wine_quality("red"))


@pytest.mark.parametrize("length", [0, 5, 12, 200, 417, 500_000, 666_780, 666_782])
def test_truncated_records(red_copy, length):
    assert len(records(red_copy / RECORDS)[0]) == 417  # so 417 cuts between two records
    os.truncate(red_copy / RECORDS, length)
    red_is_damaged(red_copy)


@pytest.mark.parametrize("position", [3, 10, 300, 400_000, 666_782])
def test_flipped_bit(red_copy, position):
    content = bytearray((red_copy / RECORDS).read_bytes())
    content[position] ^= 4
    (red_copy / RECORDS).write_bytes(content)
    red_is_damaged(red_copy)


@pytest.mark.parametrize("name", [RECORDS, "dataset_info.json", "features.json"])
def test_missing_file(red_copy, name):
    (red_copy / name).unlink()
    red_is_damaged(red_copy)


def test_empty_folder(red_copy):
    shutil.rmtree(red_copy)
    red_copy.mkdir()
    red_is_damaged(red_copy)


@pytest.mark.parametrize("name", ["dataset_info.json", "features.json"])
@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"splits": [', b"\xff\xfe\x00"])
def test_damaged_description(red_copy, name, content):
    (red_copy / name).write_bytes(content)
    red_is_damaged(red_copy)


def test_renamed_feature(red_copy):
    features = (red_copy / "features.json").read_text()
    (red_copy / "features.json").write_text(features.replace('"pH"', '"pI"'))
    red_is_damaged(red_copy)


def test_fewer_rows_that_the_description_agrees_with(red_copy):
    (red_copy / RECORDS).write_bytes(b"".join(records(red_copy / RECORDS)[:-1]))
    description = json.loads((red_copy / "dataset_info.json").read_text())
    description["splits"][0]["shardLengths"] = ["1598"]
    (red_copy / "dataset_info.json").write_text(json.dumps(description))
    assert "1,598 rows" in red_is_damaged(red_copy)


def test_rows_in_another_order(red_copy):
    first, second, *others = records(red_copy / RECORDS)
    (red_copy / RECORDS).write_bytes(b"".join([second, first, *others]))
    assert "not the published ones" in red_is_damaged(red_copy)


def test_truncated_mnist(copies, elsewhere):
    folder = elsewhere / "mnist/3.0.1"
    shutil.copytree(copies / "mnist/3.0.1", folder)
    shard = folder / "mnist-train.tfrecord-00000-of-00001"
    shard.chmod(0o644)
    os.truncate(shard, 2_000_000)
    damage_is_reported("mnist:3.0.1", folder, data.mnist)


def test_a_bug_of_ours_is_no_damage(red_copy, monkeypatch):
    monkeypatch.setattr(data, "_tensorflow", mock.Mock(side_effect=ImportError("no tensorflow")))
    with pytest.raises(ImportError, match="no tensorflow"):
        data.wine_quality("red")
