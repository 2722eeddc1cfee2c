import errno
import os

import numpy as np
import pytest
from safetensors.numpy import load_file

from tomosplat.errors import FileFormatError, InputError, OutputError, ShapeError
from tomosplat.files.dataset import CaseEntry, open_case, read_manifest, write_manifest
from tomosplat.files.shards import Stack, write_shard
from tomosplat.jobs import hash_file

RNG = np.random.default_rng(0)
ARRAYS = {
    "values": RNG.integers(-1024, 3000, (3, 4, 5)).astype(np.int16),
    "labels": RNG.integers(0, 100, (3, 4, 5)).astype(np.uint8),
    "affine": RNG.normal(size=(4, 4)),
    "rgba": RNG.random((6, 2, 3, 4)).astype(np.float16),
    "held_out": np.array([True, False]),
}


def write(path, order=1):
    tensors = {name: Stack.of(array) for name, array in list(ARRAYS.items())[::order]}
    rgba = ARRAYS["rgba"]
    tensors["rgba"] = Stack(rgba.shape, rgba.dtype, (rgba[i : i + 2] for i in (0, 2, 4)))
    write_shard(path, tensors, {"scan": "a", "n": 1})
    return path


def entry(path, **changes):
    fields = {
        "id": "a",
        "shard": path.name,
        "sha256": hash_file(path),
        "bytes": path.stat().st_size,
        "content_hash": "c",
        "config_hash": "d",
        "previews": (),
        "facts": {"pictures": 6},
    }
    return CaseEntry(**(fields | changes))


def test_a_shard_gives_back_every_tensor_here_and_to_safetensors_itself(tmp_path):
    path = write(tmp_path / "a.safetensors")
    shard, theirs = open_case(path), load_file(path)
    assert shard.description == {"scan": "a", "n": 1}
    assert shard.names == sorted(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(shard[name], array)
        np.testing.assert_array_equal(theirs[name], array)
        assert shard[name].dtype == array.dtype
        assert shard.shape(name) == array.shape
    np.testing.assert_array_equal(shard.part("rgba", 1, 3), ARRAYS["rgba"][1:3])


def test_the_same_tensors_give_the_same_bytes_in_any_order(tmp_path):
    first, second = write(tmp_path / "a"), write(tmp_path / "b", order=-1)
    assert first.read_bytes() == second.read_bytes()


def test_a_manifest_survives_and_opens_its_cases(tmp_path):
    path = write(tmp_path / "a.safetensors")
    write_manifest(tmp_path, [entry(path)])
    manifest = read_manifest(tmp_path)
    assert manifest.cases == {"a": entry(path)}
    np.testing.assert_array_equal(manifest.open("a")["labels"], ARRAYS["labels"])
    with pytest.raises(InputError, match="no case 'b'; it has a"):
        manifest.open("b")


def test_a_changed_shard_is_refused(tmp_path):
    path = write(tmp_path / "a.safetensors")
    write_manifest(tmp_path, [entry(path)])
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="not what the manifest says"):
        read_manifest(tmp_path).open("a")


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_a_truncated_shard_is_refused(tmp_path, keep):
    path = write(tmp_path / "a.safetensors")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FileFormatError, match="damaged"):
        open_case(path)


def test_absent_things_are_named(tmp_path):
    with pytest.raises(InputError, match="is no dataset"):
        read_manifest(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        open_case(tmp_path / "absent")
    with pytest.raises(InputError, match="no tensor 'depth'; it has affine"):
        open_case(write(tmp_path / "a"))["depth"]


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "x", "version": 1}', '{"format": "tomosplat-dataset"}'])
def test_a_malformed_manifest_is_refused(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(FileFormatError):
        read_manifest(tmp_path)


def test_a_manifest_cannot_point_outside_its_folder(tmp_path):
    path = write(tmp_path / "a")
    write_manifest(tmp_path, [entry(path, shard="../a")])
    with pytest.raises(FileFormatError, match="outside its folder"):
        read_manifest(tmp_path)


def full_disk():
    yield ARRAYS["rgba"][:2]
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_no_shard(tmp_path):
    rgba = ARRAYS["rgba"]
    with pytest.raises(OutputError, match="No space left"):
        write_shard(tmp_path / "a", {"rgba": Stack(rgba.shape, rgba.dtype, full_disk())}, {})
    assert not list(tmp_path.iterdir())


def test_pieces_that_do_not_add_up_are_refused(tmp_path):
    rgba = ARRAYS["rgba"]
    with pytest.raises(ShapeError, match="bytes, not"):
        write_shard(tmp_path / "a", {"rgba": Stack(rgba.shape, rgba.dtype, [rgba[:2]])}, {})
    assert not list(tmp_path.iterdir())
