import pytest

from common import errors
from common.runner import devices


@pytest.mark.parametrize(
    ("asked", "present", "seen", "device"),
    [
        ("auto", True, True, "gpu"),
        ("auto", True, False, "cpu"),
        ("auto", False, True, "cpu"),
        ("cpu", True, True, "cpu"),
        ("gpu", True, True, "gpu"),
        ("gpu", True, False, None),
        ("gpu", False, True, None),
    ],
)
def test_the_device(monkeypatch, asked, present, seen, device):
    monkeypatch.setattr(devices, "_gpu_present", lambda: present)
    monkeypatch.setattr(devices, "_tensorflow_sees_gpu", lambda: seen)
    if device:
        assert devices.resolve_device(asked) == device
    else:
        with pytest.raises(errors.UserError, match="--device gpu: no GPU"):
            devices.resolve_device(asked)


def test_only_the_cpu_environment_hides_the_gpu():
    assert devices.environment("cpu", 2)["CUDA_VISIBLE_DEVICES"] == "-1"
    assert "CUDA_VISIBLE_DEVICES" not in devices.environment("gpu", 2)
