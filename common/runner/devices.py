"""What there is to compute on, and how a worker process is told to use it."""

import pathlib
import subprocess
import sys

from common import errors

GPU_JOBS = 4  # each process claims part of the GPU's memory


def cores() -> int:
    """How many processor cores this process may use, a container's limit included."""
    import joblib

    return joblib.cpu_count()


def default_jobs(device: str) -> int:
    """One process per core; on a GPU at most four."""
    return cores() if device == "cpu" else min(cores(), GPU_JOBS)


def resolve_device(asked: str) -> str:
    """ "cpu" or "gpu" for "auto", "cpu" or "gpu"; asks TensorFlow only where there is a GPU at all.

    Raises:
        errors.UserError: a GPU was asked for, and there is none that TensorFlow can use.
    """
    if asked == "cpu":
        return "cpu"
    present = _gpu_present()
    if present and _tensorflow_sees_gpu():
        return "gpu"
    if asked == "auto":
        return "cpu"
    cause = "TensorFlow cannot use the one that is here" if present else "no /dev/nvidia* here"
    raise errors.UserError(
        f"--device gpu: no GPU found ({cause}); choose cpu or auto, or pip install -e '.[gpu]'"
    )


def _gpu_present() -> bool:
    return any(pathlib.Path("/dev").glob("nvidia[0-9]*"))


def _tensorflow_sees_gpu() -> bool:
    code = "import sys, tensorflow as tf; sys.exit(not tf.config.list_physical_devices('GPU'))"
    try:
        return not subprocess.run(
            [sys.executable, "-c", code], capture_output=True, timeout=120, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        return False


def environment(device: str, threads: int) -> dict[str, str]:
    """What a worker process must be born with, before it imports NumPy and TensorFlow."""
    common = {
        "KERAS_BACKEND": "tensorflow",
        "MPLBACKEND": "Agg",
        "MKL_NUM_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # several processes share the GPU
        "TF_NUM_INTEROP_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
    }
    return common if device == "gpu" else {**common, "CUDA_VISIBLE_DEVICES": "-1"}
