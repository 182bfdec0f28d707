import hashlib
import os
import shutil
import struct

import numpy as np
import pytest

from common import data
from common.data import mnist


@pytest.mark.usefixtures("copies_dir")
def test_it_is_the_published_files():
    digits = mnist.load()
    files = {  # md5 of the four published files, unzipped
        "6bbc9ace898e44ae57da46a324031adb": digits.train_images,
        "a25bea736e30d166cdddb491f175f624": digits.train_labels,
        "2646ac647ad5339dbf082846283269ea": digits.test_images,
        "27ae3e4e09519cfbb04c329615203637": digits.test_labels,
    }
    for md5, array in files.items():
        header = struct.pack(f">{1 + array.ndim}i", 2048 + array.ndim, *array.shape)
        assert hashlib.md5(header + array.astype(np.uint8).tobytes()).hexdigest() == md5
    assert digits.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert digits.train_images.dtype == digits.test_images.dtype == np.uint8
    assert digits.train_labels.dtype == digits.test_labels.dtype == np.int64
    assert digits.version == "3.0.1"
    with pytest.raises(ValueError, match="read-only"):
        digits.train_images[0, 0, 0] = 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_are_flattened_and_scaled(dtype):
    images = np.arange(3 * 784, dtype=np.uint64).astype(np.uint8).reshape(3, 28, 28)
    rows = mnist.rows(images, dtype)
    assert rows.shape == (3, 784)
    assert rows.dtype == dtype
    assert rows[1, 2 * 28 + 5] == np.divide(images[1, 2, 5], 255, dtype=dtype)
    np.testing.assert_array_equal(rows, images.reshape(3, -1).astype(dtype) / 255)
    assert (rows.min(), rows.max()) == (0, 1)
    assert mnist.rows(images[:0], dtype).shape == (0, 784)


@pytest.mark.usefixtures("offline")
def test_offline_digits_stand_in(elsewhere):
    (message,) = data.prepare(["mnist", "mnist", "iris"])
    assert message.startswith("NO MNIST")
    assert str(elsewhere) in message

    digits = mnist.load()
    assert digits.train_images.shape == (1500, 28, 28)
    assert digits.test_images.shape == (297, 28, 28)
    assert digits.train_images.dtype == np.uint8
    assert (digits.train_images.min(), digits.train_images.max()) == (0, 255)
    assert digits.train_labels[:5].tolist() == [0, 1, 2, 3, 4]  # scikit-learn's own order
    assert len(digits.train_labels) == 1500
    assert len(digits.test_labels) == 297
    assert digits.version == "stand-in: scikit-learn digits scaled to 28x28"


@pytest.mark.usefixtures("offline", "elsewhere")
def test_worker_processes_use_the_same_stand_in(run_python):
    data.prepare(["mnist"])
    code = "from common.data import mnist; print(mnist.load().version)"
    assert run_python(code).stdout.startswith("stand-in")


def test_truncated_records(copies_dir, elsewhere, refusal):
    folder = elsewhere / "mnist/3.0.1"
    shutil.copytree(copies_dir / "mnist/3.0.1", folder)
    shard = folder / "mnist-train.tfrecord-00000-of-00001"
    shard.chmod(0o644)
    os.truncate(shard, 2_000_000)
    for reads in (mnist.load, lambda: data.prepare(["mnist"])):  # in a worker, and before
        message = refusal(reads)
        assert f"data set 'mnist:3.0.1': the prepared copy in {folder} is damaged" in message
        assert f"{shard.name} breaks off" in message
        assert "of 60,000 (2,000,000 bytes)" in message
        assert "delete that folder and run again to download it anew" in message
